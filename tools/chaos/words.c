#include "tools/chaos/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/schema/yaml.h"

#define BIT(t) (1u << (t))
enum {
	NODES = BIT(TARGET_NODE) | BIT(TARGET_ZONE),
	RUNNING = BIT(TARGET_ACTOR) | BIT(TARGET_KIND) | BIT(TARGET_CELL) | NODES,
	LINKED = BIT(TARGET_CELL) | NODES,
	MESSAGES = BIT(TARGET_MESSAGES),
	STORE = BIT(TARGET_STORE),
	CONTAINERS = BIT(TARGET_CONTAINERS),
	LASTS = CLAUSE_FOR | CLAUSE_ID,
	SOME = CLAUSE_FROM | CLAUSE_TO | CLAUSE_PERCENT | LASTS,
};

const struct verb_row verb_rows[] = {
	{"kill", VERB_KILL, OBJECT_TARGET, RUNNING | BIT(TARGET_BROKER), LASTS, 0, true, true,
	 "kill TARGET for TIME", "it is dead that long; or until `restart ID`"},
	{"restart", VERB_RESTART, OBJECT_TARGET_OR_ID, RUNNING | BIT(TARGET_BROKER), CLAUSE_ID, 0, true,
	 false, "restart TARGET | restart ID", "killed and started at once; or ends a kill"},
	{"pause", VERB_PAUSE, OBJECT_TARGET, RUNNING, LASTS, 0, true, true, "pause TARGET for TIME",
	 "it gets no turn; what arrives waits"},
	{"resume", VERB_END, OBJECT_ID, 0, 0, 0, false, false, "resume ID", "ends a pause"},
	{"partition", VERB_PARTITION, OBJECT_TARGET_FROM, LINKED, LASTS, 0, true, true,
	 "partition TARGET from broker [direction to|from|both] for TIME",
	 "frames to it, from it or both are lost"},
	{"bandwidth", VERB_BANDWIDTH, OBJECT_TARGET_FROM, LINKED, LASTS | CLAUSE_OF, CLAUSE_OF, true, true,
	 "bandwidth TARGET from broker [direction to|from|both] of BYTES for TIME",
	 "so many bytes a second pass; what comes meanwhile waits"},
	{"heal", VERB_END, OBJECT_ID, 0, 0, 0, false, false, "heal ID", "ends any fault"},
	{"delay", VERB_DELAY, OBJECT_TARGET, MESSAGES, SOME | CLAUSE_BY, CLAUSE_BY, true, true,
	 "delay msg KIND [SOME] by TIME[..TIME] for TIME",
	 "so much later; what is sent on that link behind one waits for it"},
	{"loss", VERB_LOSS, OBJECT_TARGET, MESSAGES, SOME, 0, true, true, "loss msg KIND [SOME] for TIME",
	 "they do not arrive"},
	{"duplicate", VERB_DUPLICATE, OBJECT_TARGET, MESSAGES, SOME, 0, true, true,
	 "duplicate msg KIND [SOME] for TIME", "they arrive twice"},
	{"reorder", VERB_REORDER, OBJECT_TARGET, MESSAGES, SOME | CLAUSE_BY, CLAUSE_BY, true, true,
	 "reorder msg KIND [SOME] by TIME[..TIME] for TIME", "so much later; others overtake them, those of the same two never"},
	{"corrupt", VERB_CORRUPT, OBJECT_TARGET, MESSAGES, SOME, 0, true, true,
	 "corrupt msg KIND [SOME] for TIME", "a byte is another one, or the end is missing: not to be read"},
	{"refuse", VERB_REFUSE, OBJECT_TARGET, MESSAGES, SOME | CLAUSE_WITH, CLAUSE_WITH, true, true,
	 "refuse msg KIND [SOME] with ERROR for TIME", "requests get that answer instead of going on"},
	{"skew", VERB_SKEW, OBJECT_TARGET, LINKED, LASTS | CLAUSE_BY, CLAUSE_BY, true, true,
	 "skew TARGET by [-]TIME[..TIME] for TIME", "its wall clock jumps, and jumps back"},
	{"drift", VERB_DRIFT, OBJECT_TARGET, LINKED, LASTS | CLAUSE_RATE, CLAUSE_RATE, true, true,
	 "drift TARGET rate PERCENT for TIME", "its clocks run so fast (100: as they should)"},
	{"io-delay", VERB_IO_DELAY, OBJECT_TARGET, STORE, LASTS | CLAUSE_BY | CLAUSE_PERCENT, CLAUSE_BY,
	 true, true, "io-delay store by TIME[..TIME] [percent N] for TIME", "a sync takes so much longer"},
	{"io-error", VERB_IO_ERROR, OBJECT_TARGET, STORE, LASTS | CLAUSE_WITH | CLAUSE_PERCENT,
	 CLAUSE_WITH, true, true, "io-error store with EIO|ENOSPC [percent N] for TIME", "a sync fails"},
	{"disk-fill", VERB_DISK_FILL, OBJECT_TARGET, STORE, LASTS, 0, true, true, "disk-fill store for TIME",
	 "the quota is used up: only deletions are taken"},
	{"torn-write", VERB_TORN_WRITE, OBJECT_TARGET, STORE, LASTS, 0, true, true,
	 "torn-write store for TIME", "once: a sync ends in the middle, and the store's process with it"},
	{"lost-write", VERB_LOST_WRITE, OBJECT_TARGET, STORE, LASTS, 0, true, true,
	 "lost-write store for TIME", "syncs lie: what they wrote is gone if the store dies meanwhile"},
	{"bit-flip", VERB_BIT_FLIP, OBJECT_TARGET, STORE, LASTS, 0, true, true, "bit-flip store for TIME",
	 "a bit of one record on the disk is another one"},
	{"cordon", VERB_CORDON, OBJECT_TARGET, NODES, LASTS, 0, true, true, "cordon TARGET for TIME",
	 "no pod comes to it"},
	{"drain", VERB_DRAIN, OBJECT_TARGET, NODES, LASTS, 0, true, true, "drain TARGET for TIME",
	 "cordoned, and its pods evicted, but those of daemon sets"},
	{"taint", VERB_TAINT, OBJECT_TARGET, NODES, LASTS | CLAUSE_AS, CLAUSE_AS, true, true,
	 "taint TARGET as KEY[=VALUE]:EFFECT for TIME", "EFFECT: NoSchedule, PreferNoSchedule or NoExecute"},
	{"slow", VERB_SLOW, OBJECT_TARGET, CONTAINERS, LASTS | CLAUSE_BY | CLAUSE_PERCENT, CLAUSE_BY, true,
	 true, "slow containers NODE by TIME[..TIME] [percent N] for TIME", "they start so much later"},
	{"fail", VERB_FAIL, OBJECT_TARGET, CONTAINERS, LASTS | CLAUSE_PERCENT, 0, true, true,
	 "fail containers NODE [percent N] for TIME", "they end with code 1 as soon as they start"},
	{"crash", VERB_CRASH, OBJECT_TARGET, CONTAINERS, LASTS | CLAUSE_BY | CLAUSE_CODE | CLAUSE_PERCENT,
	 CLAUSE_CODE, true, true, "crash containers NODE code N|oom [by TIME[..TIME]] [percent N] for TIME",
	 "those that run or start meanwhile end, so much later"},
	{"scale", VERB_SCALE, OBJECT_SCALE, 0, CLAUSE_ID, 0, false, false, "scale NAME N",
	 "a user wants so many pods of a replica set, deployment or stateful set"},
	{"roll", VERB_ROLL, OBJECT_ROLL, 0, CLAUSE_ID, 0, false, false, "roll NAME",
	 "a user gives a deployment, stateful or daemon set another template"},
	{"delete", VERB_DELETE, OBJECT_DELETE, NODES, CLAUSE_ID, 0, false, false,
	 "delete pod NAME | [of NAME | with LABEL=VALUE] [on NODES]",
	 "a user deletes it, or one that is meant; NODES: node NAME, node with LABEL=VALUE, zone NAME"},
	{"touch", VERB_TOUCH, OBJECT_KEY, 0, CLAUSE_ID, 0, false, false, "touch KEY",
	 "a user annotates an object, so that others' writes conflict; KEY with *: one of them"},
	{"compact", VERB_COMPACT, OBJECT_STORE, 0, CLAUSE_ID, 0, false, false, "compact store",
	 "the past is forgotten: watches from before are too old"},
};
const size_t verb_row_count = sizeof verb_rows / sizeof *verb_rows;

