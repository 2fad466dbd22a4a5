/* Tables. Which printer a resource has is a table; a resource without one is
 * printed from its column's names. */
#include "actors/objects/table_private.h"

#include "actors/objects/objects.h"
#include "actors/schema/json.h"
#include "actors/schema/rfc3339.h"
#include "actors/schema/selectors.h"

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

void cell_bool(struct cells *c, bool v)
{
	next_cell(c);
	buf_puts(c->out, v ? "true" : "false");
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

struct span cell_at(const struct cells *c, const char *path)
{
	return mp_path_str(c->object, path);
}

void cell_object_name(struct cells *c)
{
	cell_text(c, cell_at(c, "metadata.name"));
}

void cell_created(struct cells *c)
{
	cell_age(c, cell_at(c, "metadata.creationTimestamp"));
}

void each_at(struct mp object, const char *path, void (*each)(void *to, struct mp item), void *to)
{
	struct mp list;
	size_t n = 0;
	if (!mp_path(object, path, &list) || mp_array(&list, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		each(to, list);
		if (mp_skip(&list))
			return;
	}
}

void put_item(struct buf *b, struct span s)
{
	if (b->len)
		buf_putc(b, ',');
	buf_append(b, s.data, s.len);
}

void cell_selector(struct cells *c, const char *path)
{
	const struct label_selector *selector;
	struct arena a = {0};
	struct doc *d = NULL;
	struct mp m;
	struct buf b = {0};
	if (mp_path(c->object, path, &m) && !doc_from_mp(&a, m, &d, NULL) &&
	    !label_selector_from_doc(&a, d, &selector, NULL))
		label_selector_text(selector, &b);
	if (!b.len)
		buf_puts(&b, "<none>");
	cell_buf(c, &b);
	arena_fini(&a);
}

static void put_name(void *to, struct mp container)
{
	put_item(to, mp_path_str(container, "name"));
}

static void put_image(void *to, struct mp container)
{
	put_item(to, mp_path_str(container, "image"));
}

void cells_containers(struct cells *c, const char *path)
{
	struct buf names = {0}, images = {0};
	each_at(c->object, path, put_name, &names);
	each_at(c->object, path, put_image, &images);
	cell_buf(c, &names);
	cell_buf(c, &images);
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

static void print_namespace(struct cells *c)
{
	cell_object_name(c);
	cell_text(c, cell_at(c, "status.phase"));
	cell_created(c);
}

static void print_configmap(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, (int64_t)(count_at(c->object, "data") + count_at(c->object, "binaryData")));
	cell_created(c);
}

static void print_secret(struct cells *c)
{
	cell_object_name(c);
	cell_text(c, cell_at(c, "type"));
	cell_int(c, (int64_t)count_at(c->object, "data"));
	cell_created(c);
}

static void print_serviceaccount(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, (int64_t)count_at(c->object, "secrets"));
	cell_created(c);
}

static void print_lease(struct cells *c)
{
	cell_object_name(c);
	cell_text(c, cell_at(c, "spec.holderIdentity"));
	cell_created(c);
}

/* ---- what a subresource gives */

static void print_scale(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, mp_path_int(c->object, "spec.replicas", 0));
	cell_int(c, mp_path_int(c->object, "status.replicas", 0));
	cell_created(c);
}

static const struct schema_column scale_columns[] = {
	{"Name", "string", "name", "The name of what is scaled.", 0},
	{"Desired", "integer", "", "How many replicas are wanted.", 0},
	{"Available", "integer", "", "How many replicas there are.", 0},
	{"Age", "string", "", "How long ago it was created.", 0},
};
const struct schema_resource table_scale = {
	.kind = "Scale",
	.stream = "scale",
	.columns = scale_columns,
	.column_count = sizeof scale_columns / sizeof *scale_columns,
};

/* ---- any other kind */

static void print_by_columns(struct cells *c)
{
	const struct schema_resource *r = c->resource;
	for (size_t i = 0; i < r->column_count; i++) {
		const char *name = r->columns[i].name;
		if (strcmp(name, "Name") == 0)
			cell_object_name(c);
		else if (strcmp(name, "Age") == 0)
			cell_created(c);
		else
			cell_text(c, strcmp(name, "Created At") == 0
					     ? cell_at(c, "metadata.creationTimestamp")
					     : (struct span){0});
	}
	if (r->column_count == 0) {
		cell_object_name(c);
		cell_created(c);
	}
}

static const struct table_printer printers[] = {
	{"replicationcontrollers", print_replicationcontroller, NULL},
	{"deployments.apps", print_deployment, NULL},
	{"replicasets.apps", print_replicationcontroller, NULL},
	{"daemonsets.apps", print_daemonset, NULL},
	{"statefulsets.apps", print_statefulset, NULL},
	{"controllerrevisions.apps", print_controllerrevision, NULL},
	{"jobs.batch", print_job, NULL},
	{"cronjobs.batch", print_cronjob, NULL},
	{"podtemplates", print_podtemplate, NULL},
	{"horizontalpodautoscalers.autoscaling", print_autoscaler, NULL},
	{"resourcequotas", print_resourcequota, NULL},
	{"poddisruptionbudgets.policy", print_poddisruptionbudget, NULL},
	{"rolebindings.rbac.authorization.k8s.io", print_binding, NULL},
	{"clusterrolebindings.rbac.authorization.k8s.io", print_binding, NULL},
	{"ingresses.networking.k8s.io", print_ingress, NULL},
	{"ingressclasses.networking.k8s.io", print_ingressclass, NULL},
	{"networkpolicies.networking.k8s.io", print_networkpolicy, NULL},
	{"priorityclasses.scheduling.k8s.io", print_priorityclass, NULL},
	{"runtimeclasses.node.k8s.io", print_runtimeclass, NULL},
	{"persistentvolumes", print_persistentvolume, NULL},
	{"persistentvolumeclaims", print_persistentvolumeclaim, NULL},
	{"storageclasses.storage.k8s.io", print_storageclass, NULL},
	{"volumeattachments.storage.k8s.io", print_volumeattachment, NULL},
	{"csidrivers.storage.k8s.io", print_csidriver, NULL},
	{"csinodes.storage.k8s.io", print_csinode, NULL},
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
	{"scale", print_scale, NULL},
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
		struct table_form form, int64_t now_us, bool columns, uint64_t version,
		const char *next, int64_t remaining)
{
	*t = (struct table){.out = out,
			    .resource = r,
			    .form = form,
			    .now_us = now_us,
			    .printer = printer_of(r)};
	buf_printf(out, "{\"kind\":\"Table\",\"apiVersion\":\"%s\",\"metadata\":{", meta_api_versions[form.version]);
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
		t->form.include == TABLE_OBJECT && t->resource->stored ? objects_visible(t->resource, object) : NULL;
	if (t->form.include == TABLE_OBJECT)
		(void)json_object(out, shown ? mp_of_bytes(shown) : object, version);
	else if (t->form.include == TABLE_METADATA)
		(void)json_metadata(out, object, version, t->form.version);
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
