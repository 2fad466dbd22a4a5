#include "broker/socket.h"

#include <czmq.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/descriptors.h"
#include "broker/envelope.h"

enum {
	QUEUE_FRAMES = 10000,
	/* Of each follower of the bus, at each end. It is the most that a slow one
	 * costs the broker: what does not fit is lost to it alone, and fetched from
	 * the store when it comes to the gap. */
	BUS_QUEUE_FRAMES = 4000,
	HANDSHAKE_MS = 5000,
	RECONNECT_MIN_MS = 20,
	BACKLOG = 1024,
	/* The library's number for it, which its header gives to users of drafts only. */
	ZERO_COPY_RECV = 10,
};

/* The library is not compiled for the thread sanitizer, which so does not see
 * that a frame goes from one thread to another. Over inproc both ends have the
 * same bytes: their address says whose turn it is. Nothing else is hidden. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define HAND_OVER(data) __tsan_release((void *)(uintptr_t)(data))
#define TAKE_OVER(data) __tsan_acquire((void *)(uintptr_t)(data))
#else
#define HAND_OVER(data) ((void)(data))
#define TAKE_OVER(data) ((void)(data))
#endif

struct sock {
	zsock_t *z;
	void *raw;
	enum sock_kind kind;
	bool quiet;
};

void sock_system_start(void)
{
	descriptors_raise();
	zsys_handler_set(NULL);
	zsys_set_io_threads(1);
	zsys_set_max_sockets(16384);
	zsys_set_linger(0);
	/* Else each frame from a wire is a part of the 8 KB that were read with it, and
	 * keeps all of them while it is kept: an object of one kilobyte costs ten. */
	zmq_ctx_set(zsys_init(), ZERO_COPY_RECV, 0);
}

void sock_system_stop(void)
{
	zsys_shutdown();
}

static void set_int(struct sock *s, int option, int value)
{
	zmq_setsockopt(s->raw, option, &value, sizeof value);
}

static void set_options(struct sock *s)
{
	bool bus = s->kind == SOCK_XPUB || s->kind == SOCK_SUB;
	int64_t max = ENV_FRAME_BYTES_MAX;
	set_int(s, ZMQ_SNDHWM, bus ? BUS_QUEUE_FRAMES : QUEUE_FRAMES);
	set_int(s, ZMQ_RCVHWM, bus ? BUS_QUEUE_FRAMES : QUEUE_FRAMES);
	set_int(s, ZMQ_LINGER, 0);
	set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	set_int(s, ZMQ_BACKLOG, BACKLOG);
	zmq_setsockopt(s->raw, ZMQ_MAXMSGSIZE, &max, sizeof max);
	if (s->kind == SOCK_ROUTER)
		set_int(s, ZMQ_ROUTER_MANDATORY, 1);
	if (s->kind == SOCK_XPUB)
		set_int(s, ZMQ_XPUB_VERBOSER, 1); /* every follower is told the head */
	if (s->kind == SOCK_DEALER || s->kind == SOCK_SUB) {
		set_int(s, ZMQ_RECONNECT_IVL, RECONNECT_MIN_MS + (int)(randof(80)));
		set_int(s, ZMQ_RECONNECT_IVL_MAX, 2000 + (int)(randof(2000)));
	}
}

struct sock *sock_new(enum sock_kind kind, struct err *e)
{
	static const int types[] = {ZMQ_ROUTER, ZMQ_DEALER, ZMQ_XPUB, ZMQ_SUB};
	zsock_t *z = zsock_new(types[kind]);
	if (!z) {
		err_set(e, ERR_IO, "a socket cannot be made: %s", zmq_strerror(errno));
		return NULL;
	}
	struct sock *s = mem_alloc(sizeof *s);
	s->z = z;
	s->raw = zsock_resolve(z);
	s->kind = kind;
	set_options(s);
	return s;
}

int sock_bind(struct sock *s, const char *endpoint, struct err *e)
{
	if (zmq_bind(s->raw, endpoint))
		return err_set(e, errno == EADDRINUSE ? ERR_BUSY : ERR_IO, "%s: %s", endpoint,
			       zmq_strerror(errno));
	return 0;
}

