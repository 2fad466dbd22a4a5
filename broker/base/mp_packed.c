/* Keys of packed values, text or the numbers of words. */
#include "broker/base/mp.h"
#include "broker/base/words.h"

int mp_packed_key(struct mp *m, struct span *out)
{
	struct mp was = *m;
	uint64_t number;
	if (mp_peek(m) != MP_INT)
		return mp_str(m, out);
	int rc = mp_u64(m, &number);
	*out = rc ? (struct span){0} : word_text(number);
	if (out->len)
		return 0;
	*m = was;
	return ERR_INVALID;
}

void mpw_packed_key(struct buf *b, struct span key)
{
	int number = word_number(key);
	if (number < 0)
		mpw_span(b, key);
	else
		mpw_u64(b, (uint64_t)number);
}
