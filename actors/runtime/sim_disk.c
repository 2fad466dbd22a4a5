/* The journal on a simulated disk: how long a sync takes is drawn, and what
 * goes wrong with it is what the faults say. */
#include <stdlib.h>

#include "actors/runtime/sim_private.h"
#include "actors/runtime/store_actor.h"
#include "broker/base/mem.h"

struct sim_journal {
	struct journal_port port; /* first: what the actor sees */
	struct journal *journal;
	struct sim_cell_slot *slot;
	uint64_t life;
	bool due, torn;
	uint64_t tear;
};

static int open_op(struct port *p, struct mp cfg, struct err *e)
{
	struct sim_cell_slot *slot = p->shared(p, "sim-cell");
	struct sim_journal *j = mem_alloc(sizeof *j);
	(void)cfg;
	int rc = journal_memory_open(&j->journal, slot->sim->disk, e);
	if (rc) {
		free(j);
		return rc;
	}
	journal_memory_hold(j->journal, true); /* a sync ends when its event comes */
	j->port.journal = j->journal;
	j->slot = slot;
	j->life = ++slot->sim->port_life;
	slot->sim->disk_slot = slot;
	p->state = j;
	return 0;
}

static void begin_sync(struct sim_journal *j, struct sim_sync *y)
{
	struct sim *s = j->slot->sim;
	if (s->faults.sync)
		s->faults.sync(s->faults.arg, y);
	if (y->fails)
		journal_memory_fail(j->journal, y->fails);
	j->torn = y->torn;
	j->tear = y->tear;
}

static void call_op(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct sim_journal *j = p->state;
	struct sim *s = j->slot->sim;
	struct sim_sync y = {0};
	(void)id;
	(void)arg;
	(void)payload;
	if (op != JOURNAL_KICK || j->due)
		return;
	j->due = true;
	begin_sync(j, &y);
	uint64_t takes = sim_between(s, s->cfg.sync_min_us, s->cfg.sync_max_us) + y.delay_us;
	sim_push(s, (struct event){.at = s->now + takes, .type = EV_SYNC, .life = j->life, .port = p});
}

/* The process ends here, with a part of the batch on the disk. */
static void tear(struct sim *s, struct sim_journal *j)
{
	struct sim_cell_slot *slot = j->slot;
	size_t records = journal_memory_in_flight(j->journal);
	journal_memory_cut(j->journal, records ? j->tear % (records + 1) : 0);
	sim_drop_cell(slot, false); /* it was cut already */
	sim_again(slot, s->cfg.restart.backoff_min_us);
}

void sim_synced(struct sim *s, const struct event *e)
{
	struct sim_journal *j = e->port ? e->port->state : NULL;
	if (!j)
		return;
	j->due = false;
	if (j->torn) {
		tear(s, j);
		return;
	}
	if (journal_memory_busy(j->journal))
		journal_memory_allow(j->journal, 1);
	port_deliver(e->port, JOURNAL_POLL, 0, 0, NULL);
	sim_wake_slot(j->slot, s->now);
}

/* What a lying disk still kept to itself goes with its cell's process, whether
 * or not the store is at work just then. */
void sim_disk_died(struct sim_cell_slot *slot)
{
	struct sim *s = slot->sim;
	uint64_t kept;
	if (s->disk_slot == slot && journal_disk_lose(s->disk, &kept) && s->faults.lost)
		s->faults.lost(s->faults.arg, kept);
}

static void close_op(struct port *p)
{
	struct sim_journal *j = p->state;
	struct sim *s = j->slot->sim;
	for (size_t i = 0; i < s->count; i++)
		if (s->heap[i].type == EV_SYNC && s->heap[i].life == j->life)
			s->heap[i].port = NULL;
	/* One batch is one commit: all of it or nothing. */
	if (s->killing && sim_random(s) & 1)
		journal_memory_cut(j->journal, 0);
	if (j->port.journal)
		journal_close(j->port.journal);
	free(j);
}

const struct port_driver sim_journal_driver = {
	.name = "journal",
	.open = open_op,
	.call = call_op,
	.close = close_op,
};

void sim_set_faults(struct sim *s, const struct sim_faults *f)
{
	s->faults = f ? *f : (struct sim_faults){0};
}

struct journal_disk *sim_disk(struct sim *s)
{
	return s->disk;
}
