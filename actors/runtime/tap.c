#include "actors/runtime/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "actors/runtime/cell_private.h"
#include "broker/base/mem.h"
#include "broker/messages.h"
#include "broker/ring.h"

enum { NOTICE_RECORDS = 256, NOTICE_BODY_BYTES = 256 * 1024, FILLING_TOLD_US = 1000 };
enum { AUDIT_RECORDS = 2048, AUDIT_BODY_BYTES = 2 * 1024 * 1024 };

struct tap {
	struct ring *ring, *notices;
	struct ring *audit; /* NULL: none is said here */
	const struct catalogue *catalogue;
	struct buf body;
};

static uint32_t records_for(size_t bytes)
{
	uint32_t n = 1;
	while (bytes && 2 * (size_t)n * sizeof(struct ring_record) <= bytes)
		n *= 2;
	return bytes ? n : RING_RECORDS;
}

static int open_audit(struct tap *t, const struct tap_config *cfg, struct err *e)
{
	char path[4200];
	uint64_t incarnation = 0;
	if (!cfg->audited)
		return 0;
	(void)!getrandom(&incarnation, sizeof incarnation, 0);
	snprintf(path, sizeof path, "%s/%s.audit.notices.ring", cfg->dir, cfg->cell);
	struct ring_config many = {path, cfg->cell, incarnation | 1, AUDIT_RECORDS,
				   AUDIT_BODY_BYTES};
	return ring_open(&t->audit, &many, e);
}

int tap_open(struct tap **out, const struct tap_config *cfg, struct err *e)
{
	char path[4200], notices[4200];
	uint64_t incarnation[2] = {0};
	if (mkdir(cfg->dir, 0700) && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %m", cfg->dir);
	(void)!getrandom(incarnation, sizeof incarnation, 0);
	snprintf(path, sizeof path, "%s/%s.ring", cfg->dir, cfg->cell);
	snprintf(notices, sizeof notices, "%s/%s.notices.ring", cfg->dir, cfg->cell);
	struct ring_config ring = {path, cfg->cell, incarnation[0] | 1,
				   records_for(cfg->ring_bytes), RING_BODY_BYTES};
	struct ring_config few = {notices, cfg->cell, incarnation[1] | 1, NOTICE_RECORDS,
				  NOTICE_BODY_BYTES};
	struct tap *t = mem_alloc(sizeof *t);
	t->catalogue = cfg->catalogue;
	int rc = ring_open(&t->ring, &ring, e);
	if (rc == 0)
		rc = ring_open(&t->notices, &few, e);
	if (rc == 0)
		rc = open_audit(t, cfg, e);
	if (rc) {
		tap_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

void tap_close(struct tap *t)
{
	if (!t)
		return;
	ring_close(t->ring);
	ring_close(t->notices);
	ring_close(t->audit);
	buf_fini(&t->body);
	free(t);
}

/* A notice is all that there is of it: it is kept whole, and apart, so that
 * messages by the thousand do not wash it away. */
static bool is_notice(const struct tap_record *r)
{
	return (r->kind == MSG_BUS_NOTICE || r->kind == MSG_BUS_AUDIT) && r->event == RING_SENT;
}

static struct ring *ring_for(const struct tap *t, const struct tap_record *r)
{
	if (!is_notice(r))
		return t->ring;
	return r->kind == MSG_BUS_AUDIT && t->audit ? t->audit : t->notices;
}

static struct span body_for(struct tap *t, const struct tap_record *r)
{
	bool wanted = r->body.len && (is_notice(r) || ring_wants_bodies(t->ring, r->now_us));
	const struct msg_row *row = wanted ? catalogue_by_number(t->catalogue, r->kind) : NULL;
	if (!row)
		return (struct span){0};
	t->body.len = 0;
	catalogue_redact(&t->body, row, mp_of(r->body));
	return span_buf(&t->body);
}

static void turn_begins(struct tap *t, const struct tap_record *r)
{
	ring_now(t->ring, ring_intern(t->ring, r->to), r->kind, r->attempt, r->now_us);
}

static void turn_ended(struct tap *t, const struct tap_record *r, struct ring_record *out)
{
	out->detail = (uint8_t)r->item;
	out->size = r->turn_us < UINT32_MAX ? (uint32_t)r->turn_us : UINT32_MAX;
	out->id = r->wait_us;
	ring_now(t->ring, 0, 0, 0, 0);
}

/* A view that fills tells each follower of each object, which nobody caused:
 * thousands of turns that would wash a story out of the ring. Those are told
 * only when they take long. */
static bool is_filling(const struct tap_record *r)
{
	return r->item == ITEM_VIEW && !r->trace.lo && r->turn_us < FILLING_TOLD_US;
}

void tap_write(void *tap, const struct tap_record *r)
{
	struct tap *t = tap;
	if (r->event == TAP_TURN_BEGINS) {
		turn_begins(t, r);
		return;
	}
	if (r->event == RING_TURN && is_filling(r)) {
		ring_now(t->ring, 0, 0, 0, 0);
		return;
	}
	struct ring *ring = ring_for(t, r);
	struct ring_record out = {
		.time_us = r->now_us,
		.from = ring_intern(ring, r->from),
		.to = ring_intern(ring, r->to),
		.kind = r->kind,
		.event = (uint8_t)r->event,
		.detail = (uint8_t)(r->error ? -r->error : (int)r->type),
		.size = (uint32_t)r->body.len,
		.id = r->id,
		.correlation = r->correlation,
		.trace = r->trace.lo,
		.span = (uint32_t)r->trace.span,
		.parent = (uint32_t)r->trace.parent,
	};
	if (r->event == RING_TURN)
		turn_ended(t, r, &out);
	ring_write(ring, &out, body_for(t, r));
}

bool tap_heard(void *tap, uint16_t kind, uint64_t now_us)
{
	const struct tap *t = tap;
	const struct ring *ring = kind == MSG_BUS_AUDIT ? t->audit : t->notices;
	return ring && ring_wants_bodies(ring, now_us);
}
