/* The clocks of cells: right, unless a fault has put one off. */
#include "actors/runtime/sim_private.h"

static uint64_t local_now(const struct sim_cell_slot *slot)
{
	return slot->drift_base + (slot->sim->now - slot->drift_at) * slot->rate / 100;
}

uint64_t sim_cell_now(void *arg)
{
	struct sim_cell_slot *slot = arg;
	slot->clock_touched += slot->rate != 100;
	return local_now(slot);
}

int64_t sim_cell_wall(void *arg)
{
	struct sim_cell_slot *slot = arg;
	slot->clock_touched += slot->rate != 100 || slot->skew_us;
	return SIM_EPOCH_US + (int64_t)local_now(slot) + slot->sim->wall_jump + slot->skew_us;
}

uint64_t sim_global(const struct sim_cell_slot *slot, uint64_t local)
{
	if (local <= local_now(slot))
		return slot->sim->now;
	return slot->drift_at + ((local - slot->drift_base) * 100 + slot->rate - 1) / slot->rate;
}

static struct sim_cell_slot *slot_named(struct sim *s, const char *cell)
{
	return omap_get(&s->cells, span_of(cell));
}

int sim_skew(struct sim *s, const char *cell, int64_t us)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	slot->skew_us = us;
	return 0;
}

int sim_drift(struct sim *s, const char *cell, unsigned percent)
{
	struct sim_cell_slot *slot = slot_named(s, cell);
	if (!slot)
		return ERR_NOT_FOUND;
	slot->drift_base = local_now(slot);
	slot->drift_at = s->now;
	slot->rate = percent;
	sim_wake_slot(slot, s->now); /* its next timer is due at another time now */
	return 0;
}

uint64_t sim_clock_touched(struct sim *s, const char *cell)
{
	const struct sim_cell_slot *slot = slot_named(s, cell);
	return slot ? slot->clock_touched : 0;
}
