/* A chaos script as a typed tree: what a file says, before any world.
 *
 * One fault is one line: the unit that a report shows, that a stream of
 * random numbers belongs to and that can be left out. Both worlds (sim now,
 * real later) run this same tree.
 *
 *	chaos 1
 *	title "scheduler dies while one node is cut off"
 *	world sim
 *	nodes 3 cpu 2 zones a b
 *	replicaset web 5
 *	at 2s..3s kill kind scheduler for 1s
 *	at 3s     partition node n* from broker direction to for 8s id cut
 *	at 4s     pause node with zone=b mode all for 2s
 *	when pods/default/web-* bound nth 2 within 9s restart broker
 *	when msg store.txn from scheduler within 9s restart actor scheduler
 *	when (count(pods, bound=0) > 2) within 9s restart actor gate
 *	settle 30s
 *	always     no-excess
 *	eventually all-ready within 20s
 *
 * A time may be a range: each seed draws its own. `troupe chaos words` prints
 * the tables below. No threads; everything lives in the script's arena. */
#ifndef CHAOS_SCRIPT_H
#define CHAOS_SCRIPT_H

#include <stdio.h>

#include "broker/base/mem.h"
#include "tools/chaos/lex.h"

enum {
	SCRIPT_BYTES_MAX = 1024 * 1024,
	SCRIPT_LINES_MAX = 10000,
	SCRIPT_NODES_MAX = 1000,
	SCRIPT_ZONES_MAX = 32,
	SCRIPT_LABELS_MAX = 64, /* lines and pairs of them */
	SCRIPT_PODS_MAX = 10000, /* of one replica set */
	SCRIPT_FAULTS_MAX = 10000,
	SCRIPT_CLIENTS_MAX = 64,
	SCRIPT_OPS_MAX = 10000, /* of one client */
};
#define SCRIPT_TIME_MAX_US INT64_C(86400000000) /* a day */

/* A number or a time in µs; min < max: drawn for each seed. */
struct range {
	int64_t min, max;
};

enum target_type {
	TARGET_NONE,
	TARGET_ACTOR,
	TARGET_KIND,
	TARGET_CELL,
	TARGET_NODE,
	TARGET_ZONE, /* its nodes */
	TARGET_BROKER,
	TARGET_STORE,      /* its disk */
	TARGET_CONTAINERS, /* of a node */
	TARGET_MESSAGES,   /* of a kind, on the links between cells and broker */
};

/* How many of those that match are taken; which ones, the line's stream says. */
enum target_mode { MODE_ONE, MODE_ALL, MODE_FIXED, MODE_PERCENT };

/* A label of a node: what a line gives, or asks for (the value with * and ?). */
struct node_label {
	const char *key, *value;
	struct place key_place, value_place;
};

struct target {
	enum target_type type;
	const char *name; /* with * and ?; "" of what there is one of */
	const struct node_label *with; /* that a node must have, all of them */
	size_t with_count;
	struct span who; /* the words of both */
	enum target_mode mode;
	int64_t amount; /* of fixed and percent */
	struct place place;
};

enum verb {
	VERB_KILL,
	VERB_RESTART,
	VERB_PAUSE,
	VERB_PARTITION,
	VERB_BANDWIDTH,
	/* messages */
	VERB_DELAY,
	VERB_LOSS,
	VERB_DUPLICATE,
	VERB_REORDER,
	VERB_CORRUPT,
	VERB_REFUSE,
	/* clocks */
	VERB_SKEW,
	VERB_DRIFT,
	/* the store's disk */
	VERB_IO_DELAY,
	VERB_IO_ERROR,
	VERB_DISK_FILL,
	VERB_TORN_WRITE,
	VERB_LOST_WRITE,
	VERB_BIT_FLIP,
	/* nodes out of use */
	VERB_CORDON,
	VERB_DRAIN,
	VERB_TAINT,
	/* containers */
	VERB_SLOW,
	VERB_FAIL,
	VERB_CRASH,
	/* what users do */
	VERB_SCALE,
	VERB_ROLL,
	VERB_DELETE,
	VERB_TOUCH,
	VERB_COMPACT,
	VERB_END,
};

