/* Rows of what runs pods. */
#include "actors/objects/table_private.h"

#include "actors/schema/conditions.h"
#include "actors/schema/rfc3339.h"

static int64_t number(const struct cells *c, const char *path)
{
	return mp_path_int(c->object, path, 0);
}

/* "2/3" */
static void cell_of(struct cells *c, int64_t some, int64_t all)
{
	struct buf b = {0};
	buf_printf(&b, "%lld/%lld", (long long)some, (long long)all);
	cell_buf(c, &b);
}

static const char containers[] = "spec.template.spec.containers";

void print_deployment(struct cells *c)
{
	cell_object_name(c);
	cell_of(c, number(c, "status.readyReplicas"), number(c, "spec.replicas"));
	cell_int(c, number(c, "status.updatedReplicas"));
	cell_int(c, number(c, "status.availableReplicas"));
	cell_created(c);
	cells_containers(c, containers);
	cell_selector(c, "spec.selector");
}

void print_daemonset(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, number(c, "status.desiredNumberScheduled"));
	cell_int(c, number(c, "status.currentNumberScheduled"));
	cell_int(c, number(c, "status.numberReady"));
	cell_int(c, number(c, "status.updatedNumberScheduled"));
	cell_int(c, number(c, "status.numberAvailable"));
	cell_labels(c, "spec.template.spec.nodeSelector");
	cell_created(c);
	cells_containers(c, containers);
	cell_selector(c, "spec.selector");
}

void print_statefulset(struct cells *c)
{
	cell_object_name(c);
	cell_of(c, number(c, "status.readyReplicas"), number(c, "spec.replicas"));
	cell_created(c);
	cells_containers(c, containers);
}

static void put_controller(void *to, struct mp owner)
{
	struct buf *b = to;
	struct span api = mp_path_str(owner, "apiVersion"), kind = mp_path_str(owner, "kind");
	const uint8_t *slash = api.len ? memchr(api.data, '/', api.len) : NULL;
	if (b->len || !mp_path_bool(owner, "controller", false))
		return;
	for (size_t i = 0; i < kind.len; i++)
		buf_putc(b, (char)(kind.data[i] >= 'A' && kind.data[i] <= 'Z' ? kind.data[i] | 0x20
									      : kind.data[i]));
	if (slash)
		buf_printf(b, ".%.*s", (int)(slash - api.data), (const char *)api.data);
	struct span name = mp_path_str(owner, "name");
	buf_printf(b, "/%.*s", (int)name.len, (const char *)name.data);
}

void print_controllerrevision(struct cells *c)
{
	struct buf owner = {0};
	each_at(c->object, "metadata.ownerReferences", put_controller, &owner);
	if (!owner.len)
		buf_puts(&owner, "<none>");
	cell_object_name(c);
	cell_buf(c, &owner);
	cell_int(c, number(c, "revision"));
	cell_created(c);
}

static void completions_cell(struct cells *c)
{
	struct mp unused;
	int64_t parallel = number(c, "spec.parallelism"), done = number(c, "status.succeeded");
	struct buf b = {0};
	buf_printf(&b, "%lld/", (long long)done);
	if (mp_path(c->object, "spec.completions", &unused))
		buf_printf(&b, "%lld", (long long)number(c, "spec.completions"));
	else if (parallel > 1)
		buf_printf(&b, "1 of %lld", (long long)parallel);
	else
		buf_putc(&b, '1');
	cell_buf(c, &b);
}

static void duration_cell(struct cells *c)
{
	int64_t start, end = c->now_us;
	struct span ended = cell_at(c, "status.completionTime");
	struct buf b = {0};
	if (!rfc3339_parse(cell_at(c, "status.startTime"), &start) &&
	    (!ended.len || !rfc3339_parse(ended, &end)))
		table_duration(&b, end - start);
	cell_buf(c, &b);
}

/* The first of these that it is. */
static void job_status_cell(struct cells *c)
{
	static const char *const words[][2] = {
		{"Complete", "Complete"},
		{"Failed", "Failed"},
		{NULL, "Terminating"}, /* no condition: it is being deleted */
		{"Suspended", "Suspended"},
		{"FailureTarget", "FailureTarget"},
		{"SuccessCriteriaMet", "SuccessCriteriaMet"},
	};
	const char *word = "Running";
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i][0] ? condition_is(c->object, words[i][0], "True")
				: cell_at(c, "metadata.deletionTimestamp").len > 0) {
			word = words[i][1];
			break;
		}
	cell_text(c, span_of(word));
}

void print_job(struct cells *c)
{
	cell_object_name(c);
	job_status_cell(c);
	completions_cell(c);
	duration_cell(c);
	cell_created(c);
	cells_containers(c, containers);
	cell_selector(c, "spec.selector");
}

void print_cronjob(struct cells *c)
{
	struct span last = cell_at(c, "status.lastScheduleTime"), zone = cell_at(c, "spec.timeZone");
	bool suspended = mp_path_bool(c->object, "spec.suspend", false);
	cell_object_name(c);
	cell_text(c, cell_at(c, "spec.schedule"));
	cell_text(c, zone.len ? zone : span_of("<none>"));
	cell_text(c, span_of(suspended ? "True" : "False"));
	cell_int(c, (int64_t)count_at(c->object, "status.active"));
	if (last.len)
		cell_age(c, last);
	else
		cell_text(c, span_of("<none>"));
	cell_created(c);
	cells_containers(c, "spec.jobTemplate.spec.template.spec.containers");
	cell_selector(c, "spec.jobTemplate.spec.selector");
}

void print_podtemplate(struct cells *c)
{
	cell_object_name(c);
	cells_containers(c, "template.spec.containers");
	cell_labels(c, "template.metadata.labels");
}
