/* The lines that say what the cluster is and what a script may do to it. */
#include <string.h>

#include "actors/schema/names.h"
#include "actors/schema/quantity.h"
#include "nodes/node_labels.h"
#include "tools/chaos/loads.h"
#include "tools/chaos/parser.h"
#include "tools/chaos/world.h"

enum { QUOTA_NAMES_MAX = 16 };

int parse_version(struct parser *p)
{
	int64_t n;
	int rc = parser_number(p, "the language's version", 1, 1, &n);
	p->s->version = 1;
	return rc;
}

int parse_title(struct parser *p)
{
	return parser_string(p, "a title in quotes", &p->s->title);
}

int parse_world(struct parser *p)
{
	const char *names[CHOICES_MAX];
	size_t n = 0, i = 0;
	for (const struct world_type *const *w = world_types; *w; w++)
		names[n++] = (*w)->name;
	int rc = parser_choose(p, "world", names, n, &i);
	if (rc == 0)
		p->s->world = world_types[i];
	return rc;
}

int parse_seed(struct parser *p)
{
	return parser_u64(p, "a seed like 7 or 0x5eed", &p->s->seed);
}

static bool is_zone(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->zone_count; i++)
		if (strcmp(s->zones[i], name) == 0)
			return true;
	return false;
}

static int read_zones(struct parser *p)
{
	struct script *s = p->s;
	int rc;
	do {
		struct place at = p->lex.now.place;
		const char *name = NULL;
		rc = parser_name(p, "a zone's name", &name);
		const char *why = rc ? NULL : name_label_value(span_of(name));
		if (why)
			return script_refuse(s, at, p->e, "'%s' is no label's value: %s", name, why);
		if (rc == 0 && is_zone(s, name))
			return script_refuse(s, at, p->e, "zone '%s' is there already", name);
		if (rc == 0 && s->zone_count == SCRIPT_ZONES_MAX)
			return script_refuse(s, at, p->e, "at most %d zones", SCRIPT_ZONES_MAX);
		if (rc == 0 && (int64_t)s->zone_count == s->nodes)
			return script_refuse(s, at, p->e, "zone '%s' would have no node", name);
		if (rc == 0)
			s->zones[s->zone_count++] = name;
	} while (rc == 0 && !parser_at_end(p) && !parser_next_is(p, "cpu") && !parser_next_is(p, "pods"));
	return rc;
}

int parse_nodes(struct parser *p)
{
	p->s->nodes_place = p->lex.now.place;
	int rc = parser_number(p, "the number of nodes", 1, SCRIPT_NODES_MAX, &p->s->nodes);
	while (rc == 0 && !parser_at_end(p)) {
		if (parser_take_if(p, "cpu"))
			rc = parser_name(p, "what each has, like 4 or 500m", &p->s->node_cpu);
		else if (parser_take_if(p, "pods"))
			rc = parser_number(p, "the pods that each takes", 1, 100000, &p->s->node_pods);
		else if (parser_take_if(p, "zones"))
			rc = read_zones(p);
		else
			return parser_expected(p, "'cpu', 'pods', 'zones' or the end of the line");
	}
	return rc;
}

/* As the gate will ask for, and none that an agent has for itself. */
static int check_label(struct parser *p, const struct node_label *l)
{
	const char *why = name_qualified(span_of(l->key));
	if (why)
		return script_refuse(p->s, l->key_place, p->e, "'%s' is no label: %s", l->key, why);
	if (node_label_is_own(span_of(l->key)))
		return script_refuse(p->s, l->key_place, p->e, "'%s' is what a node's agent says", l->key);
	if (!node_label_is_allowed(span_of(l->key)))
		return script_refuse(p->s, l->key_place, p->e, "no node may give itself '%s': it is Kubernetes' own", l->key);
	why = name_label_value(span_of(l->value));
	return why ? script_refuse(p->s, l->value_place, p->e, "'%s' is no label's value: %s", l->value, why) : 0;
}

int parse_label(struct parser *p)
{
	struct script *s = p->s;
	size_t cap = 0;
	if (s->labels_count == SCRIPT_LABELS_MAX)
		return script_refuse(s, p->first.place, p->e, "at most %d of these", SCRIPT_LABELS_MAX);
	struct node_labels *l = &s->labels[s->labels_count++];
	l->place = p->lex.now.place;
	int rc = parser_name(p, "a node's name, or a pattern with *", &l->node);
	do {
		if (rc == 0 && l->count == SCRIPT_LABELS_MAX)
			rc = script_refuse(s, p->lex.now.place, p->e, "at most %d labels", SCRIPT_LABELS_MAX);
		if (rc)
			break;
		l->labels = parser_grow(p, l->labels, l->count, &cap, sizeof *l->labels);
		rc = parser_label(p, &l->labels[l->count]);
		if (rc == 0)
			rc = check_label(p, &l->labels[l->count++]);
	} while (rc == 0 && !parser_at_end(p));
	return rc;
}