int sock_connect(struct sock *s, const char *endpoint, struct err *e)
{
	if (zmq_connect(s->raw, endpoint))
		return err_set(e, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
	return 0;
}

void sock_close(struct sock *s)
{
	if (!s)
		return;
	zsock_destroy(&s->z);
	free(s);
}

int sock_fd(struct sock *s)
{
	int fd = -1;
	size_t n = sizeof fd;
	zmq_getsockopt(s->raw, ZMQ_FD, &fd, &n);
	return fd;
}

void sock_woken(struct sock *s)
{
	s->quiet = false;
}

bool sock_quiet(const struct sock *s)
{
	return s->quiet;
}

bool sock_readable(struct sock *s)
{
	int events = 0;
	size_t n = sizeof events;
	if (s->quiet)
		return false;
	zmq_getsockopt(s->raw, ZMQ_EVENTS, &events, &n);
	s->quiet = !(events & ZMQ_POLLIN);
	return !s->quiet;
}

/* ---- frames */

static void release_msg(void *hint)
{
	HAND_OVER(zmq_msg_data(hint));
	zmq_msg_close(hint);
	free(hint);
}

/* Messages live on the heap: small ones carry their bytes inside. */
static zmq_msg_t *recv_msg(struct sock *s, bool *more)
{
	zmq_msg_t *m = mem_alloc(sizeof *m);
	zmq_msg_init(m);
	if (zmq_msg_recv(m, s->raw, ZMQ_DONTWAIT) < 0) {
		release_msg(m);
		return NULL;
	}
	TAKE_OVER(zmq_msg_data(m));
	*more = zmq_msg_more(m);
	return m;
}

static uint64_t peer_of(zmq_msg_t *id)
{
	uint64_t n = 0;
	const uint8_t *p = zmq_msg_data(id);
	/* Routing ids that the library draws: a zero byte and four more. */
	if (zmq_msg_size(id) != 5 || p[0] != 0)
		return 0;
	for (int i = 1; i < 5; i++)
		n = n << 8 | p[i];
	return n;
}

int sock_recv(struct sock *s, uint64_t *peer, struct bytes **frame)
{
	bool more = false;
	zmq_msg_t *m = recv_msg(s, &more);
	s->quiet = !m;
	if (!m)
		return ERR_AGAIN;
	if (s->kind == SOCK_ROUTER) {
		*peer = peer_of(m);
		release_msg(m);
		m = more ? recv_msg(s, &more) : NULL;
		if (!m)
			return ERR_INVALID;
	}
	bool extra = more;
	while (more) { /* ours have one frame: a stranger's others are dropped */
		zmq_msg_t *rest = recv_msg(s, &more);
		if (!rest)
			break;
		release_msg(rest);
	}
	if (extra || (s->kind == SOCK_ROUTER && *peer == 0)) {
		release_msg(m);
		return ERR_INVALID;
	}
	*frame = bytes_wrap(zmq_msg_data(m), zmq_msg_size(m), release_msg, m);
	return 0;
}

static void release_bytes(void *data, void *hint)
{
	TAKE_OVER(data);
	bytes_unref(hint);
}

static int send_error(void)
{
	return errno == EAGAIN ? ERR_OVERLOADED : errno == EHOSTUNREACH ? ERR_UNREACHABLE : ERR_IO;
}

static int send_identity(struct sock *s, uint64_t peer)
{
	uint8_t id[5] = {0, (uint8_t)(peer >> 24), (uint8_t)(peer >> 16), (uint8_t)(peer >> 8),
			 (uint8_t)peer};
	return zmq_send(s->raw, id, sizeof id, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0 ? send_error() : 0;
}

int sock_send(struct sock *s, uint64_t peer, struct bytes *frame)
{
	s->quiet = false;
	/* A ROUTER that is told to be mandatory refuses on the first part or not at all. */
	if (s->kind == SOCK_ROUTER) {
		int rc = send_identity(s, peer);
		if (rc)
			return rc;
	}
	struct span data = bytes_span(frame);
	zmq_msg_t m;
	HAND_OVER(data.data);
	zmq_msg_init_data(&m, (void *)(uintptr_t)data.data, data.len, release_bytes,
			  bytes_ref(frame));
	if (zmq_msg_send(&m, s->raw, ZMQ_DONTWAIT) < 0) {
		int rc = send_error();
		zmq_msg_close(&m);
		return rc;
	}
	return 0;
}

void sock_subscribe(struct sock *s, struct span prefix, bool on)
{
	s->quiet = false;
	zmq_setsockopt(s->raw, on ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, prefix.data, prefix.len);
}
