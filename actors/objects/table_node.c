/* Rows of nodes, and of the events about everything. */
#include "actors/objects/table_private.h"

#include "broker/base/sort.h"

/* ---- nodes */

/* The value of `want` in the first map of an array whose `key` is `value`. */
static struct span find_in(struct mp object, const char *path, const char *key, const char *value,
			   const char *want)
{
	struct mp list;
	size_t n;
	if (!mp_path(object, path, &list) || mp_array(&list, &n))
		return (struct span){0};
	for (size_t i = 0; i < n; i++) {
		if (span_is(mp_path_str(list, key), value))
			return mp_path_str(list, want);
		if (mp_skip(&list))
			break;
	}
	return (struct span){0};
}

static int by_bytes(const void *a, const void *b, void *arg)
{
	(void)arg;
	return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

enum { ROLES_MAX = 16 };

static void roles_cell(struct cells *c)
{
	static const char prefix[] = "node-role.kubernetes.io/";
	struct span roles[ROLES_MAX], key, value;
	struct mp labels;
	size_t n = 0, count = 0;
	struct buf b = {0};
	if (!mp_path(c->object, "metadata.labels", &labels) || mp_map(&labels, &n))
		n = 0;
	for (size_t i = 0; i < n && count < ROLES_MAX; i++) {
		if (mp_str(&labels, &key) || mp_str(&labels, &value))
			break;
		size_t p = sizeof prefix - 1;
		if (key.len > p && memcmp(key.data, prefix, p) == 0)
			roles[count++] = (struct span){key.data + p, key.len - p};
		else if (span_is(key, "kubernetes.io/role") && value.len)
			roles[count++] = value;
	}
	sort_stable(roles, count, sizeof *roles, by_bytes, NULL);
	for (size_t i = 0; i < count; i++) {
		if (i && span_eq(roles[i], roles[i - 1]))
			continue;
		buf_puts(&b, b.len ? "," : "");
		buf_append(&b, roles[i].data, roles[i].len);
	}
	if (count == 0)
		buf_puts(&b, "<none>");
	cell_buf(c, &b);
}

void print_node(struct cells *c)
{
	static const char conditions[] = "status.conditions", addresses[] = "status.addresses";
	struct span ready = find_in(c->object, conditions, "type", "Ready", "status");
	const char *word = !ready.len ? "Unknown" : span_is(ready, "True") ? "Ready" : "NotReady";
	struct buf b = {0};
	buf_puts(&b, word);
	if (mp_path_bool(c->object, "spec.unschedulable", false))
		buf_puts(&b, ",SchedulingDisabled");
	cell_object_name(c);
	cell_buf(c, &b);
	roles_cell(c);
	cell_created(c);
	cell_text(c, cell_at(c, "status.nodeInfo.kubeletVersion"));
	cell_or(c, find_in(c->object, addresses, "type", "InternalIP", "address"), "<none>");
	cell_or(c, find_in(c->object, addresses, "type", "ExternalIP", "address"), "<none>");
	cell_or(c, cell_at(c, "status.nodeInfo.osImage"), "<unknown>");
	cell_or(c, cell_at(c, "status.nodeInfo.kernelVersion"), "<unknown>");
	cell_or(c, cell_at(c, "status.nodeInfo.containerRuntimeVersion"), "<unknown>");
}

/* ---- events */

static void object_cell(struct cells *c)
{
	struct span kind = cell_at(c, "involvedObject.kind"),
		    name = cell_at(c, "involvedObject.name");
	struct buf b = {0};
	for (size_t i = 0; i < kind.len; i++) {
		uint8_t ch = kind.data[i];
		buf_putc(&b, (char)(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch));
	}
	if (name.len)
		buf_printf(&b, "/%.*s", (int)name.len, (const char *)name.data);
	cell_buf(c, &b);
}

static void source_cell(struct cells *c)
{
	struct span who = cell_at(c, "source.component"), where = cell_at(c, "source.host");
	struct buf b = {0};
	if (who.len == 0) {
		who = cell_at(c, "reportingComponent");
		where = cell_at(c, "reportingInstance");
	}
	buf_append(&b, who.data, who.len);
	if (where.len)
		buf_printf(&b, ", %.*s", (int)where.len, (const char *)where.data);
	cell_buf(c, &b);
}

void print_event(struct cells *c)
{
	struct span first = cell_at(c, "firstTimestamp"), last = cell_at(c, "lastTimestamp");
	struct mp series;
	int64_t count = mp_path_int(c->object, "count", 0);
	if (first.len == 0)
		first = cell_at(c, "eventTime");
	if (last.len == 0)
		last = first;
	if (mp_path(c->object, "series", &series) && mp_peek(&series) == MP_MAP) {
		last = mp_path_str(series, "lastObservedTime");
		/* The event that the series began with is not counted in it. */
		count = mp_path_int(series, "count", 0) + 1;
	} else if (count == 0) {
		count = 1;
	}
	cell_age(c, last);
	cell_text(c, cell_at(c, "type"));
	cell_text(c, cell_at(c, "reason"));
	object_cell(c);
	cell_text(c, cell_at(c, "involvedObject.fieldPath"));
	source_cell(c);
	cell_text(c, span_trim(cell_at(c, "message")));
	cell_age(c, first);
	cell_int(c, count);
	cell_object_name(c);
}
