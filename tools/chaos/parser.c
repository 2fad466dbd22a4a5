/* Words, names, numbers and times of a script, and what is said when they are
 * not there: what was expected, what stands there, and what is near it. */
#include "tools/chaos/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- refusals */

int script_refuse(const struct script *s, struct place p, struct err *e, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INVALID, "%s:%u:%u: %s", s->file, p.line, p.column, text);
}

static const char *found(struct parser *p)
{
	const struct token *t = &p->lex.now;
	if (t->type == TOKEN_EOF)
		return "the end of the file";
	if (t->type == TOKEN_END)
		return "the end of the line";
	if (t->type == TOKEN_BAD && t->text.len && t->text.data[0] < 0x20)
		return "a control character";
	return arena_printf(&p->s->arena, "'%.*s'", (int)(t->text.len < 60 ? t->text.len : 60),
			    (const char *)t->text.data);
}

int parser_expected(struct parser *p, const char *what)
{
	return script_refuse(p->s, p->lex.now.place, p->e, "expected %s, not %s", what, found(p));
}

/* ---- words */

bool parser_at_end(const struct parser *p)
{
	return p->lex.now.type == TOKEN_END || p->lex.now.type == TOKEN_EOF;
}

struct token parser_take(struct parser *p)
{
	struct token t = lex_next(&p->lex);
	p->end = t.text.data + t.text.len + (t.type == TOKEN_STRING);
	return t;
}

bool parser_next_is(const struct parser *p, const char *word)
{
	return p->lex.now.type == TOKEN_WORD && span_is(p->lex.now.text, word);
}

bool parser_take_if(struct parser *p, const char *word)
{
	if (!parser_next_is(p, word))
		return false;
	parser_take(p);
	return true;
}

int parser_need(struct parser *p, const char *word)
{
	if (parser_take_if(p, word))
		return 0;
	const char *names[] = {word};
	const char *near = p->lex.now.type == TOKEN_WORD
				   ? near_text(&p->s->arena, p->lex.now.text, names, 1) : "";
	return script_refuse(p->s, p->lex.now.place, p->e, "expected '%s', not %s%s", word,
			     found(p), near);
}

bool parser_take_sign(struct parser *p, const char *sign)
{
	if (p->lex.now.type != TOKEN_SIGN || !span_is(p->lex.now.text, sign))
		return false;
	parser_take(p);
	return true;
}

int parser_need_sign(struct parser *p, const char *sign)
{
	if (parser_take_sign(p, sign))
		return 0;
	return parser_expected(p, arena_printf(&p->s->arena, "'%s'", sign));
}

int parser_name(struct parser *p, const char *what, const char **out)
{
	if (p->lex.now.type != TOKEN_WORD)
		return parser_expected(p, what);
	struct token t = parser_take(p);
	if (t.text.len > 253)
		return script_refuse(p->s, t.place, p->e, "a name has at most 253 letters");
	*out = arena_ndup(&p->s->arena, t.text.data, t.text.len);
	return 0;
}

int parser_label(struct parser *p, struct node_label *out)
{
	out->key_place = p->lex.now.place;
	int rc = parser_name(p, "a label, like zone=a", &out->key);
	if (rc == 0)
		rc = parser_need_sign(p, "=");
	out->value_place = p->lex.now.place;
	return rc ? rc : parser_name(p, "the label's value", &out->value);
}

int parser_string(struct parser *p, const char *what, const char **out)
{
	if (p->lex.now.type == TOKEN_BAD && p->lex.now.text.len)
		return script_refuse(p->s, p->lex.now.place, p->e, "a string without its end");
	if (p->lex.now.type != TOKEN_STRING)
		return parser_expected(p, what);
	struct token t = parser_take(p);
	*out = arena_ndup(&p->s->arena, t.text.data, t.text.len);
	return 0;
}

