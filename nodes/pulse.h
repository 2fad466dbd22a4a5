/* When many do the same every so often: a few moments that they share, so that
 * a machine at rest wakes seldom, and as many at a moment as are cheap at once.
 * Pure. */
#ifndef NODES_PULSE_H
#define NODES_PULSE_H

#include <stdint.h>

/* How many do it in one process, and how many are cheap at once. */
struct pulse {
	uint64_t every_us; /* not 0 */
	uint64_t members, together;
};

/* How long one of them waits after `now_us`: `every_us`, a random part of an eighth less,
 * and then to the nearest moment of all. There are four of those in `every_us`, more when
 * too many would share them. At least 3/4, at most 9/8 of `every_us`. */
uint64_t pulse_wait_us(const struct pulse *p, uint64_t now_us, uint64_t random);

#endif
