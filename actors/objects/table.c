/* Tables. Which printer a resource has is a table; a resource without one is
 * printed from its column's names. */
#include "actors/objects/table_private.h"

#include "actors/objects/objects.h"
#include "actors/schema/json.h"
#include "actors/schema/rfc3339.h"
#include "broker/base/sort.h"

/* ---- cells */

static void next_cell(struct cells *c)
{
	if (c->count++)
		buf_putc(c->out, ',');
}

void cell_text(struct cells *c, struct span text)
{
	next_cell(c);
	json_string(c->out, text);
}

void cell_or(struct cells *c, struct span text, const char *otherwise)
{
	cell_text(c, text.len ? text : span_of(otherwise));
}

void cell_int(struct cells *c, int64_t v)
{
	next_cell(c);
	buf_printf(c->out, "%lld", (long long)v);
}

void cell_buf(struct cells *c, struct buf *text)
{
	cell_text(c, span_buf(text));
	buf_fini(text);
}

void age_of(struct buf *out, struct span time, int64_t now_us)
{
	int64_t us;
	if (time.len == 0 || rfc3339_parse(time, &us))
		buf_puts(out, "<unknown>");
	else
		table_duration(out, now_us - us);
}

void cell_age(struct cells *c, struct span time)
{
	struct buf b = {0};
	age_of(&b, time, c->now_us);
	cell_buf(c, &b);
}

size_t count_at(struct mp object, const char *path)
{
	struct mp v;
	size_t n = 0;
	if (!mp_path(object, path, &v))
		return 0;
	if (mp_map(&v, &n) && mp_array(&v, &n))
		return 0;
	return n;
}

void cell_labels(struct cells *c, const char *path)
{
	struct mp labels;
	struct span key, value;
	struct buf b = {0};
	size_t n = 0;
	if (!mp_path(c->object, path, &labels) || mp_map(&labels, &n))
		n = 0;
	for (size_t i = 0; i < n && !mp_str(&labels, &key) && !mp_str(&labels, &value); i++)
		buf_printf(&b, "%s%.*s=%.*s", i ? "," : "", (int)key.len, (const char *)key.data,
			   (int)value.len, (const char *)value.data);
	if (!b.len)
		buf_puts(&b, "<none>");
	cell_buf(c, &b);
}

/* ---- durations */

/* "8h" or "8h30m": the second unit only when it is not zero. */
static void two_units(struct buf *out, int64_t a, const char *unit_a, int64_t b, const char *unit_b)
{
	buf_printf(out, "%lld%s", (long long)a, unit_a);
	if (b)
		buf_printf(out, "%lld%s", (long long)b, unit_b);
}

void table_duration(struct buf *out, int64_t us)
{
	int64_t s = us / 1000000, m = s / 60, h = m / 60, d = h / 24;
	if (s < -1)
		buf_puts(out, "<invalid>");
	else if (s < 0)
		buf_puts(out, "0s");
	else if (s < 120)
		two_units(out, s, "s", 0, "");
	else if (m < 10)
		two_units(out, m, "m", s % 60, "s");
	else if (m < 180)
		two_units(out, m, "m", 0, "");
	else if (h < 8)
		two_units(out, h, "h", m % 60, "m");
	else if (h < 48)
		two_units(out, h, "h", 0, "");
	else if (h < 24 * 8)
		two_units(out, d, "d", h % 24, "h");
	else if (h < 24 * 365 * 2)
		two_units(out, d, "d", 0, "");
	else if (h < 24 * 365 * 8)
		two_units(out, d / 365, "y", d % 365, "d");
	else
		two_units(out, d / 365, "y", 0, "");
}

/* ---- printers */

static struct span at(const struct cells *c, const char *path)
{
	return mp_path_str(c->object, path);
}

static void name_cell(struct cells *c)
{
	cell_text(c, at(c, "metadata.name"));
}

static void created_cell(struct cells *c)
{
	cell_age(c, at(c, "metadata.creationTimestamp"));
}

static void print_namespace(struct cells *c)
{
	name_cell(c);
	cell_text(c, at(c, "status.phase"));
	created_cell(c);
}

static void print_configmap(struct cells *c)
{
	name_cell(c);
	cell_int(c, (int64_t)(count_at(c->object, "data") + count_at(c->object, "binaryData")));
	created_cell(c);
}

static void print_secret(struct cells *c)
{
	name_cell(c);
	cell_text(c, at(c, "type"));
	cell_int(c, (int64_t)count_at(c->object, "data"));
	created_cell(c);
}

