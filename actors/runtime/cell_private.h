/* What the files of the cell share. Not for anybody else. */
#ifndef RUNTIME_CELL_PRIVATE_H
#define RUNTIME_CELL_PRIVATE_H

#include "actors/runtime/cell.h"
#include "actors/runtime/stats.h"
#include "actors/runtime/view.h"
#include "broker/base/mem.h"
#include "broker/base/omap.h"
#include "broker/batch.h"

struct key8 {
	uint8_t b[8];
};
struct key8 key8_of(uint64_t n);
#define SPAN8(k) ((struct span){(k).b, 8})

/* ---- mailbox items: one is one turn */
enum item_type {
	ITEM_INIT,
	ITEM_MSG,
	ITEM_REPLY,
	ITEM_OUTCOME,
	ITEM_TIMER,
	ITEM_VIEW,
	ITEM_PORT,
	ITEM_DOWN,
	ITEM_STOP,
};

struct item {
	struct item *next;
	enum item_type type;
	uint64_t queued_us;
	uint64_t tag;
	struct bytes *owner; /* what the spans below point into */
	struct span body;
	const char *from; /* behind it, in the same memory */
	struct trace trace;
	int status;
	/* ITEM_MSG */
	const struct msg_row *row;
	bool request;
	uint64_t correlation;
	struct msg_id id;
	unsigned attempt; /* crashes that it was in */
	bool command;     /* the number is its correlation */
	uint64_t channel;
	uint64_t deadline_us; /* 0: its asker waits for ever */
	/* ITEM_PORT */
	struct port_event port;
	/* ITEM_VIEW */
	struct view *view;
	char *key;
	size_t key_len;
	struct view_object *was, *now;
	uint64_t version;
};

struct item *item_new(enum item_type type, struct span from);
void item_free(struct item *i);

/* ---- indexes of a view (view_index.c): a list that the view owns */
struct view_index *view_index_open(struct view_index **first, const struct omap *objects,
				   const struct view_index_spec *spec);
void view_indexes_set(struct view_index *first, struct span key, struct view_object *was,
		      struct view_object *now);
void view_indexes_free(struct view_index *first);
struct view_index *view_index(struct view *v, const struct view_index_spec *spec);

struct actor {
	const struct actor_spec *spec;
	char *name;
	uint64_t uid; /* another one with every incarnation */
	void *state;  /* NULL: down, waiting for its restart */
	struct bytes *cfg;
	struct item *first, *last;
	size_t queued, queued_bytes;
	struct actor *run_next;
	bool runnable, stopping, held;
	bool leaving; /* stopping by its own wish */
	bool begun;   /* its init went well: the state means something */
	enum restart_kind restart;
	struct actor *older, *newer; /* by the order of their start */
	struct port **ports;
	size_t port_count;
	uint64_t turns, restarts;
	uint64_t session_tag; /* of ctx_on_session; 0: it does not ask for it */
	char *role; /* as it says; NULL: nothing */
	struct failures failures;
	struct actor_stats stats;
};

/* ---- effects of a turn */
enum effect_type {
	FX_SEND,
	FX_REQUEST,
	FX_COMMAND,
	FX_PUBLISH,
	FX_NOTICE,
	FX_PORT,
	FX_SPAWN,
	FX_STOP,
	FX_MONITOR,
	FX_ROLE,
	FX_ON_SESSION,
	FX_REPLY,
	FX_TIMER,
	FX_CANCEL,
};

struct effect {
	enum effect_type type;
	char *to;
	const struct msg_row *row;
	struct bytes *body;
	unsigned flags;
	uint32_t timeout_ms;
	uint64_t tag, id, due_us;
	int code;
	int port;
	uint32_t op, arg;
};

struct effects {
	struct effect *list;
	size_t count, cap;
};

struct ctx {
	struct cell *cell;
	struct actor *actor;
	struct item *item; /* what this turn is about */
	uint64_t now_us;
	int64_t wall_us; /* 0: not asked for yet */
	struct trace trace;
	struct effects effects;
	struct bytes *txn; /* encoded store.txn, or NULL */
	struct trace txn_trace;
	uint64_t txn_tag;
	bool answered; /* the request of this turn was replied to or parked */
	struct err fault;
	bool failed;
};

