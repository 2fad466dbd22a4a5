#include "broker/base/crc.h"

#include <stddef.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_hw(uint32_t c, struct span s)
{
	size_t i = 0;
	uint64_t wide = c, v[4];
	for (; i + sizeof v <= s.len; i += sizeof v) {
		memcpy(v, s.data + i, sizeof v);
		wide = _mm_crc32_u64(_mm_crc32_u64(wide, v[0]), v[1]);
		wide = _mm_crc32_u64(_mm_crc32_u64(wide, v[2]), v[3]);
	}
	for (; i + sizeof *v <= s.len; i += sizeof *v) {
		memcpy(v, s.data + i, sizeof *v);
		wide = _mm_crc32_u64(wide, *v);
	}
	c = (uint32_t)wide;
	for (; i < s.len; i++)
		c = _mm_crc32_u8(c, s.data[i]);
	return c;
}
#endif

static uint32_t crc_soft(uint32_t c, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		c ^= s.data[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (0x82f63b78u & (0u - (c & 1)));
	}
	return c;
}

uint32_t crc32c(uint32_t sum, struct span data)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_hw(~sum, data);
#endif
	return ~crc_soft(~sum, data);
}