static void print_serviceaccount(struct cells *c)
{
	name_cell(c);
	cell_int(c, (int64_t)count_at(c->object, "secrets"));
	created_cell(c);
}

static void print_lease(struct cells *c)
{
	name_cell(c);
	cell_text(c, at(c, "spec.holderIdentity"));
	created_cell(c);
}

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

static void print_node(struct cells *c)
{
	static const char conditions[] = "status.conditions", addresses[] = "status.addresses";
	struct span ready = find_in(c->object, conditions, "type", "Ready", "status");
	const char *word = !ready.len ? "Unknown" : span_is(ready, "True") ? "Ready" : "NotReady";
	struct buf b = {0};
	buf_puts(&b, word);
	if (mp_path_bool(c->object, "spec.unschedulable", false))
		buf_puts(&b, ",SchedulingDisabled");
	name_cell(c);
	cell_buf(c, &b);
	roles_cell(c);
	created_cell(c);
	cell_text(c, at(c, "status.nodeInfo.kubeletVersion"));
	cell_or(c, find_in(c->object, addresses, "type", "InternalIP", "address"), "<none>");
	cell_or(c, find_in(c->object, addresses, "type", "ExternalIP", "address"), "<none>");
	cell_or(c, at(c, "status.nodeInfo.osImage"), "<unknown>");
	cell_or(c, at(c, "status.nodeInfo.kernelVersion"), "<unknown>");
	cell_or(c, at(c, "status.nodeInfo.containerRuntimeVersion"), "<unknown>");
}

/* ---- events */

static void object_cell(struct cells *c)
{
	struct span kind = at(c, "involvedObject.kind"), name = at(c, "involvedObject.name");
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
	struct span who = at(c, "source.component"), where = at(c, "source.host");
	struct buf b = {0};
	if (who.len == 0) {
		who = at(c, "reportingComponent");
		where = at(c, "reportingInstance");
	}
	buf_append(&b, who.data, who.len);
	if (where.len)
		buf_printf(&b, ", %.*s", (int)where.len, (const char *)where.data);
	cell_buf(c, &b);
}

static struct span trimmed(struct span s)
{
	while (s.len && strchr(" \t\r\n", s.data[0]))
		s.data++, s.len--;
	while (s.len && strchr(" \t\r\n", s.data[s.len - 1]))
		s.len--;
	return s;
}

static void print_event(struct cells *c)
{
	struct span first = at(c, "firstTimestamp"), last = at(c, "lastTimestamp");
	struct mp series;
	int64_t count = mp_path_int(c->object, "count", 0);
	if (first.len == 0)
		first = at(c, "eventTime");
	if (last.len == 0)
		last = first;
	if (mp_path(c->object, "series", &series) && mp_peek(&series) == MP_MAP) {
		last = mp_path_str(series, "lastObservedTime");
		count = mp_path_int(series, "count", 0);
	} else if (count == 0) {
		count = 1;
	}
	cell_age(c, last);
	cell_text(c, at(c, "type"));
	cell_text(c, at(c, "reason"));
	object_cell(c);
	cell_text(c, at(c, "involvedObject.fieldPath"));
	source_cell(c);
	cell_text(c, trimmed(at(c, "message")));
	cell_age(c, first);
	cell_int(c, count);
	name_cell(c);
}

/* ---- any other kind */

static void print_by_columns(struct cells *c)
{
	const struct schema_resource *r = c->resource;
	for (size_t i = 0; i < r->column_count; i++) {
		const char *name = r->columns[i].name;
		if (strcmp(name, "Name") == 0)
			name_cell(c);
		else if (strcmp(name, "Age") == 0)
			created_cell(c);
		else
			cell_text(c, strcmp(name, "Created At") == 0
					     ? at(c, "metadata.creationTimestamp")
					     : (struct span){0});
	}
	if (r->column_count == 0) {
		name_cell(c);
		created_cell(c);
	}
}

static const struct table_printer printers[] = {
	{"replicationcontrollers", print_replicationcontroller, NULL},
	{"services", print_service, NULL},
	{"endpoints", print_endpoints, NULL},
	{"endpointslices.discovery.k8s.io", print_endpointslice, NULL},
	{"pods", print_pod, pod_row_conditions},
	{"nodes", print_node, NULL},
	{"namespaces", print_namespace, NULL},
	{"configmaps", print_configmap, NULL},
	{"secrets", print_secret, NULL},
	{"serviceaccounts", print_serviceaccount, NULL},
	{"events", print_event, NULL},
	{"leases.coordination.k8s.io", print_lease, NULL},
};
static const struct table_printer plain = {"", print_by_columns, NULL};

