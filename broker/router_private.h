/* What the files of the router share. Not for anybody else. */
#ifndef BROKER_ROUTER_PRIVATE_H
#define BROKER_ROUTER_PRIVATE_H

#include "broker/base/omap.h"
#include "broker/batch.h"
#include "broker/router.h"

struct session {
	uint64_t peer;
	uint64_t epoch;
	uint64_t incarnation;
	uint64_t heard_us;
	uint64_t sent, taken; /* bytes of routed frames: handed to the socket, said to have come */
	char *cell;
	struct omap names;    /* name -> this session; the keys are what counts */
	struct omap wants;    /* the same of names that another session took over */
	struct batch batch; /* what waits for router_flush; limit 0: it takes none */
	struct session *next_waiting;
	bool waiting;
};

struct router {
	struct router_ops ops;
	struct router_stats stats;
	uint32_t cluster;
	uint64_t next_epoch;
	uint64_t sequence;
	uint64_t born_us;	 /* 0: nothing happened yet */
	bool settled;		 /* cells have had the time to say hello */
	struct omap peers;	 /* peer number -> session */
	struct omap cells;	 /* name of a cell -> its session */
	struct omap names;	 /* actor's name -> session */
	struct omap wanted;  /* name that was taken over -> the session that had it */
	struct omap watches; /* watched name -> struct omap of watchers' names */
	struct session *waiting; /* those whose batch is not empty */
	size_t gathered;	 /* frames that wait, about */
	uint64_t notice_followers; /* subscriptions to notices */
};

/* A frame of a peer, or a part of one: of a batch. */
struct piece {
	struct span raw;
	struct bytes *frame; /* borrowed */
};

/* router_post.c: what leaves */
/* What waits for this session, now: it is about to end, or something that may
 * not overtake it leaves by itself. */
void session_flush(struct router *r, struct session *s);
/* From the broker itself. `body` is taken over. */
void say(struct router *r, uint64_t peer, struct envelope *env, struct buf *body);
void say_system(struct router *r, uint64_t peer, uint16_t kind, struct buf *body);
void say_bye(struct router *r, uint64_t peer, const char *reason);
void say_failed(struct router *r, uint64_t peer, const struct envelope *req, int code);
/* A message of `from` on its way, or answered. */
void route(struct router *r, const struct envelope *env, const struct piece *p);

/* router_names.c: names, and who watches them */
void name_register(struct router *r, struct session *s, struct span name);
/* Its cell has that name, but another one took it over: it is told when the name
 * is free. */
void name_want(struct router *r, struct session *s, struct span name);
void name_free(struct router *r, struct span name); /* nobody has it now */
void names_want_nothing(struct router *r, struct session *s);
void name_release(struct router *r, struct session *s, struct span name);
void name_gone(struct router *r, struct span name, int reason); /* tells its watchers */
void name_watch(struct router *r, struct span watcher, struct span name);
/* Once cells have had the time to say hello: tells of the names that nobody has. */
void names_settle(struct router *r, uint64_t now_us);
void names_free(struct router *r);

#endif
