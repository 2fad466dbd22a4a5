/* The driver of the userspace plane: its thread, the queue each way, and what
 * is left of it when its actor crashes. A real loop without a broker; the test
 * is client and endpoint. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "broker/socket.h"
#include "nodes/proxy/proxy_port.h"
#include "nodes/proxy/userspace.h"

enum { FRONT = 7000, BACK = 8000, TAKEN = 7001, PATIENCE_S = 10 };

struct world {
	char ip[32];
	struct loop *loop;
	pthread_t thread;
	_Atomic bool crash;
	pthread_mutex_t lock;
	pthread_cond_t heard;
	unsigned bound, failed, inits;
	int code;
	int64_t accepted, connections;
};

/* ---- an actor that asks for two listeners, and fails when it is told to */

static void call_listen(struct ctx *c, struct world *w, int port, uint64_t id, int listen_at)
{
	struct buf b = {0};
	mpw_map(&b, 6);
	mpw_kv_str(&b, "service", "default/web");
	mpw_kv_str(&b, "address", w->ip);
	mpw_kv_i64(&b, "port", listen_at);
	mpw_kv_i64(&b, "protocol", 0);
	mpw_kv_i64(&b, "affinity_s", 0);
	mpw_str(&b, "endpoints");
	mpw_array(&b, 1);
	mpw_array(&b, 2);
	mpw_str(&b, w->ip);
	mpw_i64(&b, BACK);
	ctx_port_call(c, port, PROXY_LISTEN, id, 0, bytes_take(&b));
}

static int init(struct ctx *c, void *state, struct mp cfg)
{
	struct world *w = ctx_shared(c, "world");
	(void)state;
	int port = ctx_port_open(c, "proxy-userspace", cfg, NULL);
	if (port < 0)
		return port;
	pthread_mutex_lock(&w->lock);
	w->inits++;
	pthread_mutex_unlock(&w->lock);
	call_listen(c, w, port, 1, FRONT);
	call_listen(c, w, port, 2, TAKEN);
	ctx_timer(c, 1000, 0);
	return 0;
}

static int on_timer(struct ctx *c, void *state, uint64_t tag)
{
	struct world *w = ctx_shared(c, "world");
	(void)state, (void)tag;
	ctx_timer(c, 1000, 0);
	return atomic_exchange(&w->crash, false) ? ERR_INVALID : 0;
}

static int on_port(struct ctx *c, void *state, const struct port_event *e)
{
	struct world *w = ctx_shared(c, "world");
	struct mp body = mp_of(bytes_span(e->payload));
	(void)state;
	pthread_mutex_lock(&w->lock);
	w->bound += e->op == PROXY_BOUND && e->id == 1;
	w->failed += e->op == PROXY_FAILED && e->id == 2;
	if (e->op == PROXY_FAILED)
		w->code = -(int)e->arg;
	if (e->op == PROXY_COUNTERS) {
		w->accepted = mp_path_int(body, "accepted", -1);
		w->connections = mp_path_int(body, "connections", -1);
	}
	pthread_cond_signal(&w->heard);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static const struct actor_spec user = {.kind = "user",
				       .state_bytes = 1,
				       .init = init,
				       .on_timer = on_timer,
				       .on_port = on_port};

static const struct actor_spec *const kinds[] = {&user, NULL};
static const struct port_driver *const drivers[] = {&proxy_userspace_port_driver, NULL};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
static const struct catalogue catalogue = {tables};

/* ---- the world around it */

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "world") == 0 ? arg : NULL;
}

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

/* Waits until an expression over what was heard is so. */
#define HEARD(w, so)                                                           \
	do {                                                                   \
		struct timespec end_;                                          \
		int rc_ = 0;                                                   \
		clock_gettime(CLOCK_REALTIME, &end_);                          \
		end_.tv_sec += PATIENCE_S;                                     \
		pthread_mutex_lock(&(w)->lock);                                \
		while (!(so) && rc_ == 0)                                      \
			rc_ = pthread_cond_timedwait(&(w)->heard, &(w)->lock, &end_); \
		pthread_mutex_unlock(&(w)->lock);                              \
		cr_assert_eq(rc_, 0, "never: " #so);                           \
	} while (0)

static struct sockaddr_in at(const struct world *w, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, w->ip, &a.sin_addr);
	return a;
}