/* What a node is tainted with. */
struct taint {
	const char *key, *value, *effect;
};

/* crash: as the kernel ends one that has no memory left. */
enum { CRASH_OOM = -1 };

enum way { WAY_TO = 1, WAY_FROM = 2, WAY_BOTH = 3 }; /* the broker */

struct act {
	enum verb verb;
	struct target target; /* of faults; delete: the nodes that the pod may be on */
	unsigned ways;        /* of partition, bandwidth: enum way */
	struct taint taint;
	const char *from, *to; /* of messages: patterns of actors or cells; NULL: any */
	struct place from_place, to_place;
	int64_t percent;      /* of messages, syncs, containers: so many of them */
	struct range by_us;   /* how much later, slower or off */
	int64_t rate;         /* of a clock, in percent */
	int64_t bytes;        /* of bandwidth: a second */
	int with;             /* an error: refuse: ERR_*; io-error: errno; crash: an exit code or CRASH_OOM */
	const char *subject;  /* scale, roll: the load; delete: the pod or its owner; touch: keys; end: the id */
	struct place subject_place;
	bool of;          /* delete: a pod of `subject`, drawn */
	const char *label; /* delete: a pod that has it with the value `subject`, drawn; NULL: by its name */
	int64_t number;   /* scale: to so many */
	int64_t for_us;   /* -1: another line ends it, or it is over at once */
	const char *id;   /* NULL: none */
	uint64_t draws;   /* the identity of the line, given; 0: not */
};

enum when_type { WHEN_AT, WHEN_AFTER, WHEN_EVERY, WHEN_SEEN };

/* What a change of an object may be, judged when it is on the disk. */
enum seen_event {
	SEEN_CREATED,
	SEEN_CHANGED,
	SEEN_BOUND,    /* a pod got its node */
	SEEN_READY,
	SEEN_ENDED,    /* Succeeded or Failed */
	SEEN_DELETING, /* has a deletionTimestamp now */
	SEEN_GONE,
	SEEN_SENT, /* a message, on its way */
	SEEN_SO,   /* a condition that was not so before */
};

struct when {
	enum when_type type;
	struct range at;   /* at; after: behind the other line's begin */
	const char *after; /* the other line's id */
	struct place after_place;
	int64_t period_us, from_us, to_us; /* every */
	const char *key;                   /* when: with * and ?, "pods/default/web-*"; of messages: kinds */
	struct place key_place;
	const char *from, *to;             /* of messages, as in struct act */
	struct place from_place, to_place;
	const struct expr *condition;
	enum seen_event event;
	int64_t nth, within_us;            /* the nth time it is seen, counted from the begin; at most so long after it */
};

struct line {
	struct place place;
	struct span text;  /* as it stands in the file, without blanks at its ends */
	uint64_t identity; /* what its random stream comes from: given, or its id, else its words */
	struct when when;
	struct act act;
	const struct line *ended_by, *ends, *follows; /* by script_check */
};

enum judge_word {
	JUDGE_STEADY,
	JUDGE_ALWAYS,
	JUDGE_NEVER,
	JUDGE_EVENTUALLY,
	JUDGE_LEADS_TO,
	JUDGE_SOMETIMES,
	JUDGE_AT_END,
};

struct judgement {
	struct place place;
	enum judge_word word;
	const char *name; /* of an invariant, or what the script calls its condition */
	const struct invariant *invariant; /* by script_check; NULL: it is a condition */
	const struct expr *condition;
	const struct expr *then; /* of leads-to */
	bool during; /* of steady: while the timeline runs, too */
	int64_t within_us;
};

/* What the nodes that a pattern means are labelled with. */
struct node_labels {
	struct place place;
	const char *node;
	struct node_label *labels;
	size_t count;
};

/* What no line may do. */
struct forbid {
	struct place place;
	enum verb verb;
	enum target_type target; /* TARGET_NONE: to nobody */
};

