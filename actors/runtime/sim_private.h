/* What the files of the simulator share. */
#ifndef RUNTIME_SIM_PRIVATE_H
#define RUNTIME_SIM_PRIVATE_H

#include "actors/runtime/sim.h"
#include "broker/base/omap.h"
#include "broker/router.h"
#include "store/local/journal.h"

enum { DRIVERS_MAX = 32 };

enum event_type {
	EV_TO_BROKER,
	EV_TO_CELL,
	EV_BUS,
	EV_SUBSCRIBE,
	EV_RUN,
	EV_TICK,
	EV_SYNC,
	EV_AGAIN, /* a cell that failed begins again */
};

struct sim_cell_slot;

struct event {
	uint64_t at, tie, number;
	enum event_type type;
	bool damaged; /* the frame: to be checked whole */
	struct sim_cell_slot *slot;
	uint64_t life; /* of the slot or the port: events of a former one are void */
	struct bytes *frame;
	struct port *port;
	uint64_t passage; /* of its time on the way, what a narrow link takes */
};

struct sim_verbs;

struct sim_cell_slot {
	struct sim *sim;
	char *name;
	uint32_t name_sum; /* of it, for the digest */
	struct cell *cell;
	uint64_t peer, life;
	uint64_t to_broker_at, to_cell_at, bus_at; /* links keep their order */
	struct omap late; /* pair -> struct late_pair, of messages that others overtake */
	uint64_t run_at; /* of the next EV_RUN, 0 none */
	struct omap topics;
	unsigned cut; /* enum sim_way */
	struct narrow {
		uint64_t rate;	 /* bytes a second; 0: as many as there are */
		uint64_t free_at; /* when the last of what was sent has passed */
	} narrow_to, narrow_from;
	uint64_t narrow_touched;
	bool paused;
	struct held_frame *held_first, *held_last; /* of a pause */
	uint64_t touched;
	/* clocks: wall = now + skew; all of it at that rate since `drift_at`, when
	 * the cell's clock showed `drift_base` */
	int64_t skew_us;
	unsigned rate; /* percent */
	uint64_t drift_at, drift_base, clock_touched;
	/* what outlives the cell */
	struct turn_record *record;
	struct dead_letters letters;
	struct failures failures;
	uint64_t cell_failures, process_failures;
	bool failed;
};

struct held_frame {
	struct held_frame *next;
	enum event_type type;
	struct bytes *frame;
	bool damaged;
};

struct sim {
	struct sim_config cfg;
	struct router *router;
	uint64_t now, random[4], digest, handled, number;
	int64_t wall_jump; /* of all wall clocks */
	struct event *heap;
	size_t count, cap;
	struct omap cells; /* name -> slot */
	struct omap followers; /* topic -> struct omap of slots, by name */
	struct omap peers; /* number of its present connection -> slot */
	uint64_t next_peer;
	struct journal_disk *disk;
	struct sim_cell_slot *disk_slot; /* that used it last */
	struct sim_faults faults;
	struct sim_verbs *verbs; /* NULL: no test has used one */
	const struct port_driver *drivers[DRIVERS_MAX];
	uint64_t port_life, broker_touched;
	bool killing; /* a process is: what it was writing may be lost */
};

/* What one sender says to one receiver stays in order, whatever else passes it. */
struct late_pair {
	uint64_t at; /* of the last of them */
};

/* sim.c */
void sim_push(struct sim *s, struct event e);
void sim_push_drawn(struct sim *s, struct event e); /* its tie-break is set */
bool sim_before(const struct event *a, const struct event *b);
void sim_happens(struct sim *s, const struct event *e); /* drops its frame */
/* Takes that one of the heap out and handles it, now. */
void sim_handle_now(struct sim *s, size_t at);
/* Frames, into a cell that lives and is not paused. */
void sim_enter(struct sim_cell_slot *slot, enum event_type type, struct bytes *frame, bool damaged);
void sim_wake_slot(struct sim_cell_slot *slot, uint64_t at);
/* The cell's process ends: what it was writing may be lost. */
void sim_drop_cell(struct sim_cell_slot *slot, bool process);
void sim_again(struct sim_cell_slot *slot, uint64_t after_us);
static inline uint64_t sim_between(struct sim *s, uint64_t min, uint64_t max)
{
	return max > min ? min + sim_random(s) % (max - min + 1) : min;
}

/* sim_links.c: frames on their way, and what faults do to them */
void sim_send_on(struct sim_cell_slot *slot, enum event_type type, uint64_t *link_at,
		 struct bytes *frame);
/* What waits at links that are as wide as ever again is there at once. */
void sim_hurry(struct sim_cell_slot *slot);
bool sim_swallowed(struct sim_cell_slot *slot, enum sim_way way);
void sim_topic(struct sim_cell_slot *slot, struct span topic, bool on);
void sim_forget_topics(struct sim_cell_slot *slot);
void sim_new_peer(struct sim_cell_slot *slot); /* another connection */
int sim_from_cell(void *slot, struct bytes *frame); /* as cell_ops.send */
int sim_router_send(void *sim, uint64_t peer, struct bytes *frame);
void sim_router_publish(void *sim, struct bytes *frame, bool trusted);

/* Sender and receiver of a message, or the topic of a bus event. */
void sim_pair_of(struct span frame, struct buf *out);
/* What is the envelope's of a frame that waits for such an event. */
struct span sim_letter_in(enum event_type type, struct span frame);

/* sim_verbs.c: whether a verb keeps what arrives; it was then taken */
bool sim_verbs_keep(struct sim_cell_slot *slot, enum event_type type, struct bytes *frame, bool damaged);
void sim_verbs_over(struct sim *s); /* all that is held is allowed */
void sim_verbs_free(struct sim_verbs *v);

/* sim_disk.c: the journal's port */
extern const struct port_driver sim_journal_driver;
void sim_synced(struct sim *s, const struct event *e);
void sim_disk_died(struct sim_cell_slot *slot);

/* sim_clock.c */
uint64_t sim_cell_now(void *slot);
int64_t sim_cell_wall(void *slot);
/* When it is so late by the cell's clock. */
uint64_t sim_global(const struct sim_cell_slot *slot, uint64_t local);

#endif