static int listening(const struct world *w, int port)
{
	struct sockaddr_in a = at(w, port);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(listen(fd, 10), 0);
	return fd;
}

static int connected(const struct world *w)
{
	struct sockaddr_in a = at(w, FRONT);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	int why = errno;
	close(fd);
	return -why;
}

/* An address of this process's own. */
static void prepare(struct world *w)
{
	unsigned n = (unsigned)getpid();
	snprintf(w->ip, sizeof w->ip, "127.%u.%u.%u", 240 + (n >> 16 & 7), n >> 8 & 255,
		 1 + n % 254);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->heard, NULL);
}

static void start(struct world *w)
{
	uint8_t none = 0x80; /* the empty map */
	struct loop_config cfg = {
		.cell = {.name = "cell", .cluster = 1, .catalogue = &catalogue, .kinds = kinds,
			 .drivers = drivers},
		.broker = "inproc://nobody", .bus = "inproc://nobody-either",
		.shared = shared, .shared_arg = w,
	};
	log_init("off");
	sock_system_start();
	cr_assert_eq(loop_open(&w->loop, &cfg, NULL), 0);
	cr_assert_eq(cell_add_actor(loop_cell(w->loop), "user", "user",
				    mp_of((struct span){&none, 1}), NULL), 0);
	pthread_create(&w->thread, NULL, run, w->loop);
}

static void stop(struct world *w)
{
	loop_stop(w->loop, 1000);
	pthread_join(w->thread, NULL);
	loop_free(w->loop);
	sock_system_stop();
}

static void exchange(int from, int to, const char *text)
{
	char buf[32] = "";
	cr_assert_eq(send(from, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	cr_assert_eq(recv(to, buf, sizeof buf - 1, 0), (ssize_t)strlen(text), "%m");
	cr_expect_str_eq(buf, text);
}

Test(userspace, calls_reach_the_plane_and_events_and_counters_come_back)
{
	struct world w = {0};
	prepare(&w);
	start(&w);
	int back = listening(&w, BACK);
	HEARD(&w, w.bound == 1);
	int c = connected(&w), s = accept(back, NULL, NULL);
	exchange(c, s, "question");
	exchange(s, c, "answer");
	HEARD(&w, w.accepted == 1 && w.connections == 1);
	close(c);
	cr_expect_eq(recv(s, &(char){0}, 1, 0), 0);
	close(s);
	HEARD(&w, w.connections == 0);
	stop(&w);
	cr_expect_eq(connected(&w), -ECONNREFUSED);
	close(back);
}

Test(userspace, a_listener_that_cannot_open_is_told_and_the_other_works)
{
	struct world w = {0};
	prepare(&w);
	int taken = listening(&w, TAKEN);
	start(&w);
	HEARD(&w, w.bound == 1 && w.failed == 1);
	cr_expect_eq(w.code, ERR_BUSY);
	stop(&w);
	close(taken);
}

Test(userspace, a_crash_of_the_actor_ends_everything_and_it_starts_anew)
{
	struct world w = {0};
	prepare(&w);
	start(&w);
	int back = listening(&w, BACK);
	HEARD(&w, w.bound == 1);
	int c = connected(&w), s = accept(back, NULL, NULL);
	exchange(c, s, "question");
	w.crash = true;
	cr_expect_eq(recv(c, &(char){0}, 1, 0), -1);
	cr_expect_eq(errno, ECONNRESET);
	cr_expect_eq(recv(s, &(char){0}, 1, 0), -1);
	cr_expect_eq(errno, ECONNRESET);
	HEARD(&w, w.inits == 2 && w.bound == 2);
	int again = connected(&w), other = accept(back, NULL, NULL);
	exchange(again, other, "again");
	close(c);
	close(s);
	close(again);
	close(other);
	stop(&w);
	close(back);
}
