#include "tools/chaos/node_labels.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/mp.h"

static const char zone[] = "topology.kubernetes.io/zone";

static const char *full(const char *key)
{
	return strcmp(key, "zone") == 0 ? zone : key;
}

static const char *zone_of(const struct script *s, const char *node)
{
	size_t number = strtoul(node + 1, NULL, 10); /* of n1 */
	return s->zone_count && number ? s->zones[(number - 1) % s->zone_count] : NULL;
}

const char *node_label(const struct script *s, const char *node, const char *key)
{
	for (size_t i = s->labels_count; i > 0; i--) {
		const struct node_labels *l = &s->labels[i - 1];
		for (size_t k = glob_matches(l->node, node) ? l->count : 0; k > 0; k--)
			if (strcmp(full(l->labels[k - 1].key), full(key)) == 0)
				return l->labels[k - 1].value;
	}
	return strcmp(full(key), zone) == 0 ? zone_of(s, node) : NULL;
}

bool node_is_labelled(const struct script *s, const char *node, const struct target *t)
{
	for (size_t i = 0; i < t->with_count; i++) {
		const char *value = node_label(s, node, t->with[i].key);
		if (!value || !glob_matches(t->with[i].value, value))
			return false;
	}
	return true;
}

/* Each key once: where it is given last, and the zone where no line gives it. */
static size_t put_all(const struct script *s, const char *node, struct buf *out)
{
	size_t n = 0;
	bool zoned = false;
	for (size_t i = 0; i < s->labels_count; i++) {
		const struct node_labels *l = &s->labels[i];
		for (size_t k = 0; k < (glob_matches(l->node, node) ? l->count : 0); k++) {
			const char *key = full(l->labels[k].key);
			if (node_label(s, node, key) != l->labels[k].value)
				continue;
			mpw_kv_str(out, key, l->labels[k].value);
			zoned = zoned || key == zone || strcmp(key, zone) == 0;
			n++;
		}
	}
	if (zoned || !zone_of(s, node))
		return n;
	mpw_kv_str(out, zone, zone_of(s, node));
	return n + 1;
}

size_t node_labels_put(const void *script, const char *node, struct buf *out)
{
	size_t at = mpw_map_open(out), n = put_all(script, node, out);
	mpw_map_close(out, at, n);
	return n;
}
