/* A fuzz target: one function that takes any bytes and must come back, and
 * the texts that a search starts from. clang's libFuzzer drives it, or
 * tests/fuzz/main.c where that is missing. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Ends with NULL. Each is shorter than 4 KiB. */
extern const char *const fuzz_seeds[];

/* What must hold for every input; a sanitizer's report is as good. */
static inline void fuzz_hold(int holds)
{
	if (!holds)
		abort();
}

#endif
