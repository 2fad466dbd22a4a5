/* What is read back from the log on disk: records and rows of a checkpoint.
 * A checksum guards them, so this is the second line: whatever the bytes are,
 * it is "corrupt" or a record whose every part lies within them. */
#include "store/local/record.h"
#include "tests/fuzz/fuzz.h"

/* Heads only. */
const char *const fuzz_seeds[] = {
	"\x96\x01\x02\xc3\x97\xc4\x01r\xc4\x01p\x01\x02\x03\x04\x05\xc0\x90",
	"\x96\xc4\x01v\x01\x02\x03\xc4\x01p\x01",
	NULL,
};

static void within(struct span part, struct span all)
{
	fuzz_hold(!part.len ||
		  (part.data >= all.data && part.data + part.len <= all.data + all.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	struct record *r = calloc(1, sizeof *r);
	struct row *row = NULL;
	fuzz_hold(r != NULL);
	if (record_decode(in, r) == 0) {
		within(r->fence_key, in);
		for (unsigned i = 0; i < r->count; i++) {
			within(r->changes[i].key, in);
			within(r->changes[i].value, in);
			within(r->changes[i].was_value, in);
		}
	}
	free(r);
	if (record_row_decode((struct span){(const uint8_t *)"pods/a/b", 8}, in, &row) == 0)
		row_unref(row);
	return 0;
}
