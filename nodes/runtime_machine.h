/* A node's pods on its machine, whatever their containers are made of: the
 * port over launcher, pauses and log files. What differs between the kinds of
 * containers (runtime_process.c, runtime_oci.c) is a table of functions.
 *
 * Threads: the port's loop; nothing here blocks. Private to the runtimes. */
#ifndef NODES_RUNTIME_MACHINE_H
#define NODES_RUNTIME_MACHINE_H

#include "actors/runtime/port.h"
#include "broker/base/omap.h"
#include "nodes/pause_link.h"

enum { POD_ADDRESS_MAX = 46 };

struct pod {
	struct machine *m;
	uint64_t id; /* the agent's number */
	char *uid, *dir;
	struct pause_link *link;
	struct loop_watch *watch;
	bool asked, listing;
	bool preparing; /* its kind has yet to say machine_launch, or why not */
	bool sweeping; /* its pause is gone; what is left of it is being removed */
	void *state;   /* of its kind */
};

/* All but `name` and `address` may be NULL. */
struct container_kind {
	const char *name;
	int (*open)(struct machine *m, struct mp cfg, struct err *e);
	void (*close)(struct machine *m);
	/* Adds fields to RUNTIME_INFO; returns their number. */
	size_t (*info)(struct machine *m, struct buf *b);
	/* RUNTIME_ATTACH, before anything is told. */
	void (*attach)(struct pod *p, struct mp body);
	/* Before a pause is asked for: what the pause reads. 0, or why not; ERR_AGAIN: it
	 * goes on with machine_launch later, or tells RUNTIME_FAILED, while `preparing`. */
	int (*prepare)(struct pod *p, struct mp body, struct err *e);
	/* Its address, also when an earlier agent gave it. */
	void (*address)(struct pod *p, char out[POD_ADDRESS_MAX]);
	/* RUNTIME_START; its pause is linked. */
	void (*start)(struct pod *p, struct mp body);
	/* Adds fields to RUNTIME_ATTEMPT; returns their number. */
	size_t (*attempt)(struct pod *p, const struct pause_attempt *a, struct buf *b);
	/* The pause is gone: removes what it left outside the pod's directory.
	 * False: not all went, ask again in a while. */
	bool (*sweep)(struct pod *p);
	void (*forget)(struct pod *p); /* before its directory is removed */
	void (*remove)(struct pod *p); /* removes its directory; NULL: it is done at once */
	void (*pod_free)(struct pod *p);
	/* What takes its time; how long the loop may sleep, in microseconds. */
	uint64_t (*due)(struct machine *m);
	/* Other calls; false: not known. */
	bool (*call)(struct machine *m, uint32_t op, uint64_t id, uint32_t arg, struct mp body);
};

struct machine {
	struct port *port;
	const struct container_kind *kind;
	void *kind_state;
	char *node, *data_dir, *pods_dir;
	struct omap pods; /* id -> struct pod */
	int launcher_fd;
	struct loop_watch *launcher_watch;
	struct log_readers *logs;
	uint64_t sweep_us; /* when sweeping goes on; 0: nothing is swept */
	struct loop_hook *hook;
	struct exec_sessions *execs;
};

/* ---- for the kinds */
int machine_open(struct port *port, const struct container_kind *kind, struct mp cfg,
		 struct err *e);
void machine_call(struct port *port, uint32_t op, uint64_t id, uint32_t arg,
		  struct bytes *payload);
void machine_close(struct port *port);
/* Asks for its pause. */
void machine_launch(struct pod *p);
struct pod *machine_pod(struct machine *m, uint64_t id);
void machine_tell(struct machine *m, uint32_t op, uint64_t id, struct buf *b);
void machine_tell_text(struct machine *m, uint32_t op, uint64_t id, const char *key,
		       const char *text);
/* An attempt that no pause knows of, because it could not be started. */
void machine_start_failed(struct pod *p, const char *name, uint32_t attempt, const char *why);
/* It does not start yet, for that reason: RUNTIME_WAITING. */
void machine_start_waits(struct pod *p, const char *name, uint32_t attempt, const char *reason,
			 const char *text);
/* Gives it to the pause; a refusal is told as a start that failed. */
void machine_start(struct pod *p, const struct pause_start *s);
uint64_t machine_now_us(void); /* monotonic */

/* ---- runtime_logs.c: readers of logs, kept between the chunks */
struct log_readers *log_readers_new(struct port *port, const char *pods_dir);
void log_readers_free(struct log_readers *r);
/* RUNTIME_LOG. */
void log_readers_call(struct log_readers *r, uint64_t request, struct mp body);
/* Who follows a container that ended gets its last lines, and the end. */
void log_readers_end(struct log_readers *r, const char *uid, const char *container,
		     uint32_t attempt);
/* How long the loop may sleep, in microseconds; reads what is due. */
uint64_t log_readers_due(struct log_readers *r);

#endif
