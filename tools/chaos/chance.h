/* A stream of random numbers of its own for every line: what one line draws
 * does not depend on which other lines there are. (splitmix64) */
#ifndef CHAOS_CHANCE_H
#define CHAOS_CHANCE_H

#include <stdint.h>

struct chance {
	uint64_t state;
};

static inline uint64_t chance_next(struct chance *s)
{
	uint64_t z = s->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline struct chance chance_of(uint64_t seed, uint64_t identity)
{
	struct chance s = {seed};
	s.state = chance_next(&s) ^ identity;
	chance_next(&s);
	return s;
}

/* From min to max, both included. */
static inline int64_t chance_between(struct chance *s, int64_t min, int64_t max)
{
	return max > min ? min + (int64_t)(chance_next(s) % (uint64_t)(max - min + 1)) : min;
}

#endif