struct effect *effect_add(struct effects *fx); /* one more, zeroed */
void effects_clear(struct effects *fx); /* the room stays, for the next turn */
void effects_free(struct effects *fx);
/* Releases what a turn that ended well asked for. `item`: the message that
 * the turn was about, for its reply; NULL for effects that waited. */
void effects_release(struct cell *c, struct actor *a, struct effects *fx,
		     const struct trace *trace, const struct item *item);

/* ---- a request of ours that waits for its answer */
struct pending {
	uint64_t actor_uid; /* 0: the cell's own (views) */
	uint64_t tag;
	uint64_t deadline_us;
	const char *to, *from; /* behind it, in the same memory */
	bool local; /* the receiver lives here */
	bool txn;   /* asked again until there is a definite outcome */
	uint16_t kind;
	uint64_t retry_us;
	unsigned asked, refused; /* a txn: how often again, and for want of room in turn */
	struct bytes *body; /* txn: to ask again */
	struct effects after; /* that wait for its outcome: SEND_AFTER_COMMIT */
	struct trace trace;
	void (*done)(struct cell *c, void *arg, uint64_t tag, const struct reply *r);
	void *arg; /* owned: freed with the pending */
};

/* ---- a request of somebody that waits for ours */
struct parked {
	uint64_t actor_uid;
	char *from;
	uint64_t correlation;
	uint16_t kind;
	struct trace trace;
};

struct timer {
	uint64_t due_us, id, actor_uid, tag;
};

enum link_state { LINK_DOWN, LINK_HELLO, LINK_UP };

struct out_msg; /* outbox.c */

struct cell {
	struct cell_config cfg;
	struct cell_ops ops;
	struct catalogue_index *rows;
	char *name, *self; /* "core" and "cell/core" */
	struct omap actors; /* name -> struct actor */
	struct omap uids;   /* uid -> struct actor */
	struct omap views;  /* stream -> struct view */
	struct actor *run_first, *run_last;
	struct actor *oldest, *newest;
	uint64_t next_id; /* uids, correlations, timers */
	uint64_t turns, dead; /* dead: messages that could not be delivered */
	/* The time of the last look at the clock: once a turn, and whenever
	 * something comes in. Mailboxes and the tap use it. */
	uint64_t clock_us;
	struct arena arena;
	struct effects spare; /* of the last turn, empty */
	/* timers: a heap by (due, id) */
	struct timer *timers;
	size_t timer_count, timer_cap;
	struct omap pendings; /* correlation -> struct pending */
	struct omap parkeds;  /* number -> struct parked */
	uint64_t next_sweep_us; /* of request deadlines */
	/* the broker */
	enum link_state link;
	uint64_t epoch, incarnation, sequence;
	uint64_t hello_at_us, ping_at_us, heard_us, up_us, pings;
	uint64_t pinged_us, pinged_sequence; /* the last ping; what was said until then */
	unsigned short_sessions; /* in a row */
	/* bytes of routed frames in this session: come, told so; what may be on
	 * its way */
	uint64_t taken, taken_told, window;
	uint64_t check_at_us, views_act_us, checks;
	bool checking;
	struct out_msg *out_first, *out_last;
	size_t out_count;
	struct batch batch;      /* of this pass; takes what the broker said */
	uint64_t batch_since_us; /* its first frame */
	struct bytes *unsent;    /* a batch that the socket would not take yet */
	bool stopping; /* being freed: nothing leaves */
	bool ending;   /* being stopped in order */
	bool failed;   /* an actor failed too often: no more turns */
	/* supervision */
	struct restart_policy policy;
	struct turn_record *record;
	struct dead_letters *letters;
	bool owns_record, owns_letters;
	struct omap channels; /* id -> struct channel: commands of ours */
	struct omap channel_pairs; /* sender's uid, receiver -> the same */
	struct omap inboxes;  /* sender's incarnation, channel -> struct inbox */
	uint64_t command_at_us, inboxes_swept_us;
	struct omap monitors; /* watched name, 0, watcher's uid -> struct monitor */
	struct notice *notice_first, *notice_last; /* that wait for the broker */
	size_t notice_count;
	uint64_t notice_number, notices_dropped;
	bool notices_followed; /* on the bus, as of the last pong */
};

