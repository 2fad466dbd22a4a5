/* Rows of autoscalers: what is measured, of what is aimed at. */
#include "actors/objects/table_private.h"

#include <stdio.h>

enum { METRICS_SHOWN = 2 };

static const struct {
	const char *type, *field;
} sources[] = {
	{"Resource", "resource"}, {"ContainerResource", "containerResource"},
	{"Pods", "pods"},	  {"Object", "object"},
	{"External", "external"},
};

struct shown {
	struct buf text;
	struct mp object;
	size_t count;
};

static const char *field_of(struct span type)
{
	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
		if (span_is(type, sources[i].type))
			return sources[i].field;
	return NULL;
}

/* The measured value of the metric at that place in the list, as text. */
static void put_current(struct buf *b, struct mp object, size_t at, const char *field,
			const char *value)
{
	struct mp list, v;
	size_t n = 0;
	char path[80];
	snprintf(path, sizeof path, "%s.current.%s", field, value);
	if (mp_path(object, "status.currentMetrics", &list) && !mp_array(&list, &n) && at < n) {
		for (size_t i = 0; i < at; i++)
			mp_skip(&list);
		if (mp_path(list, path, &v) && mp_peek(&v) == MP_STR) {
			struct span s = mp_path_str(list, path);
			buf_append(b, s.data, s.len);
			return;
		}
		if (mp_path(list, path, &v)) {
			buf_printf(b, "%lld%%", (long long)mp_path_int(list, path, 0));
			return;
		}
	}
	buf_puts(b, "<unknown>");
}

static void show_metric(void *to, struct mp metric)
{
	struct shown *s = to;
	size_t at = s->count++;
	const char *field = field_of(mp_path_str(metric, "type"));
	struct mp m, v;
	if (at >= METRICS_SHOWN)
		return;
	if (at > 0)
		buf_puts(&s->text, ", ");
	if (!field || !mp_path(metric, field, &m)) {
		buf_puts(&s->text, "<unknown type>");
		return;
	}
	bool resource = strncmp(field, "resource", 8) == 0 || field[0] == 'c';
	if (resource) {
		struct span name = mp_path_str(m, "name");
		buf_printf(&s->text, "%.*s: ", (int)name.len, (const char *)name.data);
	}
	if (resource && mp_path(m, "target.averageUtilization", &v)) {
		put_current(&s->text, s->object, at, field, "averageUtilization");
		buf_printf(&s->text, "/%lld%%",
			   (long long)mp_path_int(m, "target.averageUtilization", 0));
		return;
	}
	bool average = mp_path(m, "target.averageValue", &v);
	struct span want = mp_path_str(m, average ? "target.averageValue" : "target.value");
	put_current(&s->text, s->object, at, field, average ? "averageValue" : "value");
	buf_printf(&s->text, "/%.*s%s", (int)want.len, (const char *)want.data,
		   average && (field[0] == 'o' || field[0] == 'e') ? " (avg)" : "");
}

static void targets_cell(struct cells *c)
{
	struct shown s = {.object = c->object};
	each_at(c->object, "spec.metrics", show_metric, &s);
	if (s.count > METRICS_SHOWN)
		buf_printf(&s.text, " + %zu more...", s.count - METRICS_SHOWN);
	if (!s.count)
		buf_puts(&s.text, "<none>");
	cell_buf(c, &s.text);
}

void print_autoscaler(struct cells *c)
{
	struct span kind = cell_at(c, "spec.scaleTargetRef.kind"),
		    name = cell_at(c, "spec.scaleTargetRef.name");
	struct buf reference = {0}, least = {0};
	struct mp unused;
	buf_printf(&reference, "%.*s/%.*s", (int)kind.len, (const char *)kind.data, (int)name.len,
		   (const char *)name.data);
	if (mp_path(c->object, "spec.minReplicas", &unused))
		buf_printf(&least, "%lld",
			   (long long)mp_path_int(c->object, "spec.minReplicas", 0));
	else
		buf_puts(&least, "<unset>");
	cell_object_name(c);
	cell_buf(c, &reference);
	targets_cell(c);
	cell_buf(c, &least);
	cell_int(c, mp_path_int(c->object, "spec.maxReplicas", 0));
	cell_int(c, mp_path_int(c->object, "status.currentReplicas", 0));
	cell_created(c);
}
