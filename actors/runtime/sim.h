/* The simulator back end: many cells, the broker's router, a store on a
 * simulated disk, one thread, virtual time. The same objects as in
 * production run here; only the ends differ.
 *
 * Everything that is not decided by the actors is drawn from one seed: the
 * latency of each frame, which bus frames are lost, what each turn costs, how
 * long a sync takes, when something crashes. One seed is one history: the
 * digest over every event that happened is equal in every run and build.
 * Source of the idea: FoundationDB's simulation, TigerBeetle's VOPR. */
#ifndef RUNTIME_SIM_H
#define RUNTIME_SIM_H

#include "actors/runtime/cell.h"

struct sim;

/* Wall time in the simulator begins here: 2030-01-01T00:00:00Z. */
#define SIM_EPOCH_US INT64_C(1893456000000000)

/* A frame about to travel, for a fault filter: once on its way, where it
 * leaves its cell, or for each cell that a bus event goes to, or where the
 * broker itself writes. */
struct sim_message {
	const char *cell; /* that sends it; of bus events and the broker's: that gets it */
	bool to_broker;
	uint16_t kind;
	bool request;
	struct span from, to; /* actors; either may be empty */
};

/* What becomes of it. */
struct sim_fate {
	unsigned copies;     /* 1; 0: it is lost */
	uint64_t delay_us;
	bool overtaken;      /* what follows on the link does not wait for it, but for
			      * what is of the same sender for the same receiver */
	int refuse;          /* of a request: this error is its answer, and it goes nowhere */
	bool damaged;        /* so that it is no message any more */
	uint64_t damage;     /* where, drawn by the filter */
};

/* A sync of the journal's disk about to begin. */
struct sim_sync {
	uint64_t delay_us;
	const char *fails; /* the error's text; NULL: it does not */
	bool torn;         /* it ends in the middle, and its cell's process with it */
	uint64_t tear;     /* where, drawn */
};

struct sim_faults {
	void *arg;
	void (*message)(void *arg, const struct sim_message *m, struct sim_fate *out); /* NULL: none */
	void (*sync)(void *arg, struct sim_sync *out);                               /* NULL: none */
	/* The disk had lied: nothing behind that revision is there. May be NULL. */
	void (*lost)(void *arg, uint64_t kept);
};

struct sim_config {
	uint64_t seed;
	const struct catalogue *catalogue;
	const struct actor_spec *const *kinds;
	/* In addition to "journal", which the simulator has itself. */
	const struct port_driver *const *drivers;
	uint32_t latency_min_us, latency_max_us; /* per frame; a link keeps its order */
	uint32_t bus_loss_permille;
	uint32_t link_loss_permille; /* of frames to and from the broker */
	uint32_t sync_min_us, sync_max_us;
	/* Of actors, and of cells that failed as a whole (an actor did too often):
	 * those are dropped and begin again, filled by `refill`, after a backoff;
	 * too often, and it is as if their process ended (what it was writing may
	 * be lost). Zeroed: restart_policy_default. refill NULL: no cell fails. */
	struct restart_policy restart;
	void (*refill)(void *arg, struct cell *c);
	void *refill_arg;
	void *(*shared)(void *arg, const char *name);
	void *shared_arg;
	void (*tap)(void *arg, const char *cell, const struct tap_record *r);
	void *tap_arg;
	/* Every transaction at the moment it is on the disk, in order of revision,
	 * whether or not anybody hears of it; `record` is as record.h has it. The
	 * place for a judge: it sees what is true, neither late nor with gaps. */
	void (*committed)(void *arg, uint64_t revision, struct span record);
	void *committed_arg;
	/* Every frame that the broker puts on the bus, before any is lost. */
	void (*published)(void *arg, struct bytes *frame);
	void *published_arg;
};

struct sim *sim_new(const struct sim_config *cfg);
void sim_free(struct sim *s);