/* One of `names`; the error lists them, or the one that is near. */
int parser_choose(struct parser *p, const char *what, const char *const *names, size_t count,
		  size_t *out)
{
	const struct token *t = &p->lex.now;
	struct buf b = {0};
	for (size_t i = 0; i < count; i++) {
		if (t->type == TOKEN_WORD && span_is(t->text, names[i])) {
			parser_take(p);
			*out = i;
			buf_fini(&b);
			return 0;
		}
		buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near = t->type == TOKEN_WORD ? near_text(&p->s->arena, t->text, names, count) : "";
	if (*near)
		script_refuse(p->s, t->place, p->e, "unknown %s %s%s", what, found(p), near);
	else
		script_refuse(p->s, t->place, p->e, "expected a %s (%s), not %s", what,
			      buf_text(&b), found(p));
	buf_fini(&b);
	return ERR_INVALID;
}

int parser_choose_row(struct parser *p, const char *what, const struct name_row *rows,
		      size_t count, int *out)
{
	const char *names[CHOICES_MAX];
	size_t i = 0;
	for (; i < count; i++)
		names[i] = rows[i].name;
	int rc = parser_choose(p, what, names, count, &i);
	if (rc == 0)
		*out = rows[i].value;
	return rc;
}

/* ---- numbers, times, percents */

static bool digits(struct span t, int64_t *out, size_t *used)
{
	char text[32];
	char *end;
	size_t n = t.len < sizeof text - 1 ? t.len : sizeof text - 1;
	memcpy(text, t.data, n);
	text[n] = 0;
	if (!n || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	*used = (size_t)(end - text);
	return errno == 0;
}

int parser_number(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out)
{
	size_t used;
	struct token t = p->lex.now;
	if (t.type != TOKEN_WORD || !digits(t.text, out, &used) || used != t.text.len)
		return parser_expected(p, what);
	if (*out < min || *out > max)
		return script_refuse(p->s, t.place, p->e, "%s is from %lld to %lld", what,
				     (long long)min, (long long)max);
	parser_take(p);
	return 0;
}

/* `minus`: it may begin with one. */
static int read_time(struct parser *p, const char *what, bool minus, int64_t *out)
{
	int64_t n;
	size_t used;
	struct token t = p->lex.now;
	struct span text = t.text;
	minus = minus && t.type == TOKEN_WORD && text.len > 1 && text.data[0] == '-';
	if (minus)
		text = (struct span){text.data + 1, text.len - 1};
	if (t.type != TOKEN_WORD || !digits(text, &n, &used))
		return parser_expected(p, what);
	struct span unit = {text.data + used, text.len - used};
	for (size_t i = 0; i < unit_row_count; i++) {
		if (!span_is(unit, unit_rows[i].name))
			continue;
		if (n > SCRIPT_TIME_MAX_US / unit_rows[i].us)
			return script_refuse(p->s, t.place, p->e, "a time is at most a day");
		*out = minus ? -n * unit_rows[i].us : n * unit_rows[i].us;
		parser_take(p);
		return 0;
	}
	return script_refuse(p->s, t.place, p->e, "%s is a time like 500ms, 5s or 2m, not '%.*s'",
			     what, (int)(t.text.len < 60 ? t.text.len : 60), t.text.data);
}

int parser_time(struct parser *p, const char *what, int64_t *out)
{
	return read_time(p, what, false, out);
}

static int read_range(struct parser *p, const char *what, bool minus, struct range *out)
{
	struct place at = p->lex.now.place;
	int rc = read_time(p, what, minus, &out->min);
	out->max = out->min;
	if (rc || p->lex.now.type != TOKEN_RANGE)
		return rc;
	parser_take(p);
	rc = read_time(p, what, minus, &out->max);
	if (rc == 0 && out->max < out->min)
		return script_refuse(p->s, at, p->e, "a range goes up: %s", what);
	return rc;
}

int parser_time_range(struct parser *p, const char *what, struct range *out)
{
	return read_range(p, what, false, out);
}

int parser_shift_range(struct parser *p, const char *what, struct range *out)
{
	return read_range(p, what, true, out);
}

int parser_u64(struct parser *p, const char *what, uint64_t *out)
{
	char text[32] = {0};
	char *end = text;
	struct token t = p->lex.now;
	if (t.type == TOKEN_WORD && t.text.len < sizeof text)
		memcpy(text, t.text.data, t.text.len);
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (end == text || *end || errno)
		return parser_expected(p, what);
	parser_take(p);
	return 0;
}

/* "2%", "0.5%" */
int parser_permille(struct parser *p, int64_t *out)
{
	struct token t = p->lex.now;
	struct span left = t.text;
	size_t used = 0;
	int64_t tenth = 0;
	if (t.type != TOKEN_WORD || !digits(left, out, &used))
		return parser_expected(p, "a share like 2% or 0.5%");
	left = (struct span){left.data + used, left.len - used};
	if (left.len > 2 && left.data[0] == '.' && left.data[1] >= '0' && left.data[1] <= '9') {
		tenth = left.data[1] - '0';
		left = (struct span){left.data + 2, left.len - 2};
	}
	if (!span_is(left, "%") || *out > 50)
		return script_refuse(p->s, t.place, p->e, "a share is from 0%% to 50%%, like 0.5%%");
	*out = *out * 10 + tenth;
	parser_take(p);
	return 0;
}


void *parser_grow(struct parser *p, void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 8;
	void *more = arena_alloc(&p->s->arena, *cap * size);
	if (count)
		memcpy(more, array, count * size);
	return more;
}
