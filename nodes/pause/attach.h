/* Who is attached to a container: hears what it says from now on, and may speak into
 * its stdin. The bytes pass through the pause, which keeps the container's end of
 * both: a container's stdin is not closed because somebody leaves.
 *
 * Nothing is lost and little is kept: while somebody has not taken what it was given,
 * the container's output is not read (attach_waits), and while the container has not
 * taken what somebody said, that one is not read. What is drained when the container
 * ends is kept until it is taken. */
#ifndef NODES_PAUSE_ATTACH_H
#define NODES_PAUSE_ATTACH_H

#include <poll.h>
#include <stdbool.h>

#include "broker/base/bytes.h"
#include "broker/base/mp.h"
#include "nodes/pause/packet.h"

struct run;
struct attach;

/* What a run has of it. */
struct stdio {
	int in;    /* writes its stdin; of a terminal a second one of its master; -1 */
	bool tty;
	bool open; /* somebody may speak into it */
	bool once; /* who spoke into it and has said all closes it */
	struct attach *first;
};

enum { ATTACH_POLLS = 4 };

/* One that is attached to `run`, which runs. Takes the descriptors. `speaks`: what
 * io->fd[0] brings is for its stdin. */
struct attach *attach_new(struct run *run, struct packet_fds *io, bool speaks);
void attach_free(struct attach *a); /* the container goes on; NULL is fine */
/* Its descriptors, ATTACH_POLLS of them. */
void attach_fill(const struct attach *a, struct pollfd *polls);
void attach_polled(struct attach *a, const struct pollfd *polls);
/* What it has to say beside its bytes (proto.h). */
void attach_message(struct attach *a, struct mp m);
/* Whether it has heard all it will: the container ended, with *code, or its own
 * words are over and were no more than words (Kubernetes ends it then). */
bool attach_over(const struct attach *a, int *code);

/* Output of stream i (0, 1) for all that are attached. */
void attach_feed(struct run *run, int i, struct span data);
bool attach_waits(const struct run *run);
/* It has ended and its output was read. */
void attach_run_ended(struct run *run);

#endif
