/* Canonical quantities, times and base64. Most values are canonical when they
 * arrive: nothing is allocated for those. */
#include "actors/schema/coerce_scalar.h"

#include "actors/schema/json.h"
#include "actors/schema/quantity.h"
#include "actors/schema/rfc3339.h"

static const char not_a_quantity[] =
	"quantities must match the regular expression "
	"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

static void set_text(struct doc *d, struct arena *a, const char *text, size_t n)
{
	if (d->type == DOC_STR && d->text.len == n && memcmp(d->text.data, text, n) == 0)
		return;
	d->type = DOC_STR;
	d->text = (struct span){(const uint8_t *)arena_ndup(a, text, n), n};
}

static int quantity(struct doc *d, struct arena *a, struct err *e)
{
	struct buf number = {0};
	struct quantity q;
	char text[QUANTITY_TEXT_MAX];
	int rc = ERR_INVALID;
	if (d->type == DOC_STR && quantity_is_plain(d->text))
		return 0;
	if (d->type == DOC_STR) {
		rc = quantity_parse(span_trim(d->text), &q);
	} else if (d->type == DOC_INT || d->type == DOC_DOUBLE) {
		json_from_doc(&number, d);
		rc = quantity_parse(span_buf(&number), &q);
		buf_fini(&number);
	}
	if (rc)
		return err_set(e, ERR_INVALID, "%s", not_a_quantity);
	size_t n = quantity_format(q, text);
	set_text(d, a, text, n);
	return 0;
}

void coerce_resource_quantity(struct arena *a, struct doc *d)
{
	struct quantity q;
	char text[QUANTITY_TEXT_MAX];
	if (d->type != DOC_STR || quantity_is_plain(d->text) || quantity_parse(d->text, &q))
		return;
	size_t n = quantity_format(quantity_round_milli(q), text);
	set_text(d, a, text, n);
}

/* Go reads a MicroTime with six digits behind the seconds and no others. */
static bool has_six_digits(struct span s)
{
	static const size_t at = sizeof "2006-01-02T15:04:05" - 1;
	size_t n = 0;
	while (at + 1 + n < s.len && s.data[at + 1 + n] >= '0' && s.data[at + 1 + n] <= '9')
		n++;
	return s.len > at && s.data[at] == '.' && n == 6;
}

static int time_of(struct doc *d, bool micro, struct arena *a, struct err *e)
{
	int64_t us;
	char text[RFC3339_MAX];
	if (rfc3339_parse(d->text, &us) || (micro && !has_six_digits(d->text)))
		return err_set(
			e, ERR_INVALID, "parsing time \"%.*s\" as \"%s\": it is not of that form",
			(int)(d->text.len < 64 ? d->text.len : 64), (const char *)d->text.data,
			micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00");
	/* A whole second of UTC has one form of that length. */
	if (!micro && d->text.len == sizeof "2006-01-02T15:04:05Z" - 1)
		return 0;
	size_t n = micro ? rfc3339_format_micro(us, text) : rfc3339_format(us, text);
	set_text(d, a, text, n);
	return 0;
}

static int sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Line ends may stand anywhere and go; bits that do not count become zero. */
static int base64(struct doc *d, struct arena *a, struct err *e)
{
	struct span in = d->text;
	size_t n = 0, pad = 0, i = 0;
	bool canonical = true;
	uint8_t *out = NULL;
	for (; i < in.len; i++) {
		uint8_t c = in.data[i];
		if (c == '\r' || c == '\n') {
			canonical = false;
			continue;
		}
		bool is_pad = c == '=';
		if ((is_pad && n % 4 < 2) || (pad && !is_pad) || (!is_pad && sextet(c) < 0) ||
		    (pad && n % 4 == 0))
			break;
		pad += is_pad;
		n++;
	}
	if (i < in.len || n % 4 != 0)
		return err_set(e, ERR_INVALID, "illegal base64 data at input byte %zu",
			       i < in.len ? i : n);
	uint8_t spare = pad == 2 ? 15 : pad == 1 ? 3 : 0; /* bits of the last letter */
	size_t last = in.len;
	while (pad && last > 0 && sextet(in.data[last - 1]) < 0)
		last--;
	if (canonical && (!pad || !(sextet(in.data[last - 1]) & spare)))
		return 0;
	static const char abc[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	out = arena_alloc(a, n + 1);
	n = 0;
	for (i = 0; i < in.len; i++)
		if (in.data[i] != '\r' && in.data[i] != '\n')
			out[n++] = in.data[i];
	if (pad)
		out[n - pad - 1] = (uint8_t)abc[sextet(out[n - pad - 1]) & ~spare];
	d->text = (struct span){out, n};
	return 0;
}

int coerce_scalar(enum schema_kind kind, struct doc *d, struct arena *a, struct err *e)
{
	switch (kind) {
	case SCHEMA_QUANTITY:
		return quantity(d, a, e);
	case SCHEMA_TIME:
	case SCHEMA_MICROTIME:
		return time_of(d, kind == SCHEMA_MICROTIME, a, e);
	case SCHEMA_BYTES:
		return base64(d, a, e);
	default:
		return 0;
	}
}