const struct target_row target_rows[] = {
	{TARGET_ACTOR, "actor", "by its name: gate, scheduler, node-agent/n1", true, true, false},
	{TARGET_KIND, "kind", "actors of a kind: node-agent", true, true, false},
	{TARGET_CELL, "cell", "a loop and all its actors: core, n1", true, true, false},
	{TARGET_NODE, "node", "the cell of a node's agent: n1", true, true, true},
	{TARGET_ZONE, "zone", "all nodes of a zone: a; `zone *` draws one", true, true, false},
	{TARGET_BROKER, "broker", "the message broker", false, false, false},
	{TARGET_STORE, "store", "the disk of the store", false, false, false},
	{TARGET_CONTAINERS, "containers", "those of a node: n1", true, true, true},
	{TARGET_MESSAGES, "msg", "of a kind, between cells: store.txn, bus.*", true, false, false},
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

/* What a request may be refused with: what a broker or a receiver says. */
const struct name_row refusal_rows[] = {
	{"overloaded", ERR_OVERLOADED}, {"unreachable", ERR_UNREACHABLE}, {"crashed", ERR_CRASHED},
	{"timeout", ERR_TIMEOUT}, {"unknown", ERR_UNKNOWN}};
const size_t refusal_row_count = sizeof refusal_rows / sizeof *refusal_rows;

const struct name_row errno_rows[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}};
const size_t errno_row_count = sizeof errno_rows / sizeof *errno_rows;

const struct name_row checker_rows[] = {
	{"register", CHECKER_REGISTER}, {"set", CHECKER_SET}, {"bank", CHECKER_BANK}};
const size_t checker_row_count = sizeof checker_rows / sizeof *checker_rows;

const char *row_name(const struct name_row *rows, size_t count, int value)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].value == value)
			return rows[i].name;
	return "";
}

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