/* cell.c */
struct actor *actor_by_name(const struct cell *c, struct span name);
struct actor *actor_by_uid(const struct cell *c, uint64_t uid);
int actor_queue(struct cell *c, struct actor *a, struct item *i); /* takes i; ERR_OVERLOADED frees it */
/* Queues before all others. */
void actor_queue_first(struct cell *c, struct actor *a, struct item *i);
int actor_add(struct cell *c, const char *kind, const char *name, struct mp cfg,
	      enum restart_kind otherwise, struct err *e);
void actor_start(struct cell *c, struct actor *a);
void actor_end(struct cell *c, struct actor *a, int reason); /* for good */
/* From life to waiting: the state goes, what others sent stays. It has another
 * uid afterwards, which a restart's timer names. */
void actor_down(struct cell *c, struct actor *a, int reason);
uint64_t cell_clock(struct cell *c); /* looks */
void cell_tap(struct cell *c, struct tap_record *r); /* fills in the time */
void cell_tap_actor(struct cell *c, unsigned event, const struct actor *a, int error);

/* turn.c: takes the item */
void turn_run(struct cell *c, struct actor *a, struct item *i);
const char *item_kind(const struct item *i);

/* supervisor.c: who begins again after a failure, and when */
struct crash { /* what is told about it */
	const char *why;
	const struct item *item; /* NULL: between turns */
	bool hopeless;		 /* beginning again cannot help */
};
void actor_fail(struct cell *c, struct actor *a, const struct crash *crash);
/* The stop turn is over. */
void actor_stopped(struct cell *c, struct actor *a, int reason);
void actor_stop(struct cell *c, struct actor *a, bool by_itself);

/* report.c: notices on the bus */
void report_crash(struct cell *c, const struct actor *a, const struct crash *crash);
void report_interrupted(struct cell *c, const struct turn_note *n);
/* An actor's own. `body` is borrowed. */
void notice_say(struct cell *c, const char *from, uint16_t kind, const struct trace *trace,
		struct bytes *body);
void notices_flush(struct cell *c);
void notices_free(struct cell *c);

/* monitor.c: who wants to know of whose end */
void monitor_add(struct cell *c, struct actor *a, const char *name);
void monitors_fire(struct cell *c, struct span name, int reason);
void monitors_of_actor_drop(struct cell *c, uint64_t uid);
void monitors_watch(struct cell *c); /* tells the broker of all that look outside */
void monitors_free(struct cell *c);

/* command.c: what is sent until it is acknowledged */
void command_begin(struct cell *c, struct actor *a, const char *to, uint16_t kind, uint64_t tag,
		  const struct trace *trace, struct bytes *body);
void command_arrived(struct cell *c, const struct envelope *env, struct bytes *owner);
void command_acknowledged(struct cell *c, struct mp body);
/* Its turn went well (code 0), or there will be none. */
void command_done(struct cell *c, const struct item *i, int code);
void commands_tick(struct cell *c, uint64_t now_us);
void commands_of_actor_drop(struct cell *c, uint64_t uid);
void commands_free(struct cell *c);

/* letters.c: what could not be delivered */
void letter_add(struct cell *c, enum dead_reason reason, const struct envelope *env,
		struct bytes *body);
void letter_of_item(struct cell *c, const struct actor *a, const struct item *i,
		    enum dead_reason reason);
void letter_returned(struct cell *c, struct mp body);
/* Whether the message is for the cell itself, and was answered. */
bool letters_on_request(struct cell *c, const struct envelope *env);

/* listing.c: answers cell.actors */
void listing_answer(struct cell *c, const struct envelope *request);

/* effects.c: a new trace, and the trace of something that this one leads to */
struct trace trace_root(struct cell *c);
struct trace trace_child(struct cell *c, const struct trace *t);

/* timer.c */
uint64_t timer_add(struct cell *c, uint64_t due_us, uint64_t uid, uint64_t tag, uint64_t id);
void timer_cancel(struct cell *c, uint64_t id);
void timers_run(struct cell *c, uint64_t now_us);
void timer_fire(struct cell *c, const struct timer *t); /* cell.c: one that is due */

