/* Logs as the agent asks for them: a chunk for each request, from a reader that
 * is kept for the next one. Who follows waits in FOLLOW_WAIT_US steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/logs.h"
#include "nodes/runtime.h"
#include "nodes/runtime_machine.h"

enum {
	READERS_MAX = 256,
	LOG_CHUNK_BYTES = 256 * 1024,
	FOLLOW_WAIT_US = 200000,
	FOLLOW_TURNS_MAX = 40, /* of FOLLOW_WAIT_US: then an empty chunk */
	READER_IDLE_US = 30000000,
};

struct reader {
	struct log_reader *log;
	uint64_t cursor, request; /* request 0: nobody waits */
	char *uid, *container; /* whose log it is */
	uint32_t attempt;
	int turns;
	uint64_t used_us;
	struct reader *next;
};

struct log_readers {
	struct port *port;
	char *pods_dir;
	struct reader *readers;
	size_t reader_count;
	uint64_t next_cursor, due_us;
};

struct log_readers *log_readers_new(struct port *port, const char *pods_dir)
{
	struct log_readers *m = mem_alloc(sizeof *m);
	m->port = port;
	m->pods_dir = mem_dup(pods_dir);
	return m;
}

static void reader_free(struct log_readers *m, struct reader *r)
{
	struct reader **at = &m->readers;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	m->reader_count--;
	log_close(r->log);
	free(r->uid);
	free(r->container);
	free(r);
}

static void tell_refused(struct log_readers *m, uint64_t request, int code, const char *why)
{
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "text", why);
	port_deliver(m->port, RUNTIME_CHUNK, request, (uint32_t)-code, bytes_take(&b));
}

static void answer_chunk(struct log_readers *m, struct reader *r, struct buf *data, bool end)
{
	struct buf b = {0};
	struct log_place place = log_where(r->log);
	place.attempt = r->attempt;
	mpw_map(&b, 4);
	mpw_str(&b, "data");
	mpw_bin(&b, span_buf(data));
	log_place_write(&b, &place);
	mpw_kv_u64(&b, "cursor", r->cursor);
	mpw_kv_bool(&b, "end", end);
	if (port_deliver(m->port, RUNTIME_CHUNK, r->request, 0, bytes_take(&b)))
		log_warn("node", "a chunk of a log was lost: the agent's queue is full");
	r->request = 0;
	r->turns = 0;
	r->used_us = machine_now_us();
	if (end)
		reader_free(m, r);
}

/* Answers when there is something, nothing more, or it has waited enough. */
static void read_chunk(struct log_readers *m, struct reader *r)
{
	struct buf data = {0};
	int rc = 0;
	while (rc == 0 && data.len < LOG_CHUNK_BYTES)
		rc = log_read(r->log, &data);
	bool end = rc == ERR_CLOSED || (rc && rc != ERR_AGAIN);
	if (data.len || end || ++r->turns > FOLLOW_TURNS_MAX) {
		answer_chunk(m, r, &data, end);
	} else {
		uint64_t due = machine_now_us() + FOLLOW_WAIT_US;
		if (!m->due_us || due < m->due_us)
			m->due_us = due;
	}
	buf_fini(&data);
}

static struct reader *reader_of(struct log_readers *m, uint64_t cursor)
{
	struct reader *r = m->readers;
	while (r && r->cursor != cursor)
		r = r->next;
	return r;
}

static struct reader *open_reader(struct log_readers *m, uint64_t request, struct mp body)
{
	char dir[700], container[PAUSE_NAME_BYTES_MAX + 1];
	struct span uid = mp_path_str(body, "uid"), name = mp_path_str(body, "container");
	struct err e = {0};
	struct log_options o = {
		.tail_lines = mp_path_int(body, "tail", -1),
		.limit_bytes = mp_path_int(body, "limit", -1),
		.since_us = mp_path_int(body, "since_us", 0),
		.timestamps = mp_path_bool(body, "timestamps", false),
		.follow = mp_path_bool(body, "follow", false),
	};
	struct log_place place;
	if (log_place_read(body, &place))
		o.from = &place;
	if (m->reader_count >= READERS_MAX) {
		tell_refused(m, request, ERR_OVERLOADED, "too many logs are being read");
		return NULL;
	}
	snprintf(dir, sizeof dir, "%s/%.*s", m->pods_dir, (int)uid.len, (const char *)uid.data);
	snprintf(container, sizeof container, "%.*s", (int)name.len, (const char *)name.data);
	struct log_reader *log;
	int rc = log_open(&log, dir, container, (uint32_t)mp_path_int(body, "attempt", 0), &o, &e);
	if (rc) {
		tell_refused(m, request, rc, e.text);
		return NULL;
	}
	struct reader *r = mem_alloc(sizeof *r);
	r->log = log;
	r->uid = mem_ndup(uid.data, uid.len);
	r->container = mem_dup(container);
	r->attempt = (uint32_t)mp_path_int(body, "attempt", 0);
	r->cursor = ++m->next_cursor;
	r->next = m->readers;
	m->readers = r;
	m->reader_count++;
	return r;
}

void log_readers_call(struct log_readers *m, uint64_t request, struct mp body)
{
	uint64_t cursor = (uint64_t)mp_path_int(body, "cursor", 0);
	struct reader *r = cursor ? reader_of(m, cursor) : open_reader(m, request, body);
	if (!r) {
		if (cursor)
			tell_refused(m, request, ERR_COMPACTED, "that log is not being read any more");
		return;
	}
	if (mp_path_bool(body, "ended", false))
		log_finish(r->log);
	r->request = request;
	read_chunk(m, r);
}

void log_readers_end(struct log_readers *m, const char *uid, const char *container,
		     uint32_t attempt)
{
	struct reader *next;
	for (struct reader *r = m->readers; r; r = next) {
		next = r->next;
		if (strcmp(r->uid, uid) || strcmp(r->container, container) || r->attempt != attempt)
			continue;
		log_finish(r->log);
		if (r->request)
			read_chunk(m, r);
	}
}

uint64_t log_readers_due(struct log_readers *m)
{
	uint64_t now = machine_now_us();
	if (!m->due_us)
		return UINT64_MAX;
	if (now < m->due_us)
		return m->due_us - now;
	m->due_us = 0;
	struct reader *next;
	for (struct reader *r = m->readers; r; r = next) {
		next = r->next;
		if (r->request)
			read_chunk(m, r);
		else if (now - r->used_us > READER_IDLE_US)
			reader_free(m, r);
	}
	if (m->readers && !m->due_us)
		m->due_us = now + READER_IDLE_US;
	return m->due_us ? m->due_us - now : UINT64_MAX;
}

void log_readers_free(struct log_readers *m)
{
	if (!m)
		return;
	while (m->readers)
		reader_free(m, m->readers);
	free(m->pods_dir);
	free(m);
}
