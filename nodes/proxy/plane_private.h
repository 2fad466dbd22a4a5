/* What the files of the data plane share. */
#ifndef PROXY_PLANE_PRIVATE_H
#define PROXY_PLANE_PRIVATE_H

#include <sys/socket.h>

#include "nodes/proxy/balancer.h"
#include "nodes/proxy/plane.h"

enum { SCRATCH_BYTES = 65536 };

/* What an epoll event leads to; first member of what it is about. */
struct watch {
	void (*ready)(struct watch *w, uint32_t events); /* NULL: gone, freed after the round */
};

/* Connections of a service; lives as long as somebody counts on it. */
struct service {
	struct plane *plane;
	char *name;
	size_t refs, connections;
};

struct listener {
	struct watch watch;
	struct plane *plane;
	uint64_t id;
	struct service *service;
	struct proxy_address at;
	enum proxy_protocol protocol;
	int fd; /* -1: it does not listen */
	uint64_t paused_until_us; /* nothing is accepted before; 0: it is */
	struct balancer balancer;
	struct omap flows; /* UDP: client -> struct flow */
	size_t refs;       /* itself, and connections that still look for an endpoint */
};

struct plane {
	struct plane_config cfg;
	int epoll_fd, wake_fd;
	struct watch wake;
	bool woken;
	uint64_t now_us, seed;
	struct omap listeners; /* id -> struct listener */
	struct omap services;  /* name -> struct service */
	struct relay *relays;               /* all */
	struct relay *connecting_first, *connecting_last; /* by deadline */
	struct relay *more;                 /* used up their round: go on in the next */
	struct relay *dead;                 /* freed after the round */
	struct flow *flow_oldest, *flow_newest; /* by last use */
	struct flow *flow_dead;
	size_t paused;
	struct plane_counters counters;
	uint8_t scratch[SCRATCH_BYTES];
};

/* ---- plane.c */
void plane_watch(struct plane *p, int fd, uint32_t events, struct watch *w);
socklen_t plane_sockaddr(const struct proxy_address *a, struct sockaddr_storage *out);
void plane_address(const struct sockaddr_storage *from, struct proxy_address *out);
void listener_unref(struct listener *l);
void service_unref(struct service *s);

/* ---- relay.c */
void relay_accept(struct watch *w, uint32_t events); /* of a TCP listener's socket */
/* What is due: deadlines, and relays that have more to do. Returns the
 * microseconds until something is; UINT64_MAX: nothing. */
uint64_t relay_tick(struct plane *p);
void relay_bury(struct plane *p);
void relay_close_all(struct plane *p);

/* ---- flows.c */
void flows_receive(struct watch *w, uint32_t events); /* of a UDP listener's socket */
uint64_t flows_tick(struct plane *p);
void flows_bury(struct plane *p);
/* Those whose endpoint is none any more (all, when the listener goes). */
void flows_drop(struct listener *l, bool all);

#endif