/* A cell of that name; add actors to it with cell_add_actor. */
struct cell *sim_cell(struct sim *s, const char *name); /* NULL: it is stopped */
/* Something from outside waits in a port of that cell. */
void sim_wake(struct sim *s, const char *cell);
/* Runs events until nothing is due before `until_us`, or `done` (may be
 * NULL) says true after an event. Returns whether it did. */
bool sim_run(struct sim *s, uint64_t until_us, bool (*done)(void *arg), void *arg);
uint64_t sim_now_us(const struct sim *s);
/* Somebody sets the clock on the wall; monotonic time knows nothing of it. */
void sim_jump_wall(struct sim *s, int64_t us);
uint64_t sim_random(struct sim *s);
uint64_t sim_digest(const struct sim *s);
uint64_t sim_events(const struct sim *s);

/* How often a cell failed as a whole, and how often its process with it. */
uint64_t sim_cell_failures(struct sim *s, const char *cell);
uint64_t sim_process_failures(struct sim *s, const char *cell);
/* What outlives the cell. NULL: there was never such a cell. */
const struct dead_letters *sim_dead_letters(struct sim *s, const char *cell);

/* Faults, at once. */
int sim_crash_actor(struct sim *s, const char *cell, const char *actor);
/* All of a cell's volatile state is gone; `refill` adds its actors again. */
int sim_crash_cell(struct sim *s, const char *cell, void (*refill)(void *arg, struct cell *c),
		   void *arg);
/* The same in two steps: between them the cell is dead, and what is sent to
 * it is lost. Stopping a dead one and starting a living one do nothing. */
int sim_stop_cell(struct sim *s, const char *cell);
int sim_start_cell(struct sim *s, const char *cell, void (*refill)(void *arg, struct cell *c),
		   void *arg);
/* A cell whose process is stopped (SIGSTOP): it runs no turn; frames wait in
 * order and arrive when it goes on. */
int sim_pause_cell(struct sim *s, const char *cell, bool paused);
/* Sessions and names are gone; between stop and start so are all frames. */
void sim_restart_broker(struct sim *s);
void sim_stop_broker(struct sim *s);
void sim_start_broker(struct sim *s);
/* Frames between the cell and the broker are lost while cut, one way or both. */
enum sim_way { SIM_TO_BROKER = 1, SIM_FROM_BROKER = 2, SIM_BOTH_WAYS = 3 };
int sim_cut(struct sim *s, const char *cell, unsigned ways); /* 0: whole again */
void sim_partition(struct sim *s, const char *cell, bool cut); /* both ways */
/* So many bytes a second pass between the cell and the broker, each way by
 * itself; what comes meanwhile waits. 0: as many as there are. */
int sim_narrow(struct sim *s, const char *cell, uint64_t to_broker, uint64_t from_broker);
/* How many frames were kept waiting by that. */
uint64_t sim_narrow_touched(struct sim *s, const char *cell);
/* The wall clock of a cell is off by so much; its clocks run so fast (100: as
 * they should; never backwards). Both until changed, past the cell's death. */
int sim_skew(struct sim *s, const char *cell, int64_t us);
int sim_drift(struct sim *s, const char *cell, unsigned percent);
/* How often a clock that is off was read. */
uint64_t sim_clock_touched(struct sim *s, const char *cell);
/* Asked from now on; NULL: nobody is. The struct is copied. */
void sim_set_faults(struct sim *s, const struct sim_faults *f);
/* The journal's disk, to be filled, damaged and made to lie (journal.h). */
struct journal_disk *sim_disk(struct sim *s);
/* What the faults of this cell have done so far: frames that a cut or death
 * swallowed, turns and frames that a pause held up. */
uint64_t sim_touched(struct sim *s, const char *cell);
/* Of the broker: frames that found nobody. */
uint64_t sim_broker_touched(const struct sim *s);
/* All random faults off, cuts and pauses over, clocks right, nobody is asked
 * about faults any more, nothing is held (sim_verbs.h): what follows must
 * converge. */
void sim_heal(struct sim *s);

#endif
