#include "nodes/log_place.h"

void log_place_write(struct buf *b, const struct log_place *place)
{
	mpw_str(b, "place");
	mpw_bin(b, (struct span){(const uint8_t *)place, sizeof *place});
}

bool log_place_read(struct mp body, struct log_place *out)
{
	struct mp v;
	struct span bytes;
	if (!mp_find(body, "place", &v) || mp_bin(&v, &bytes) || bytes.len != sizeof *out)
		return false;
	memcpy(out, bytes.data, sizeof *out);
	return true;
}
