/* One family after the other, as the format wants: for each the pages are
 * walked again. Quantiles are a summary's: they cannot be added up, sum and
 * count can. */
#include "actors/runtime/metrics.h"

static const struct family {
	const char *name, *type, *help, *key;
} actor_families[] = {
	{"troupe_actor_turns_total", "counter", "turns", "turns"},
	{"troupe_actor_queue", "gauge", "turns that wait", "queue"},
	{"troupe_actor_restarts_total", "counter", "starts after a failure", "restarts"},
	{"troupe_actor_rejected_total", "counter", "messages that found the mailbox full",
	 "rejected"},
};

static const struct family cell_families[] = {
	{"troupe_cell_turns_total", "counter", "turns of all actors", "turns"},
	{"troupe_cell_pending", "gauge", "requests that wait for an answer", "pending"},
	{"troupe_cell_parked", "gauge", "requests that wait to be answered", "parked"},
	{"troupe_cell_outbox", "gauge", "messages that wait for the broker", "outbox"},
	{"troupe_cell_dead_letters_total", "counter", "messages that could not be delivered",
	 "dead"},
	{"troupe_cell_notices_dropped_total", "counter", "notices that the bus had no room for",
	 "notices_dropped"},
};

static const struct summary {
	const char *name, *help, *p50, *p99, *sum;
} summaries[] = {
	{"troupe_actor_wait_seconds", "time in the mailbox", "wait_p50_us", "wait_p99_us", "wait_us"},
	{"troupe_actor_turn_seconds", "time in turns", "turn_p50_us", "turn_p99_us", "turn_us"},
};

#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++)

static uint64_t number(struct mp map, const char *key)
{
	struct mp v;
	uint64_t n = 0;
	return mp_find(map, key, &v) && mp_u64(&v, &n) == 0 ? n : 0;
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A foreign program may call its actors anything. */
static void put_label(struct buf *out, const char *key, struct span value)
{
	buf_printf(out, "%s=\"", key);
	for (size_t i = 0; i < value.len; i++) {
		char c = (char)value.data[i];
		if (c == '"' || c == '\\' || c == '\n')
			buf_putc(out, '\\');
		buf_putc(out, c == '\n' ? 'n' : c);
	}
	buf_putc(out, '"');
}

struct writer {
	struct buf *out;
	const void *what; /* a family or a summary */
	const char *cell;
};

static void put_actor(struct writer *w, const char *name, const char *suffix, struct mp actor,
		      const char *more)
{
	buf_printf(w->out, "%s%s{", name, suffix);
	put_label(w->out, "cell", span_of(w->cell));
	put_label(w->out, ",actor", mp_path_str(actor, "name"));
	put_label(w->out, ",kind", mp_path_str(actor, "kind"));
	buf_printf(w->out, "%s} ", more);
}

static void each_actor(struct writer *w, const struct metrics_page *pages, size_t count,
		       void (*put)(struct writer *w, struct mp actor))
{
	for (size_t i = 0; i < count; i++) {
		struct mp list;
		size_t n;
		w->cell = pages[i].cell;
		if (!mp_find(pages[i].listing, "actors", &list) || mp_array(&list, &n))
			continue;
		for (size_t k = 0; k < n; k++) {
			put(w, list);
			mp_skip(&list);
		}
	}
}

static void put_figure(struct writer *w, struct mp actor)
{
	const struct family *f = w->what;
	put_actor(w, f->name, "", actor, "");
	buf_printf(w->out, "%llu\n", (unsigned long long)number(actor, f->key));
}

/* Microseconds, exact, as seconds. */
static void put_seconds(struct buf *out, uint64_t us)
{
	buf_printf(out, "%llu.%06llu\n", (unsigned long long)(us / 1000000),
		   (unsigned long long)(us % 1000000));
}

static void put_summary(struct writer *w, struct mp actor)
{
	const struct summary *s = w->what;
	put_actor(w, s->name, "", actor, ",quantile=\"0.5\"");
	put_seconds(w->out, number(actor, s->p50));
	put_actor(w, s->name, "", actor, ",quantile=\"0.99\"");
	put_seconds(w->out, number(actor, s->p99));
	put_actor(w, s->name, "_sum", actor, "");
	put_seconds(w->out, number(actor, s->sum));
	put_actor(w, s->name, "_count", actor, "");
	buf_printf(w->out, "%llu\n", (unsigned long long)number(actor, "turns"));
}

/* Each page of a cell tells of the cell: the last one counts. */
static bool last_of_cell(const struct metrics_page *pages, size_t count, size_t i)
{
	return i + 1 == count || strcmp(pages[i].cell, pages[i + 1].cell) != 0;
}

static void put_cells(struct buf *out, const struct metrics_page *pages, size_t count,
		      const struct family *f)
{
	put_head(out, f->name, f->type, f->help);
	for (size_t i = 0; i < count; i++) {
		struct mp cell;
		if (!last_of_cell(pages, count, i) || !mp_find(pages[i].listing, "cell", &cell))
			continue;
		buf_printf(out, "%s{", f->name);
		put_label(out, "cell", span_of(pages[i].cell));
		buf_printf(out, "} %llu\n", (unsigned long long)number(cell, f->key));
	}
}

static void put_broker(struct buf *out, struct mp broker)
{
	struct mp map;
	struct span key;
	size_t n;
	put_head(out, "troupe_broker_frames_total", "counter", "what became of them");
	if (!mp_find(broker, "counts", &map) || mp_map(&map, &n))
		return;
	for (size_t i = 0; i < n && mp_str(&map, &key) == 0; i++) {
		uint64_t value = 0;
		if (mp_u64(&map, &value))
			mp_skip(&map);
		buf_puts(out, "troupe_broker_frames_total{");
		put_label(out, "what", key);
		buf_printf(out, "} %llu\n", (unsigned long long)value);
	}
}

void metrics_text(struct buf *out, const struct metrics_page *pages, size_t count,
		  struct mp broker)
{
	struct writer w = {.out = out};
	EACH(i, actor_families) {
		const struct family *f = &actor_families[i];
		w.what = f;
		put_head(out, f->name, f->type, f->help);
		each_actor(&w, pages, count, put_figure);
	}
	EACH(i, summaries) {
		w.what = &summaries[i];
		put_head(out, summaries[i].name, "summary", summaries[i].help);
		each_actor(&w, pages, count, put_summary);
	}
	EACH(i, cell_families)
		put_cells(out, pages, count, &cell_families[i]);
	put_broker(out, broker);
}
