#include "tools/chaos/words.h"

#include <stdio.h>
#include <string.h>

#include "actors/schema/yaml.h"

#define BIT(t) (1u << (t))
enum {
	RUNNING = BIT(TARGET_ACTOR) | BIT(TARGET_KIND) | BIT(TARGET_CELL) | BIT(TARGET_NODE),
	LINKED = BIT(TARGET_CELL) | BIT(TARGET_NODE),
};

const struct verb_row verb_rows[] = {
	{"kill", VERB_KILL, OBJECT_TARGET, RUNNING | BIT(TARGET_BROKER), CLAUSE_FOR | CLAUSE_ID,
	 true, true, "kill TARGET for TIME", "it is dead that long; or until `restart ID`"},
	{"restart", VERB_RESTART, OBJECT_TARGET_OR_ID, RUNNING | BIT(TARGET_BROKER), CLAUSE_ID,
	 true, false, "restart TARGET | restart ID", "killed and started at once; or ends a kill"},
	{"pause", VERB_PAUSE, OBJECT_TARGET, RUNNING, CLAUSE_FOR | CLAUSE_ID, true, true,
	 "pause TARGET for TIME", "it gets no turn; what arrives waits"},
	{"resume", VERB_END, OBJECT_ID, 0, 0, false, false, "resume ID", "ends a pause"},
	{"partition", VERB_PARTITION, OBJECT_TARGET_FROM, LINKED, CLAUSE_FOR | CLAUSE_ID, true, true,
	 "partition TARGET from broker [direction to|from|both] for TIME",
	 "frames to it, from it or both are lost"},
	{"heal", VERB_END, OBJECT_ID, 0, 0, false, false, "heal ID", "ends any fault"},
	{"scale", VERB_SCALE, OBJECT_SCALE, 0, CLAUSE_ID, false, false, "scale NAME N",
	 "a user wants so many pods of a replica set"},
	{"delete", VERB_DELETE, OBJECT_DELETE, 0, CLAUSE_ID, false, false, "delete pod NAME | of NAME",
	 "a user deletes a pod, or one of a replica set's"},
};
const size_t verb_row_count = sizeof verb_rows / sizeof *verb_rows;

const struct target_row target_rows[] = {
	{TARGET_ACTOR, "actor", "by its name: gate, scheduler, node-agent/n1", true},
	{TARGET_KIND, "kind", "actors of a kind: node-agent", true},
	{TARGET_CELL, "cell", "a loop and all its actors: core, n1", true},
	{TARGET_NODE, "node", "the cell of a node's agent: n1", true},
	{TARGET_BROKER, "broker", "the message broker", false},
};
const size_t target_row_count = sizeof target_rows / sizeof *target_rows;

const struct name_row mode_rows[] = {
	{"one", MODE_ONE}, {"all", MODE_ALL}, {"fixed", MODE_FIXED}, {"percent", MODE_PERCENT}};
const size_t mode_row_count = sizeof mode_rows / sizeof *mode_rows;

const struct name_row way_rows[] = {{"to", WAY_TO}, {"from", WAY_FROM}, {"both", WAY_BOTH}};
const size_t way_row_count = sizeof way_rows / sizeof *way_rows;

const struct name_row layout_rows[] = {{"together", LAYOUT_TOGETHER}, {"apart", LAYOUT_APART}};
const size_t layout_row_count = sizeof layout_rows / sizeof *layout_rows;

const struct name_row event_rows[] = {
	{"created", SEEN_CREATED}, {"changed", SEEN_CHANGED}, {"bound", SEEN_BOUND}, {"ready", SEEN_READY},
	{"ended", SEEN_ENDED}, {"deleting", SEEN_DELETING}, {"gone", SEEN_GONE}};
const size_t event_row_count = sizeof event_rows / sizeof *event_rows;

const struct unit_row unit_rows[] = {
	{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)}};
const size_t unit_row_count = sizeof unit_rows / sizeof *unit_rows;

const struct verb_row *verb_row(enum verb v)
{
	size_t i = 0;
	while (verb_rows[i].verb != v)
		i++;
	return &verb_rows[i];
}

const char *verb_name(enum verb v)
{
	return verb_row(v)->name;
}

bool verb_takes(enum verb v, enum target_type t)
{
	return verb_row(v)->targets & BIT(t);
}

bool verb_lasts(enum verb v)
{
	return verb_row(v)->lasts;
}

bool verb_is_fault(enum verb v)
{
	return verb_row(v)->fault;
}

const char *target_name(enum target_type t)
{
	for (size_t i = 0; i < target_row_count; i++)
		if (target_rows[i].type == t)
			return target_rows[i].name;
	return "";
}

bool glob_matches(const char *p, const char *name)
{
	const char *star = NULL, *back = NULL;
	while (*name) {
		if (*p == '*') {
			star = p++;
			back = name;
		} else if (*p == '?' || *p == *name) {
			p++;
			name++;
		} else if (star) { /* the star takes one letter more */
			p = star + 1;
			name = ++back;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

const char *time_text(char *out, int64_t us)
{
	size_t u = 0;
	while (u + 1 < unit_row_count && u < 2 && us >= unit_rows[u + 1].us)
		u++;
	int64_t unit = unit_rows[u].us, whole = us / unit;
	int n = snprintf(out, 32, "%lld.%03lld", (long long)whole,
			 (long long)(us % unit * 1000 / unit));
	while (out[n - 1] == '0')
		n--;
	n -= out[n - 1] == '.';
	snprintf(out + n, 32 - (size_t)n, "%s", unit_rows[u].name);
	return out;
}

const char *near_text(struct arena *a, struct span word, const char *const *names, size_t count)
{
	const char *near = yaml_near(word, names, count);
	return near ? arena_printf(a, ", did you mean '%s'?", near) : "";
}
