/* The port "journal" of production: the LMDB journal, and the store's
 * descriptor on the loop. One event is told at a time: the descriptor stays
 * readable until the actor has polled. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/store_actor.h"
#include "broker/base/mem.h"
#include "store/local/journal.h"

struct state {
	struct journal_port port; /* first: what the actor sees */
	struct loop_watch *watch;
	bool told;
};

static int open_journal(struct journal **out, struct mp cfg, struct err *e)
{
	char path[512];
	struct span driver = mp_path_str(cfg, "driver"), dir = mp_path_str(cfg, "path");
	if (span_is(driver, "memory")) {
		/* Nothing survives the process: for demos without a disk. */
		return journal_memory_open(out, NULL, e);
	}
	snprintf(path, sizeof path, "%.*s", (int)dir.len, dir.data);
	struct journal_lmdb_options o = {
		.dir = path,
		.quota_bytes = (uint64_t)mp_path_int(cfg, "quota", 8ll << 30),
	};
	return journal_lmdb_open(out, &o, e);
}

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	struct state *s = mem_alloc(sizeof *s);
	int rc = open_journal(&s->port.journal, cfg, e);
	if (rc) {
		free(s);
		return rc;
	}
	p->state = s;
	return 0;
}

static void on_ready(void *arg, unsigned events)
{
	struct port *p = arg;
	struct state *s = p->state;
	(void)events;
	if (!s->told)
		s->told = port_deliver(p, JOURNAL_POLL, 0, 0, NULL) == 0;
	/* Level triggered: quiet until the actor has polled. */
	loop_change(s->watch, 0);
}

static void call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct state *s = p->state;
	(void)id;
	(void)payload;
	if (op == JOURNAL_WATCH) {
		s->watch = loop_add(p->loop, (int)arg, LOOP_READ, on_ready, p);
	} else if (op == JOURNAL_POLLED && s->watch) {
		s->told = false;
		loop_change(s->watch, LOOP_READ);
	}
}

static void close_port(struct port *p)
{
	struct state *s = p->state;
	loop_remove(s->watch);
	if (s->port.journal)
		journal_close(s->port.journal);
	free(s);
}

const struct port_driver journal_port_driver = {
	.name = "journal",
	.open = open_port,
	.call = call,
	.close = close_port,
};
