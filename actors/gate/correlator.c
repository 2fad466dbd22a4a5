#include "actors/gate/correlator.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"

enum { KEY_MAX = 2048 };

/* An Event that was told. */
struct seen {
	struct recent recent; /* first */
	int64_t count, first_us;
	uint64_t number;
};

/* Facts that differ in their message alone. */
struct similar {
	struct recent recent; /* first */
	int64_t last_us;
	size_t count;
	char *messages[CORRELATOR_SIMILAR];
};

/* Who tells about which object: a bucket of tokens. */
struct source {
	struct recent recent; /* first */
	bool filled;
	int64_t last_us, credit_us;
};

static void forget_messages(struct similar *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->messages[i]);
	s->count = 0;
}

static void drop_similar(void *entry)
{
	forget_messages(entry);
}

void correlator_init(struct correlator *c)
{
	memset(c, 0, sizeof *c);
	c->seen.max = c->similar.max = c->sources.max = CORRELATOR_ENTRIES_MAX;
	c->similar.drop = drop_similar;
}

void correlator_fini(struct correlator *c)
{
	recents_fini(&c->seen);
	recents_fini(&c->similar);
	recents_fini(&c->sources);
}

/* ---- facts: their fields, read once */

enum field {
	UID, NAME, NAMESPACE, KIND, API_VERSION, HOST, COMPONENT, REASON, TYPE, FIELD, MESSAGE,
	FIELDS,
};

struct fact {
	struct span of[FIELDS]; /* text; empty: none */
};

static struct span *field_named(struct fact *f, struct span key)
{
	static const char *const names[FIELDS] = {
		[UID] = "uid",	 [NAME] = "name",      [NAMESPACE] = "namespace", [KIND] = "kind",
		[HOST] = "host", [COMPONENT] = "component", [API_VERSION] = "api_version",
		[TYPE] = "type", [REASON] = "reason",  [FIELD] = "field",	  [MESSAGE] = "message",
	};
	for (size_t i = 0; i < FIELDS; i++)
		if (span_is(key, names[i]))
			return &f->of[i];
	return NULL;
}

static struct fact fact_of(struct mp m)
{
	struct fact f = {0};
	struct span key;
	size_t n = 0;
	if (mp_map(&m, &n))
		n = 0;
	for (; n > 0 && mp_str(&m, &key) == 0; n--) {
		struct span *text = field_named(&f, key);
		if ((!text || mp_str(&m, text)) && mp_skip(&m))
			break;
	}
	return f;
}

/* ---- keys: fields up to FIELDS; what tells most apart is first */

static const enum field of_source[] = {UID, NAME, NAMESPACE, KIND, HOST, COMPONENT, API_VERSION, FIELDS};
static const enum field of_similar[] = {UID,	   NAME, REASON, NAMESPACE,   KIND,
					COMPONENT, HOST, TYPE,	 API_VERSION, FIELDS};

static void put_field(struct buf *b, struct span text)
{
	buf_append(b, text.data, text.len);
	buf_putc(b, '\n');
}

static struct span key_of(struct buf *b, const struct fact *f, const enum field *fields, bool exactly)
{
	for (; *fields != FIELDS; fields++)
		put_field(b, f->of[*fields]);
	if (exactly) {
		put_field(b, f->of[FIELD]);
		put_field(b, f->of[MESSAGE]);
	}
	if (b->len > KEY_MAX)
		b->len = KEY_MAX;
	return span_buf(b);
}

/* ---- the three steps */

static bool knows(const struct similar *s, struct span message)
{
	for (size_t i = 0; i < s->count; i++)
		if (span_is(message, s->messages[i]))
			return true;
	return false;
}

/* Whether the fact is one of so many that they are told as one. */
static bool is_combined(struct correlator *c, const struct fact *fact, int64_t now_us)
{
	struct buf b = {0};
	struct span message = fact->of[MESSAGE];
	struct similar *s =
		recents_need(&c->similar, key_of(&b, fact, of_similar, false), sizeof *s);
	buf_fini(&b);
	if (now_us - s->last_us > CORRELATOR_SIMILAR_US)
		forget_messages(s);
	s->last_us = now_us;
	if (!knows(s, message) && s->count < CORRELATOR_SIMILAR)
		s->messages[s->count++] = mem_ndup(message.data, message.len);
	return s->count >= CORRELATOR_SIMILAR;
}

/* Takes a token, if there is one. */
static bool may_tell(struct correlator *c, const struct fact *fact, int64_t now_us)
{
	static const int64_t full = CORRELATOR_BURST * CORRELATOR_REFILL_US;
	struct buf b = {0};
	struct source *s = recents_need(&c->sources, key_of(&b, fact, of_source, false), sizeof *s);
	buf_fini(&b);
	int64_t passed = now_us > s->last_us ? now_us - s->last_us : 0;
	s->credit_us = !s->filled || passed >= full - s->credit_us ? full : s->credit_us + passed;
	s->filled = true;
	s->last_us = now_us;
	if (s->credit_us < CORRELATOR_REFILL_US)
		return false;
	s->credit_us -= CORRELATOR_REFILL_US;
	return true;
}

struct correlated correlator_take(struct correlator *c, struct mp body, int64_t now_us,
				  uint64_t number)
{
	struct buf b = {0};
	const struct fact fact = fact_of(body);
	bool combined = is_combined(c, &fact, now_us);
	struct seen *s = recents_need(
		&c->seen, key_of(&b, &fact, of_similar, !combined), sizeof *s);
	buf_fini(&b);
	if (s->count++ == 0) {
		s->number = number;
		s->first_us = now_us;
	}
	return (struct correlated){
		.dropped = !may_tell(c, &fact, now_us),
		.count = s->count,
		.first_us = s->first_us,
		.number = s->number,
		.key = s->recent.key,
		.combined = combined,
	};
}
