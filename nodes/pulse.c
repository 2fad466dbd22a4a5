#include "nodes/pulse.h"

static uint64_t step_us(const struct pulse *p)
{
	enum { MOMENTS = 4 };
	uint64_t moments = p->together ? p->members / p->together : 0;
	uint64_t step = p->every_us / (moments > MOMENTS ? moments : MOMENTS);
	return step ? step : 1;
}

uint64_t pulse_wait_us(const struct pulse *p, uint64_t now_us, uint64_t random)
{
	uint64_t step = step_us(p);
	uint64_t at = now_us + p->every_us - random % (p->every_us / 8 + 1);
	return (at + step / 2) / step * step - now_us;
}