/* What a client's history must be: bits. */
enum checker { CHECKER_REGISTER = 1, CHECKER_SET = 2, CHECKER_BANK = 4 };

/* Rows in loads.c. */
enum load_kind {
	LOAD_POD,
	LOAD_SERVICE, /* no pods: of those whose label app is its name */
	LOAD_QUOTA,   /* of the namespace */
	LOAD_BUDGET,  /* of disruptions, of the pods whose label app is its name */
	LOAD_REPLICASET,
	LOAD_DEPLOYMENT,
	LOAD_STATEFULSET,
	LOAD_DAEMONSET,
	LOAD_JOB,
	LOAD_KINDS,
};

struct workload {
	struct place place;
	enum load_kind kind;
	const char *name;
	int64_t replicas; /* of those that count */
	const char *cpu;   /* request, "100m" */
	const char *does;  /* what its container does: nodes/runtime_sim.h */
	const char *apart; /* label of nodes: no two of its pods where that is equal; NULL: anywhere */
	bool critical;	   /* of the highest priority there is; else of none */
	const char *const *hard; /* of a quota: "pods", "12", ... NULL */
	const char *budget, *amount; /* of a budget: the field of its spec; "1", "50%" */
};

enum layout { LAYOUT_TOGETHER, LAYOUT_APART };

struct script {
	struct arena arena;
	const char *file;
	struct span text; /* a copy */
	unsigned version;
	const char *title;
	const struct world_type *world;
	uint64_t seed;
	int64_t nodes, node_pods;
	const char *node_cpu;
	const char *zones[SCRIPT_ZONES_MAX]; /* n1 is in the first, n2 in the second, ... and around */
	struct node_labels labels[SCRIPT_LABELS_MAX];
	struct place nodes_place;
	enum layout layout; /* all in the cell `core`, or a cell for each actor */
	bool standby; /* a second of each that may be only one at a time */
	struct range latency_us, sync_us;
	int64_t loss_permille, bus_loss_permille; /* until settle */
	int64_t warm_up_us, settle_us;
	struct place settle_place;
	int64_t nodes_down_max, faults_max, time_max_us; /* limits */
	struct place nodes_down_place, faults_place, time_place;
	int64_t clients, client_ops; /* that write and read keys of their own */
	struct range client_us;      /* between two of them */
	unsigned checkers;           /* bits of enum checker */
	struct place clients_place, checker_place;
	struct workload *loads;
	struct forbid *forbids;
	struct line *lines;
	struct judgement *judgements;
	size_t zone_count, labels_count, load_count, forbid_count, line_count, judgement_count;
};

/* ERR_INVALID: "FILE:LINE:COLUMN: expected ..., not 'x', did you mean 'y'?".
 * Takes the text as it is; script_check looks at what it means. */
int script_parse(struct script *s, const char *file, struct span text, struct err *e);
int script_load(struct script *s, const char *file, struct err *e);
/* Names resolved; refuses what would leave a fault unhealed, what exceeds the
 * limits, and what its world cannot do. */
int script_check(struct script *s, struct err *e);
void script_fini(struct script *s);

/* "FILE:LINE:COLUMN: ..." into e; ERR_INVALID. */
int script_refuse(const struct script *s, struct place p, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What a line may do to targets of each type, and what it is called. */
const char *verb_name(enum verb v);
const char *target_name(enum target_type t);
bool verb_takes(enum verb v, enum target_type t);
/* A fault that lasts until it is healed. */
bool verb_lasts(enum verb v);
bool verb_is_fault(enum verb v);
/* Whether a name is what a pattern with * and ? means. */
bool glob_matches(const char *pattern, const char *name);
/* The language, printed from its tables. */
void script_words(FILE *out);
/* "1.5s", "20ms", "3us"; needs 32 bytes. Returns `out`. */
const char *time_text(char *out, int64_t us);
/* ", did you mean 'x'?" or nothing. */
const char *near_text(struct arena *a, struct span word, const char *const *names, size_t count);

#endif
