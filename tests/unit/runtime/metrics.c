/* Figures as Prometheus text. */
#include <criterion/criterion.h>

#include "actors/runtime/metrics.h"

static struct buf listing(const char *name, uint64_t turns, uint64_t dead)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_str(&b, "actors");
	mpw_array(&b, 1);
	mpw_map(&b, 5);
	mpw_kv_str(&b, "name", name);
	mpw_kv_str(&b, "kind", "gate");
	mpw_kv_u64(&b, "turns", turns);
	mpw_kv_u64(&b, "turn_us", 12345678);
	mpw_kv_u64(&b, "turn_p99_us", 7);
	mpw_str(&b, "cell");
	mpw_map(&b, 1);
	mpw_kv_u64(&b, "dead", dead);
	return b;
}

static size_t count(const struct buf *text, const char *line)
{
	size_t n = 0, len = strlen(line);
	for (const uint8_t *p = text->data; (p = memmem(p, text->len - (size_t)(p - text->data), line, len));
	     p += len)
		n++;
	return n;
}

Test(metrics, each_family_stands_together_and_each_cell_once)
{
	struct buf a = listing("a", 3, 1), b = listing("b", 4, 2), broker = {0}, out = {0};
	struct metrics_page pages[] = {{"core", mp_of(span_buf(&a))}, {"core", mp_of(span_buf(&b))}};
	mpw_map(&broker, 1);
	mpw_str(&broker, "counts");
	mpw_map(&broker, 1);
	mpw_kv_u64(&broker, "routed", 9);
	metrics_text(&out, pages, 2, mp_of(span_buf(&broker)));
	cr_expect_eq(count(&out, "# TYPE troupe_actor_turns_total counter\n"
				 "troupe_actor_turns_total{cell=\"core\",actor=\"a\",kind=\"gate\"} 3\n"
				 "troupe_actor_turns_total{cell=\"core\",actor=\"b\",kind=\"gate\"} 4\n#"), 1);
	cr_expect_eq(count(&out, "troupe_actor_turn_seconds_sum{cell=\"core\",actor=\"a\",kind=\"gate\"} "
				 "12.345678\n"), 1);
	cr_expect_eq(count(&out, "kind=\"gate\",quantile=\"0.99\"} 0.000007\n"), 2);
	cr_expect_eq(count(&out, "troupe_cell_dead_letters_total{cell=\"core\"} 2\n"), 1);
	cr_expect_eq(count(&out, "troupe_cell_dead_letters_total{"), 1);
	cr_expect_eq(count(&out, "troupe_broker_frames_total{what=\"routed\"} 9\n"), 1);
	buf_fini(&a), buf_fini(&b), buf_fini(&broker), buf_fini(&out);
}

Test(metrics, a_foreign_name_cannot_break_a_line)
{
	struct buf a = listing("x\"} 1\nevil{y=\"\\", 3, 0), out = {0};
	struct metrics_page page = {"core", mp_of(span_buf(&a))};
	metrics_text(&out, &page, 1, (struct mp){0});
	cr_expect_eq(count(&out, "\nevil"), 0);
	cr_expect_eq(count(&out, "actor=\"x\\\"} 1\\nevil{y=\\\"\\\\\""), 4 + 2 * 4);
	buf_fini(&a), buf_fini(&out);
}
