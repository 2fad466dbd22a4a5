/* What the files of the msgpack reader share. */
#ifndef BASE_MP_PRIVATE_H
#define BASE_MP_PRIVATE_H

#include "broker/base/mp.h"

/* What nearly all first bytes say by themselves: of which type the value is,
 * how long it is with its payload, and how many values are nested in it. Passing
 * over values is most of what readers do, and takes no more then. 0 bytes: the
 * length follows. */
struct mp_step {
	uint8_t bytes, nested, type;
};
extern const struct mp_step mp_steps[256];

/* One value of the other kind; what is nested in it is added to *count. */
bool mp_pass_long(const uint8_t **p, const uint8_t *end, uint64_t *count);

/* Passes over so many values; false: they are cut off, or are none. */
static inline bool mp_pass(const uint8_t **p, const uint8_t *end, uint64_t count)
{
	const uint8_t *q = *p;
	while (count > 0) {
		if (q >= end)
			return false;
		const struct mp_step *s = &mp_steps[*q];
		size_t room = (size_t)(end - q);
		count--;
		if (s->bytes) {
			if (s->bytes > room)
				return false;
			q += s->bytes;
			count += s->nested;
		} else if (*q == 0xd9 && room >= 2) { /* uids, messages */
			if (2u + q[1] > room)
				return false;
			q += 2u + q[1];
		} else if (!mp_pass_long(&q, end, &count)) {
			return false;
		}
	}
	*p = q;
	return true;
}

#endif