static const struct table_printer *printer_of(const struct schema_resource *r)
{
	for (size_t i = 0; i < sizeof printers / sizeof *printers; i++)
		if (strcmp(printers[i].stream, r->stream) == 0)
			return &printers[i];
	return &plain;
}

/* ---- the table */

static void write_columns(struct buf *out, const struct schema_resource *r)
{
	static const struct schema_column bare[] = {
		{"Name", "string", "name", "The name, unique within a namespace.", 0},
		{"Age", "string", "", "How long ago it was created.", 0},
	};
	const struct schema_column *all = r->column_count ? r->columns : bare;
	size_t n = r->column_count ? r->column_count : 2;
	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		buf_puts(out, i ? ",{\"name\":" : "{\"name\":");
		json_string(out, span_of(all[i].name));
		buf_puts(out, ",\"type\":");
		json_string(out, span_of(all[i].type));
		buf_puts(out, ",\"format\":");
		json_string(out, span_of(all[i].format ? all[i].format : ""));
		buf_puts(out, ",\"description\":");
		json_string(out, span_of(all[i].description ? all[i].description : ""));
		buf_printf(out, ",\"priority\":%d}", all[i].priority);
	}
	buf_putc(out, ']');
}

static void write_list_meta(struct buf *out, uint64_t version, const char *next, int64_t remaining)
{
	const char *comma = "";
	if (version) {
		buf_printf(out, "\"resourceVersion\":\"%llu\"", (unsigned long long)version);
		comma = ",";
	}
	if (next && *next) {
		buf_printf(out, "%s\"continue\":", comma);
		json_string(out, span_of(next));
		comma = ",";
	}
	if (remaining >= 0)
		buf_printf(out, "%s\"remainingItemCount\":%lld", comma, (long long)remaining);
}

void table_open(struct table *t, struct buf *out, const struct schema_resource *r,
		enum table_include include, int64_t now_us, bool columns, uint64_t version,
		const char *next, int64_t remaining)
{
	*t = (struct table){.out = out,
			    .resource = r,
			    .include = include,
			    .now_us = now_us,
			    .printer = printer_of(r)};
	buf_puts(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{");
	write_list_meta(out, version, next, remaining);
	buf_puts(out, "},\"columnDefinitions\":");
	if (columns)
		write_columns(out, r);
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"rows\":[");
}

static void write_cells(const struct table_printer *p, struct buf *out,
			const struct schema_resource *r, struct mp object, int64_t now_us)
{
	struct cells c = {.out = out, .object = object, .resource = r, .now_us = now_us};
	buf_putc(out, '[');
	p->print(&c);
	buf_putc(out, ']');
}

void table_row(struct table *t, struct mp object, uint64_t version)
{
	struct buf *out = t->out;
	const char *conditions = t->printer->conditions ? t->printer->conditions(object) : NULL;
	if (t->rows++)
		buf_putc(out, ',');
	buf_puts(out, "{\"cells\":");
	write_cells(t->printer, out, t->resource, object, t->now_us);
	if (conditions)
		buf_printf(out, ",\"conditions\":%s", conditions);
	buf_puts(out, ",\"object\":");
	struct bytes *shown =
		t->include == TABLE_OBJECT ? objects_visible(t->resource, object) : NULL;
	if (t->include == TABLE_OBJECT)
		(void)json_object(out, shown ? mp_of(bytes_span(shown)) : object, version);
	else if (t->include == TABLE_METADATA)
		(void)json_metadata(out, object, version);
	else
		buf_puts(out, "null");
	bytes_unref(shown);
	buf_putc(out, '}');
}

void table_close(struct table *t)
{
	buf_puts(t->out, "]}");
}

void table_cells(struct buf *out, const struct schema_resource *r, struct mp object, int64_t now_us)
{
	write_cells(printer_of(r), out, r, object, now_us);
}

bool table_include_parse(struct span text, enum table_include *out)
{
	static const char *const names[] = {
		[TABLE_METADATA] = "Metadata", [TABLE_NONE] = "None", [TABLE_OBJECT] = "Object"};
	*out = TABLE_METADATA;
	for (size_t i = 0; i < 3; i++)
		if (span_is(text, names[i])) {
			*out = (enum table_include)i;
			return true;
		}
	return text.len == 0;
}