int parse_layout(struct parser *p)
{
	int v = 0;
	int rc = parser_choose_row(p, "layout", layout_rows, layout_row_count, &v);
	p->s->layout = (enum layout)v;
	return rc;
}

int parse_standby(struct parser *p)
{
	p->s->standby = true;
	return 0;
}

int parse_network(struct parser *p)
{
	int rc = 0;
	while (rc == 0 && !parser_at_end(p)) {
		if (parser_take_if(p, "latency"))
			rc = parser_time_range(p, "the latency of a frame", &p->s->latency_us);
		else if (parser_take_if(p, "loss"))
			rc = parser_permille(p, &p->s->loss_permille);
		else if (parser_take_if(p, "bus-loss"))
			rc = parser_permille(p, &p->s->bus_loss_permille);
		else
			return parser_expected(p, "'latency', 'loss' or 'bus-loss'");
	}
	return rc;
}

int parse_disk(struct parser *p)
{
	int rc = parser_need(p, "sync");
	return rc ? rc : parser_time_range(p, "how long a sync takes", &p->s->sync_us);
}

int parse_warm_up(struct parser *p)
{
	return parser_time(p, "the longest warm-up", &p->s->warm_up_us);
}

static struct workload *add_load(struct parser *p, enum load_kind kind)
{
	struct script *s = p->s;
	s->loads = parser_grow(p, s->loads, s->load_count, &p->loads_cap, sizeof *s->loads);
	struct workload *w = &s->loads[s->load_count++];
	*w = (struct workload){.place = p->lex.now.place,
			       .kind = kind,
			       .cpu = "100m",
			       .does = kind == LOAD_JOB ? "exit 0 after 1s" : "run"};
	return w;
}

static int read_apart(struct parser *p, struct workload *w)
{
	if (parser_take_if(p, "node"))
		w->apart = "kubernetes.io/hostname";
	else if (parser_take_if(p, "zone"))
		w->apart = "topology.kubernetes.io/zone";
	else
		return parser_expected(p, "'node' or 'zone'");
	return 0;
}

static int read_load_options(struct parser *p, struct workload *w)
{
	int rc = 0;
	while (rc == 0 && !parser_at_end(p)) {
		if (parser_take_if(p, "cpu"))
			rc = parser_name(p, "what a pod asks for, like 100m", &w->cpu);
		else if (parser_take_if(p, "does"))
			rc = parser_string(p, "what its container does, like \"exit 1 after 2s; run\"",
					 &w->does);
		else if (parser_take_if(p, "apart"))
			rc = read_apart(p, w);
		else if (parser_take_if(p, "critical"))
			w->critical = true;
		else
			return parser_expected(p, "'cpu', 'apart', 'critical', 'does' or the end of the line");
	}
	return rc;
}

static int read_load(struct parser *p, enum load_kind kind)
{
	struct workload *w = add_load(p, kind);
	int rc = parser_name(p, arena_printf(&p->s->arena, "the %s's name", load_rows[kind].word), &w->name);
	if (rc == 0 && load_rows[kind].counts)
		rc = parser_number(p, "the number of its pods", 0, SCRIPT_PODS_MAX, &w->replicas);
	return rc || kind == LOAD_SERVICE ? rc : read_load_options(p, w);
}

#define LOAD_STATEMENT(name, kind)                                                                 \
	int parse_##name(struct parser *p)                                                         \
	{                                                                                          \
		return read_load(p, kind);                                                         \
	}
LOAD_STATEMENT(pod, LOAD_POD)
LOAD_STATEMENT(service, LOAD_SERVICE)
LOAD_STATEMENT(replicaset, LOAD_REPLICASET)
LOAD_STATEMENT(deployment, LOAD_DEPLOYMENT)
LOAD_STATEMENT(statefulset, LOAD_STATEFULSET)
LOAD_STATEMENT(daemonset, LOAD_DAEMONSET)
LOAD_STATEMENT(job, LOAD_JOB)

/* A resource that is limited, which is a word before "=". */
static int read_limited(struct parser *p, const char **out)
{
	static const char *const names[] = {
		"pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
		"ephemeral-storage", "services", "secrets", "configmaps", "persistentvolumeclaims",
		"requests.storage", "replicationcontrollers", "resourcequotas"};
	static const char prefix[] = "count/";
	struct span word = p->lex.now.text;
	size_t i = 0;
	if (word.len > strlen(prefix) && memcmp(word.data, prefix, strlen(prefix)) == 0)
		return parser_name(p, "a resource", out);
	int rc = parser_choose(p, "resource", names, sizeof names / sizeof *names, &i);
	*out = names[i];
	return rc;
}

