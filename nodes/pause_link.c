/* One connection to one pause. What the socket does not take at once waits in
 * a list; commands go out in the order in which they were given. */
#include "nodes/pause_link.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/pause/packet.h"
#include "nodes/local_socket.h"

struct command {
	struct command *next;
	struct buf body;
	size_t sent;
};

struct pause_link {
	int fd;
	bool closed;
	struct pause_events events;
	struct command *first, **last;
	size_t queued_bytes;
	struct buf inbox;
};

int pause_link_open(struct pause_link **out, const char *dir, const struct pause_events *events,
		    struct err *e)
{
	int fd = local_socket_connect(dir, PAUSE_SOCKET, e);
	if (fd < 0)
		return fd;
	struct pause_link *l = mem_alloc(sizeof *l);
	l->fd = fd;
	l->events = *events;
	l->last = &l->first;
	*out = l;
	return 0;
}

static void command_pop(struct pause_link *l)
{
	struct command *c = l->first;
	l->first = c->next;
	if (!l->first)
		l->last = &l->first;
	l->queued_bytes -= c->body.len;
	buf_fini(&c->body);
	free(c);
}

void pause_link_close(struct pause_link *l)
{
	if (!l)
		return;
	while (l->first)
		command_pop(l);
	buf_fini(&l->inbox);
	close(l->fd);
	free(l);
}

int pause_link_fd(const struct pause_link *l)
{
	return l->fd;
}

bool pause_link_wants_write(const struct pause_link *l)
{
	return l->first && !l->closed;
}

static int flush(struct pause_link *l)
{
	while (l->first && !l->closed) {
		struct command *c = l->first;
		int rc = packet_send(l->fd, span_buf(&c->body), &c->sent);
		if (rc == ERR_AGAIN)
			return 0;
		if (rc)
			l->closed = true;
		else if (c->sent == c->body.len)
			command_pop(l);
	}
	return l->closed ? ERR_CLOSED : 0;
}

/* A pause is a program of ours, yet its words are checked like a stranger's. */
static void on_event(struct pause_link *l, struct span message)
{
	struct pause_attempt a;
	if (mp_check(message, NULL))
		return;
	struct mp m = mp_of(message);
	struct span event = mp_path_str(m, "event");
	if (span_is(event, "listed")) {
		l->events.listed(l->events.arg);
	} else if (span_is(event, "error")) {
		char *text = mem_ndup(mp_path_str(m, "text").data, mp_path_str(m, "text").len);
		l->events.refused(l->events.arg, text);
		free(text);
	} else if (pause_attempt_read(message, &a, NULL) == 0) {
		l->events.attempt(l->events.arg, &a);
	}
}

int pause_link_poll(struct pause_link *l)
{
	for (;;) {
		int rc = packet_receive(l->fd, &l->inbox);
		if (rc == ERR_AGAIN)
			break;
		if (rc) {
			l->closed = true;
			return ERR_CLOSED;
		}
		on_event(l, span_buf(&l->inbox));
		l->inbox.len = 0;
	}
	if (l->inbox.len == 0)
		buf_fini(&l->inbox);
	return flush(l);
}

static int give(struct pause_link *l, struct buf *body)
{
	int rc = l->closed ? ERR_CLOSED : 0;
	if (rc == 0 && body->len > PAUSE_MESSAGE_BYTES_MAX)
		rc = ERR_LIMIT;
	if (rc == 0 && l->queued_bytes + body->len > PAUSE_LINK_QUEUE_BYTES_MAX)
		rc = ERR_OVERLOADED;
	if (rc) {
		buf_fini(body);
		return rc;
	}
	struct command *c = mem_alloc(sizeof *c);
	c->body = *body;
	l->queued_bytes += body->len;
	*l->last = c;
	l->last = &c->next;
	return flush(l);
}

static void write_texts(struct buf *b, const char *key, const char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	mpw_str(b, key);
	mpw_array(b, n);
	for (size_t i = 0; i < n; i++)
		mpw_bin(b, span_of(texts[i]));
}

enum { STREAM_FIELDS = 3 };

static void write_streams(struct buf *b, const struct pause_start *s)
{
	mpw_kv_bool(b, "stdin", s->in);
	mpw_kv_bool(b, "stdin_once", s->in_once);
	mpw_kv_bool(b, "tty", s->tty);
}

static int start_bundle(struct pause_link *l, const struct pause_start *s)
{
	struct buf b = {0};
	mpw_map(&b, 9 + STREAM_FIELDS + (s->subpaths.len > 0) + (s->target != NULL) +
			   (s->stop > 0) + (s->word != NULL));
	write_streams(&b, s);
	mpw_kv_str(&b, "do", "start");
	mpw_kv_str(&b, "name", s->name);
	mpw_kv_u64(&b, "attempt", s->attempt);
	if (s->subpaths.len) {
		mpw_str(&b, "subpaths");
		mpw_raw(&b, s->subpaths);
	}
	if (s->target)
		mpw_kv_str(&b, "target", s->target);
	if (s->stop > 0)
		mpw_kv_i64(&b, "stop", s->stop);
	if (s->word) {
		mpw_str(&b, "word");
		mpw_bin(&b, (struct span){(const uint8_t *)s->word,
					  strnlen(s->word, PAUSE_ERROR_BYTES_MAX)});
	}
	mpw_kv_str(&b, "bundle", s->bundle);
	mpw_kv_str(&b, "layers", s->layers);
	mpw_kv_str(&b, "lower", s->lower);
	mpw_kv_str(&b, "image", s->image ? s->image : "");
	mpw_kv_str(&b, "oom", s->oom ? s->oom : "");
	mpw_kv_u64(&b, "log_bytes", s->log_bytes);
	return give(l, &b);
}

int pause_link_start(struct pause_link *l, const struct pause_start *s)
{
	struct buf b = {0};
	if (s->bundle)
		return start_bundle(l, s);
	mpw_map(&b, 9 + STREAM_FIELDS + (s->groups.len > 0));
	write_streams(&b, s);
	mpw_kv_str(&b, "do", "start");
	mpw_kv_str(&b, "name", s->name);
	mpw_kv_u64(&b, "attempt", s->attempt);
	write_texts(&b, "argv", s->argv);
	write_texts(&b, "env", s->env);
	mpw_kv_str(&b, "cwd", s->cwd ? s->cwd : "/");
	mpw_kv_i64(&b, "uid", s->uid);
	mpw_kv_i64(&b, "gid", s->gid);
	if (s->groups.len) {
		mpw_str(&b, "groups");
		mpw_raw(&b, s->groups);
	}
	mpw_kv_u64(&b, "log_bytes", s->log_bytes);
	return give(l, &b);
}

int pause_link_signal(struct pause_link *l, const char *name, int64_t attempt, int signal)
{
	struct buf b = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "do", "signal");
	mpw_kv_str(&b, "name", name);
	mpw_kv_i64(&b, "attempt", attempt);
	mpw_kv_i64(&b, "signal", signal);
	return give(l, &b);
}

static int simple(struct pause_link *l, const char *what)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "do", what);
	return give(l, &b);
}

int pause_link_list(struct pause_link *l)
{
	return simple(l, "list");
}

int pause_link_exit(struct pause_link *l)
{
	return simple(l, "exit");
}

int pause_link_stop(struct pause_link *l, int64_t grace_ms)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "do", "exit");
	mpw_kv_i64(&b, "grace_ms", grace_ms < 0 ? 0 : grace_ms);
	return give(l, &b);
}
