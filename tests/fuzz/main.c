/* The driver of a fuzz target where clang's is missing: runs the files that
 * are named, or RUNS inputs of its own, made from a fixed seed, so that the
 * same program gives the same history on every machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { RUNS = 20000, INPUT_BYTES_MAX = 4096 };

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static size_t seed_of(uint64_t n, uint8_t *out)
{
	size_t count = 0;
	while (fuzz_seeds[count])
		count++;
	const char *s = count ? fuzz_seeds[n % count] : "";
	size_t len = strlen(s);
	memcpy(out, s, len);
	return len;
}

static size_t mutate(uint8_t *data, size_t len, uint64_t *x)
{
	size_t changes = 1 + next(x) % 6;
	for (size_t i = 0; i < changes; i++) {
		uint64_t r = next(x);
		size_t at = len ? r % len : 0;
		if (r >> 60 < 5 && len < INPUT_BYTES_MAX) {
			memmove(data + at + 1, data + at, len - at);
			data[at] = (uint8_t)(r >> 32);
			len++;
		} else if (r >> 60 < 8 && len) {
			memmove(data + at, data + at + 1, --len - at);
		} else if (len) {
			data[at] = (uint8_t)(r >> 32);
		}
	}
	return len;
}

static int run_file(const char *path)
{
	static const size_t max = 8 << 20;
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(max);
	if (!f || !data) {
		perror(path);
		return 1;
	}
	size_t n = fread(data, 1, max, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t x = 88172645463325252u;
	uint8_t data[2 * INPUT_BYTES_MAX];
	for (int i = 1; i < argc; i++)
		if (run_file(argv[i]))
			return 1;
	for (int i = 0; argc == 1 && i < RUNS; i++) {
		size_t n = mutate(data, seed_of(next(&x), data), &x);
		uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees its end */
		memcpy(exact, data, n);
		LLVMFuzzerTestOneInput(exact, n);
		free(exact);
	}
	return 0;
}
