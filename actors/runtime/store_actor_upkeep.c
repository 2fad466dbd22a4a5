#include "actors/runtime/store_actor_upkeep.h"

#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"

/* ---- compaction: answered when it is so */

int upkeep_on_compact(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m)
{
	struct store_head head;
	struct err e = {0};
	store_head(s, &head);
	struct mp v;
	uint64_t revision = head.revision;
	if (mp_find(m->body, "revision", &v) && mp_u64(&v, &revision)) {
		ctx_reply_error(c, ERR_INVALID, "store.compact: revision is not a number");
		return 0;
	}
	if (u->compact_parked) {
		ctx_reply_error(c, ERR_BUSY, "a compaction to %llu is under way",
				(unsigned long long)u->compact_to);
		return 0;
	}
	int rc = store_compact(s, revision, &e);
	if (rc) {
		ctx_reply_error(c, rc, "%s", e.text);
		return 0;
	}
	u->compact_to = revision;
	u->compact_parked = ctx_park(c);
	u->busy = true;
	return 0;
}

static void answer_compact(struct ctx *c, struct upkeep *u, struct store *s)
{
	struct store_head head;
	struct buf b = {0};
	store_head(s, &head);
	if (!u->compact_parked || head.compacted < u->compact_to)
		return;
	mpw_map(&b, 2);
	mpw_kv_u64(&b, "compacted", head.compacted);
	mpw_kv_u64(&b, "revision", head.revision);
	ctx_reply_parked(c, u->compact_parked, &b);
	u->compact_parked = 0;
}

/* ---- backup: answered when the file is there */

int upkeep_on_backup(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m)
{
	struct span path = mp_path_str(m->body, "path");
	struct err e = {0};
	if (path.len == 0 || path.data[0] != '/') {
		ctx_reply_error(c, ERR_INVALID, "store.backup: path is not an absolute one");
		return 0;
	}
	char *text = mem_ndup(path.data, path.len);
	int rc = store_backup(s, text, &e);
	if (rc) {
		free(text);
		ctx_reply_error(c, rc, "%s", e.text);
		return 0;
	}
	u->backup_path = text;
	u->backup_parked = ctx_park(c);
	return 0;
}

static void answer_backup(struct ctx *c, struct upkeep *u, struct store *s)
{
	struct err e = {0};
	if (!u->backup_parked)
		return;
	int rc = store_backup_reap(s, &e);
	if (rc == ERR_AGAIN)
		return;
	if (rc) {
		ctx_error_parked(c, u->backup_parked, rc, e.text);
	} else {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_str(&b, "path", u->backup_path);
		ctx_reply_parked(c, u->backup_parked, &b);
	}
	u->backup_parked = 0;
	free(u->backup_path);
	u->backup_path = NULL;
}

/* ---- leases */

int upkeep_on_keep(struct ctx *c, struct upkeep *u, struct store *s, const struct msg *m)
{
	struct buf b = {0};
	struct err e = {0};
	(void)u;
	int rc = store_keep(s, mp_path_str(m->body, "lease"), (int64_t)ctx_now_us(c), &e);
	if (rc) {
		ctx_reply_error(c, rc, "%s", e.text);
		return 0;
	}
	mpw_map(&b, 0);
	ctx_reply(c, &b);
	return 0;
}

void upkeep_before_poll(struct ctx *c, struct upkeep *u, struct store *s)
{
	int64_t now = (int64_t)ctx_now_us(c);
	/* one that is due: its deletion is a write that nobody waits for */
	u->busy |= u->lease_due_us && now >= u->lease_due_us;
	int64_t due = store_tick(s, now);
	if (due == u->lease_due_us)
		return;
	if (u->lease_timer)
		ctx_cancel(c, u->lease_timer);
	u->lease_timer = 0;
	u->lease_due_us = due == INT64_MAX ? 0 : due;
	if (u->lease_due_us)
		u->lease_timer = ctx_timer(c, (uint64_t)(due > now ? due - now : 0),
					   UPKEEP_LEASE_TAG);
}

/* ---- the alarm */

static void watch_quota(struct upkeep *u, struct store *s)
{
	struct store_head head;
	store_head(s, &head);
	if (head.full == u->alarm)
		return;
	u->alarm = head.full;
	if (u->alarm)
		log_error("store", "the quota is used up: nothing but deletions is taken; delete, "
				   "or run `troupe store compact`, or raise store.quota");
	else
		log_warn("store", "there is room again: writes are taken");
}

void upkeep_after_poll(struct ctx *c, struct upkeep *u, struct store *s)
{
	answer_compact(c, u, s);
	answer_backup(c, u, s);
	watch_quota(u, s);
}

void upkeep_fini(struct upkeep *u)
{
	free(u->backup_path);
}