static int read_amount(struct parser *p, const char **out)
{
	struct quantity q;
	struct place at = p->lex.now.place;
	int rc = parser_name(p, "an amount, like 12 or 2400m", out);
	if (rc == 0 && (quantity_parse(span_of(*out), &q) || q.nano < 0))
		return script_refuse(p->s, at, p->e, "expected an amount, like 12 or 2400m, not '%s'", *out);
	return rc;
}

int parse_quota(struct parser *p)
{
	struct workload *w = add_load(p, LOAD_QUOTA);
	const char **hard = arena_alloc(&p->s->arena, (2 * QUOTA_NAMES_MAX + 1) * sizeof *hard);
	size_t n = 0;
	int rc = parser_name(p, "the quota's name", &w->name);
	w->hard = hard;
	do {
		if (rc == 0)
			rc = read_limited(p, &hard[2 * n]);
		if (rc == 0)
			rc = parser_need_sign(p, "=");
		if (rc == 0)
			rc = read_amount(p, &hard[2 * n + 1]);
	} while (rc == 0 && ++n < QUOTA_NAMES_MAX && !parser_at_end(p));
	return rc;
}

/* "budget web min-available 3", "budget web max-unavailable 20%" */
int parse_budget(struct parser *p)
{
	static const char *const names[] = {"min-available", "max-unavailable"},
			  *const fields[] = {"minAvailable", "maxUnavailable"};
	struct workload *w = add_load(p, LOAD_BUDGET);
	size_t i = 0;
	int rc = parser_name(p, "the name of what has pods", &w->name);
	if (rc == 0)
		rc = parser_choose(p, "bound", names, 2, &i);
	struct place at = p->lex.now.place;
	if (rc == 0)
		rc = parser_name(p, "how many pods, like 2 or 50%", &w->amount);
	if (rc)
		return rc;
	size_t digits = strspn(w->amount, "0123456789");
	if (!digits || digits > 5 || (w->amount[digits] && strcmp(w->amount + digits, "%") != 0))
		return script_refuse(p->s, at, p->e, "expected how many pods, like 2 or 50%%, not '%s'", w->amount);
	w->budget = fields[i];
	return 0;
}

int parse_clients(struct parser *p)
{
	struct script *s = p->s;
	s->clients_place = p->lex.now.place;
	int rc = parser_number(p, "the number of clients", 1, SCRIPT_CLIENTS_MAX, &s->clients);
	while (rc == 0 && !parser_at_end(p)) {
		if (parser_take_if(p, "ops"))
			rc = parser_number(p, "what each does", 1, SCRIPT_OPS_MAX, &s->client_ops);
		else if (parser_take_if(p, "every"))
			rc = parser_time_range(p, "the time between them", &s->client_us);
		else
			return parser_expected(p, "'ops', 'every' or the end of the line");
	}
	return rc;
}

int parse_limit(struct parser *p)
{
	static const char *const names[] = {"nodes-down", "faults", "time"};
	struct script *s = p->s;
	struct place at = p->lex.now.place;
	size_t which = 0;
	int rc = parser_choose(p, "limit", names, 3, &which);
	if (rc || (rc = parser_need_sign(p, "<=")))
		return rc;
	if (which == 0) {
		s->nodes_down_place = at;
		return parser_number(p, "the nodes that are down at once", 0, SCRIPT_NODES_MAX,
				   &s->nodes_down_max);
	}
	if (which == 1) {
		s->faults_place = at;
		return parser_number(p, "the number of faults", 0, SCRIPT_FAULTS_MAX, &s->faults_max);
	}
	s->time_place = at;
	return parser_time(p, "the longest run", &s->time_max_us);
}

/* "forbid kill broker", "forbid partition": whatever else the script says. */
int parse_forbid(struct parser *p)
{
	struct script *s = p->s;
	const char *names[CHOICES_MAX];
	size_t i = 0;
	s->forbids = parser_grow(p, s->forbids, s->forbid_count, &p->forbids_cap, sizeof *s->forbids);
	struct forbid *f = &s->forbids[s->forbid_count++];
	*f = (struct forbid){.place = p->lex.now.place, .target = TARGET_NONE};
	for (; i < verb_row_count; i++)
		names[i] = verb_rows[i].name;
	int rc = parser_choose(p, "verb", names, verb_row_count, &i);
	if (rc)
		return rc;
	f->verb = verb_rows[i].verb;
	if (parser_at_end(p))
		return 0;
	for (i = 0; i < target_row_count; i++)
		names[i] = target_rows[i].name;
	rc = parser_choose(p, "target", names, target_row_count, &i);
	if (rc == 0)
		f->target = target_rows[i].type;
	return rc;
}