/* post.c: from anybody here to anybody anywhere. A message that is ready:
 * `owner` holds its body. */
struct msg_id msg_id_of(const struct envelope *env);
/* The mailbox's item for a message. ERR_UNSUPPORTED, ERR_INVALID, ERR_POISON. */
int item_of_message(struct cell *c, const struct actor *a, const struct envelope *env,
		    struct bytes *owner, struct item **out);
void post_envelope(struct cell *c, const struct envelope *env, struct bytes *owner);
bool lives_here(const struct cell *c, const char *name);
void post(struct cell *c, enum env_type type, const char *from, const char *to, uint16_t kind,
	  uint64_t correlation, uint32_t deadline_ms, const struct trace *trace,
	  struct bytes *body); /* body: borrowed */
/* The cell's own request; `done` is called exactly once. */
void cell_request(struct cell *c, const char *to, uint16_t kind, struct buf *body,
		  uint32_t timeout_ms, uint64_t tag,
		  void (*done)(struct cell *, void *, uint64_t, const struct reply *), void *arg);
struct pending *pending_new(const char *from, const char *to);
uint64_t pending_add(struct cell *c, struct pending *p); /* takes it */
void pending_settle(struct cell *c, uint64_t correlation, const struct reply *r);
void pendings_sweep(struct cell *c, uint64_t now_us);
void pendings_of_actor_drop(struct cell *c, uint64_t uid);
void pendings_link_lost(struct cell *c);
void pending_free(void *p);
void parked_free(void *p);
void post_error(struct cell *c, const char *from, const char *to, uint64_t correlation, int code,
		const char *text, const struct trace *trace);

void tap_message(struct cell *c, unsigned event, const struct envelope *env, int error);

/* link.c: the session with the broker */
void link_start(struct cell *c);
void link_tick(struct cell *c, uint64_t now_us);
uint64_t link_deadline(const struct cell *c);
void link_on_system(struct cell *c, const struct envelope *env);
/* A routed frame of so many bytes was taken from the socket. */
void link_took(struct cell *c, size_t bytes);
void link_register(struct cell *c, const char *name, bool on);
void link_crashed(struct cell *c, const char *name); /* it stays, its state does not */
void link_watch(struct cell *c, const char *watcher, const char *name);

/* outbox.c: what leaves for the broker, in order */
/* A message of an actor: waits as long as it must. `owner` holds its body. */
void outbox_send(struct cell *c, const struct envelope *env, struct bytes *owner);
/* Now, or ERR_OVERLOADED; fills in what is the session's. */
int outbox_put(struct cell *c, struct envelope *env);
/* Borrowed. Bus frames are hints: false when it cannot go now, and never will. */
bool outbox_publish(struct cell *c, struct bytes *frame);
void outbox_flush(struct cell *c);     /* the pass is over */
void outbox_flush_old(struct cell *c); /* a turn took its time */
bool outbox_waits(const struct cell *c);
void outbox_welcome(struct cell *c, int64_t batch_bytes); /* that the broker takes; 0: none */
void outbox_lost(struct cell *c); /* the session, and what was on its way */
void outbox_free(struct cell *c);

/* view.c */
/* `session`: by requests that wait, see ctx_follow_session. */
struct view *view_open(struct cell *c, const char *stream, bool session);
/* Before it is followed: its objects come without managedFields, where that saves memory. */
void view_leave_managed(struct cell *c, struct view *v);
void view_follow(struct cell *c, struct view *v, struct actor *a);
/* Asks the store for what happened before the view began, from `after` on; its
 * followers get a turn of no change when it is known what can be had. */
void view_recall(struct cell *c, struct view *v, uint64_t after);
void view_unfollow_all(struct cell *c, uint64_t uid);
void views_on_bus_body(struct cell *c, struct span topic, uint16_t kind, struct mp body,
		       struct bytes *owner);
void views_link_up(struct cell *c);
void views_tick(struct cell *c, uint64_t now_us);
uint64_t views_deadline(const struct cell *c);
void views_free(struct cell *c);

/* txn_wire.c */
void txn_encode(struct buf *out, const struct store_txn *t);
void view_store_moved(struct cell *c); /* the store started here: follow it directly */

#endif
