#include "tools/up_network.h"

#include <stdio.h>
#include <stdlib.h>

#include "nodes/network/node_network.h"
#include "nodes/network/node_space.h"

static int check_slot(const char *data_dir, int nodes, unsigned slot, struct err *e)
{
	struct config_slot s = config_slot(slot);
	struct node_space_config several = {.data_dir = data_dir, .services = s.services,
					    .range = s.nodes_range, .bridge = s.nodes_bridge};
	struct node_network_config lone = {.data_dir = data_dir, .node = "n1", .subnet = s.subnet,
					   .services = s.services, .bridge = s.bridge};
	return nodes > 1 ? node_space_check(&several, s.subnet, e) : node_network_check(&lone, e);
}

static void say_slot(int nodes, struct config_slot s, const char *why)
{
	if (nodes > 1)
		fprintf(stderr, "network: %s, services %s, nodes %s (%s)\n", s.pods, s.services,
			s.nodes_range, why);
	else
		fprintf(stderr, "network: %s, services %s (%s)\n", s.subnet, s.services, why);
}

int up_network_choose(const char *data_dir, int nodes, unsigned *slot, struct err *e)
{
	struct config before = {0};
	struct err first = {0};
	char path[500];
	snprintf(path, sizeof path, "%s/cluster.yaml", data_dir);
	unsigned had = config_load(&before, path, NULL) == 0 ? config_slot_of(&before) : CONFIG_SLOTS;
	config_fini(&before);
	if (had < CONFIG_SLOTS) {
		*slot = had;
		return check_slot(data_dir, nodes, had, e);
	}
	int rc = check_slot(data_dir, nodes, 0, &first);
	for (*slot = 0; rc && ++*slot < CONFIG_SLOTS;)
		rc = check_slot(data_dir, nodes, *slot, e);
	if (rc)
		*e = first;
	else if (*slot)
		say_slot(nodes, config_slot(*slot), first.text);
	return rc;
}

static int take_lone(const struct node_network_config *cfg, struct err *e)
{
	struct node_network *n;
	int rc = node_network_check(cfg, e);
	rc = rc ? rc : node_network_open(&n, cfg, e);
	if (rc == 0)
		node_network_close(n);
	return rc;
}

static int take_several(struct node_space_config *cfg, const struct places *all, struct err *e)
{
	struct node_peer *peers = mem_alloc(all->count * sizeof *peers);
	for (size_t i = 0; i < all->count; i++)
		peers[i] = (struct node_peer){all->all[i].subnet, all->all[i].address};
	cfg->peers = peers;
	cfg->peer_count = all->count;
	int rc = node_space_check(cfg, *peers[0].subnet ? peers[0].subnet : NULL, e);
	rc = rc ? rc : node_space_claim(cfg, e);
	free(peers);
	return rc;
}

int up_network_take(const char *data_dir, const struct config *c, const struct places *all,
		    struct err *e)
{
	char services[CONFIG_RANGE_MAX], api[CONFIG_RANGE_MAX];
	if (!all->count)
		return 0;
	bool before = node_network_made(data_dir);
	const struct place *first = &all->all[0];
	config_services(c, services, api);
	struct node_space_config several = {.data_dir = data_dir, .services = services,
					    .range = c->nodes_range, .bridge = c->nodes_bridge};
	struct node_network_config lone = {.data_dir = data_dir, .node = first->node,
					   .subnet = *first->subnet ? first->subnet : NULL,
					   .services = services, .bridge = first->bridge};
	int rc = all->own ? take_several(&several, all, e) : take_lone(&lone, e);
	if (rc && !before)
		node_network_remove(data_dir);
	return rc;
}
