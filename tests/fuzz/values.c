/* The small languages inside objects: quantities, times, schedules. What is
 * taken has one canonical form, which means the same when it is read again. */
#include "actors/schema/cron.h"
#include "actors/schema/quantity.h"
#include "actors/schema/rfc3339.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"100m",	       "0.5",		       "1.5Gi",	     "-12e6",
	"1E-3",	       "9223372036854775807n", "1023.9999Ki",  "+.5",
	"2006-01-02T15:04:05Z", "2006-01-02T15:04:05.999999999+23:59", "*/5 9-17 * jan-dec/2 mon,sun",
	"@every 1h30m", "@weekly", "59 23 31 12 6", NULL,
};

static void quantity(struct span text)
{
	struct quantity q, again;
	char out[QUANTITY_TEXT_MAX], twice[QUANTITY_TEXT_MAX];
	if (quantity_parse(text, &q))
		return;
	size_t n = quantity_format(q, out);
	fuzz_hold(n < sizeof out && out[n] == 0);
	fuzz_hold(quantity_parse((struct span){(uint8_t *)out, n}, &again) == 0);
	fuzz_hold(quantity_cmp(q, again) == 0);
	fuzz_hold(quantity_format(again, twice) == n && memcmp(out, twice, n) == 0);
	fuzz_hold(quantity_cmp(quantity_sub(quantity_add(q, q), q), q) == 0 ||
		  quantity_cmp(q, quantity_add(q, q)) == 0 || /* at an end of what there is */
		  quantity_cmp(quantity_add(q, q), quantity_add(quantity_add(q, q), q)) == 0);
	(void)quantity_value(q);
	(void)quantity_milli(q);
	(void)quantity_round_milli(q);
	(void)quantity_is_integer(q);
}

static void time_of(struct span text)
{
	int64_t us, again;
	char out[RFC3339_MAX];
	if (rfc3339_parse(text, &us))
		return;
	size_t n = rfc3339_format_micro(us, out);
	fuzz_hold(n < sizeof out && out[n] == 0);
	/* An offset may lead beyond the years that can be written. */
	if (us < INT64_C(-62135596800000000) || us >= INT64_C(253402300800000000))
		return;
	fuzz_hold(rfc3339_parse((struct span){(uint8_t *)out, n}, &again) == 0 && again == us);
	(void)rfc3339_format(us, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size};
	struct cron schedule;
	struct err e;
	quantity(text);
	time_of(text);
	if (cron_parse(text, &schedule, &e) == 0 && schedule.every_s == 0)
		fuzz_hold(schedule.minutes < UINT64_C(1) << 60 && schedule.hours < 1 << 24 &&
			  schedule.months < 1 << 13 && schedule.weekdays < 1 << 8);
	if (cron_parse(text, &schedule, &e) == 0)
		fuzz_hold(cron_next(&schedule, zone_find(text), 1700000000) == CRON_NEVER ||
			  cron_next(&schedule, NULL, 1700000000) > 1700000000);
	return 0;
}
