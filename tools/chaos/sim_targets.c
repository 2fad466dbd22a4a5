#include "tools/chaos/sim_targets.h"

#include <string.h>

#include "tools/chaos/clients.h"
#include "tools/chaos/loads.h"
#include "tools/chaos/node_labels.h"
#include "tools/chaos/user.h"

const char sim_targets_user[] = "user";

/* ---- the cluster */

void sim_targets_cluster(struct cluster *c, const struct script *s)
{
	struct cluster_actor extra[SCRIPT_CLIENTS_MAX + 2] = {{sim_targets_user, "user", &chaos_user_actor, NULL, 0}};
	struct arena names = {0};
	for (unsigned i = 0; i < (unsigned)s->clients; i++)
		extra[1 + i] = (struct cluster_actor){sim_targets_user, arena_printf(&names, "client%u", i + 1),
						      &chaos_client_actor, NULL, i + 1};
	struct cluster_wish w = {
		.nodes = (size_t)s->nodes,
		.node_cpu = s->node_cpu,
		.node_pods = s->node_pods,
		.workloads = loads_need_workloads(s),
		.apart = s->layout == LAYOUT_APART,
		.standby = s->standby,
		.labels = node_labels_put,
		.labels_arg = s,
		.extra = extra,
	};
	cluster_plan(c, &w);
	arena_fini(&names);
}

/* ---- targets: the user is none */

static bool is_user(const char *cell)
{
	return strcmp(cell, sim_targets_user) == 0;
}

static bool actor_matches(const struct cluster_actor *a, const struct target *t)
{
	const char *is = t->type == TARGET_KIND ? a->spec->kind : a->name;
	return !is_user(a->cell) && glob_matches(t->name, is);
}

static bool is_node(const struct cluster *c, const char *cell)
{
	for (size_t i = 0; i < c->actor_count; i++)
		if (c->actors[i].node && strcmp(c->actors[i].cell, cell) == 0)
			return true;
	return false;
}

static bool cell_matches(const struct script *s, const struct cluster *c, const char *cell, const struct target *t)
{
	bool may = t->type == TARGET_CELL ? !is_user(cell) : is_node(c, cell);
	return may && glob_matches(t->name, cell) && node_is_labelled(s, cell, t);
}

static void add_spot(struct arena *a, struct spots *out, const char *name)
{
	out->names[out->count++] = arena_dup(a, name);
}

static bool has_spot(const struct spots *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->names[i], name) == 0)
			return true;
	return false;
}

static void match_zones(const struct script *s, const struct cluster *c, struct arena *a, struct spots *out,
			const char *pattern)
{
	for (size_t i = 0; i < c->cell_count; i++) {
		const char *zone = is_node(c, c->cells[i]) ? node_label(s, c->cells[i], "zone") : NULL;
		if (zone && glob_matches(pattern, zone) && !has_spot(out, zone))
			add_spot(a, out, zone);
	}
}

static void match_kinds(struct arena *a, struct spots *out, const char *pattern)
{
	size_t n = 0;
	for (const struct msg_table *const *t = cluster_catalogue.tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			n++;
	out->names = arena_alloc(a, (n + 1) * sizeof *out->names);
	for (const struct msg_table *const *t = cluster_catalogue.tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (glob_matches(pattern, r->name))
				add_spot(a, out, r->name);
}

void sim_targets_match(const struct script *s, const struct target *t, struct arena *a,
		      struct spots *out)
{
	struct cluster c;
	sim_targets_cluster(&c, s);
	out->count = 0;
	out->names = arena_alloc(a, (c.actor_count + c.cell_count + 1) * sizeof *out->names);
	if (t->type == TARGET_BROKER || t->type == TARGET_STORE)
		add_spot(a, out, target_name(t->type));
	else if (t->type == TARGET_MESSAGES)
		match_kinds(a, out, t->name);
	else if (t->type == TARGET_ZONE)
		match_zones(s, &c, a, out, t->name);
	else if (t->type == TARGET_ACTOR || t->type == TARGET_KIND)
		for (size_t i = 0; i < c.actor_count; i++) {
			if (actor_matches(&c.actors[i], t))
				add_spot(a, out, c.actors[i].name);
		}
	else
		for (size_t i = 0; i < c.cell_count; i++)
			if (cell_matches(s, &c, c.cells[i], t))
				add_spot(a, out, c.cells[i]);
	cluster_fini(&c);
}
