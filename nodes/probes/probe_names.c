#include "nodes/probes/probe_names.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/mem.h"

enum { NAME_BYTES_MAX = 253 };

struct probe_names {
	struct loop_watch *watch;
	int here, there; /* threads answer at a copy of `there` */
	unsigned asked;
	void (*told)(void *arg, uint64_t id, const struct sockaddr_storage *at, socklen_t n);
	void *arg;
};

/* What a thread has, and what it sends. */
struct question {
	int to;
	uint64_t id;
	char host[NAME_BYTES_MAX + 1];
};
struct answer {
	uint64_t id;
	socklen_t n;
	struct sockaddr_storage at;
};

static void *look_up(void *arg)
{
	struct question *q = arg;
	struct answer a = {.id = q->id};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	if (getaddrinfo(q->host, NULL, &hints, &found) == 0 && found->ai_addrlen <= sizeof a.at) {
		memcpy(&a.at, found->ai_addr, found->ai_addrlen);
		a.n = found->ai_addrlen;
	}
	if (found)
		freeaddrinfo(found);
	(void)!send(q->to, &a, sizeof a, MSG_NOSIGNAL); /* the port may be closed by now */
	close(q->to);
	free(q);
	return NULL;
}

static void on_answer(void *arg, unsigned events)
{
	struct probe_names *x = arg;
	struct answer a;
	(void)events;
	if (recv(x->here, &a, sizeof a, 0) != sizeof a)
		return;
	x->asked--;
	x->told(x->arg, a.id, &a.at, a.n);
}

struct probe_names *probe_names_new(struct loop *loop,
				    void (*told)(void *arg, uint64_t id,
						 const struct sockaddr_storage *at, socklen_t n),
				    void *arg)
{
	struct probe_names *x = mem_alloc(sizeof *x);
	int fd[2] = {-1, -1};
	x->told = told;
	x->arg = arg;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0)
		x->watch = loop_add(loop, fd[0], LOOP_READ, on_answer, x);
	x->here = fd[0];
	x->there = fd[1];
	return x;
}

void probe_names_free(struct probe_names *x)
{
	if (!x)
		return;
	loop_remove(x->watch);
	if (x->here >= 0) {
		close(x->here);
		close(x->there);
	}
	free(x);
}

int probe_names_ask(struct probe_names *x, uint64_t id, const char *host)
{
	pthread_attr_t attr;
	pthread_t thread;
	if (!*host || strlen(host) > NAME_BYTES_MAX)
		return ERR_INVALID;
	if (x->asked >= PROBE_NAMES_MAX)
		return ERR_OVERLOADED;
	struct question *q = mem_alloc(sizeof *q);
	q->id = id;
	q->to = x->there >= 0 ? fcntl(x->there, F_DUPFD_CLOEXEC, 3) : -1;
	memcpy(q->host, host, strlen(host));
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int rc = q->to < 0 || pthread_create(&thread, &attr, look_up, q) ? ERR_IO : 0;
	pthread_attr_destroy(&attr);
	if (rc) {
		if (q->to >= 0)
			close(q->to);
		free(q);
		return rc;
	}
	x->asked++;
	return 0;
}
