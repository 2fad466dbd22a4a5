/* Conditions, by descent: or, and, not, comparisons, sums, products. `-` and
 * `*` are letters of names, so as signs they stand alone, with blanks. */
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/expr.h"
#include "tools/chaos/parser.h"

static int read_or(struct parser *p, struct expr **out);
static int read_sum(struct parser *p, struct expr **out);

static struct expr *node(struct parser *p, enum expr_op op, const struct expr *a, const struct expr *b)
{
	struct expr *x = arena_alloc(&p->s->arena, sizeof *x);
	x->op = op;
	x->a = a;
	x->b = b;
	return x;
}

static bool is_condition(const struct expr *x)
{
	return x->op >= EXPR_EQUAL;
}

/* ---- functions */

static const struct function {
	const char *name;
	enum expr_op op;
	bool key, field; /* what stands in its brackets before filters */
} functions[] = {
	{"count", EXPR_COUNT, false, false}, {"sum", EXPR_SUM, false, true},
	{"min", EXPR_MIN, false, true},	     {"max", EXPR_MAX, false, true},
	{"most", EXPR_MOST, false, true},    {"value", EXPR_VALUE, true, true},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static const struct {
	const char *sign;
	enum expr_op op;
} comparisons[] = {
	{"=", EXPR_EQUAL},   {"==", EXPR_EQUAL}, {"!=", EXPR_UNEQUAL},
	{"<=", EXPR_AT_MOST}, {"<", EXPR_LESS},	 {">=", EXPR_AT_LEAST},
	{">", EXPR_MORE},
};

static bool take_comparison(struct parser *p, enum expr_op *op)
{
	for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
		if (parser_take_sign(p, comparisons[i].sign)) {
			*op = comparisons[i].op;
			return true;
		}
	return false;
}

/* A short name, or a path with a dot. */
static int read_field(struct parser *p, const char **out)
{
	struct token t = p->lex.now;
	int rc = parser_name(p, "a field, like phase or spec.replicas", out);
	if (rc || strchr(*out, '.'))
		return rc;
	for (size_t i = 0; i < expr_field_count; i++)
		if (strcmp(*out, expr_fields[i]) == 0)
			return 0;
	return script_refuse(p->s, t.place, p->e, "unknown field '%s'%s (or a path, like spec.replicas)",
			     *out, near_text(&p->s->arena, t.text, expr_fields, expr_field_count));
}

static bool number_of(struct span text, int64_t *out)
{
	char copy[32], *end;
	if (!text.len || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = 0;
	*out = strtoll(copy, &end, 10);
	return end != copy && !*end;
}

static int read_filter(struct parser *p, struct expr *x)
{
	if (x->filter_count == EXPR_FILTERS_MAX)
		return script_refuse(p->s, p->lex.now.place, p->e, "at most %d of these", EXPR_FILTERS_MAX);
	struct expr_filter *f = &x->filters[x->filter_count++];
	int rc = read_field(p, &f->field);
	if (rc)
		return rc;
	if (!take_comparison(p, &f->how))
		return parser_expected(p, "=, !=, <, <=, > or >=");
	if (p->lex.now.type != TOKEN_WORD && p->lex.now.type != TOKEN_STRING)
		return parser_expected(p, "a value");
	struct token t = parser_take(p);
	f->text = t.text;
	f->is_number = number_of(t.text, &f->number);
	if (f->how != EXPR_EQUAL && f->how != EXPR_UNEQUAL && !f->is_number)
		return script_refuse(p->s, t.place, p->e, "expected a whole number, not '%.*s'",
				     (int)t.text.len, (const char *)t.text.data);
	return 0;
}

static int read_brackets(struct parser *p, const struct function *f, struct expr *x)
{
	const char *name;
	int rc = parser_need_sign(p, "(");
	if (rc == 0)
		rc = parser_name(p, f->key ? "the key of an object" : "a kind of object, like pods", &name);
	if (rc)
		return rc;
	*(f->key ? &x->key : &x->prefix) = f->key ? name : arena_printf(&p->s->arena, "%s/", name);
	if (f->field && (rc = parser_need_sign(p, ",")) == 0)
		rc = read_field(p, &x->field);
	while (rc == 0 && !f->key && parser_take_sign(p, ","))
		rc = read_filter(p, x);
	return rc ? rc : parser_need_sign(p, ")");
}

/* ---- values */

static int read_word(struct parser *p, struct expr **out)
{
	const char *names[FUNCTIONS + FIGURES];
	struct token t = p->lex.now;
	size_t i = 0;
	*out = node(p, EXPR_NUMBER, NULL, NULL);
	if (t.type == TOKEN_WORD && number_of(t.text, &(*out)->number)) {
		parser_take(p);
		return 0;
	}
	for (; i < FUNCTIONS; i++)
		names[i] = functions[i].name;
	for (i = 0; i < FIGURES; i++)
		names[FUNCTIONS + i] = figure_names[i];
	int rc = parser_choose(p, "number, function or figure", names, FUNCTIONS + FIGURES, &i);
	if (rc)
		return rc;
	if (i >= FUNCTIONS) {
		(*out)->op = EXPR_FIGURE;
		(*out)->number = (int64_t)(i - FUNCTIONS);
	} else {
		(*out)->op = functions[i].op;
		rc = read_brackets(p, &functions[i], *out);
	}
	(*out)->text = (struct span){t.text.data, (size_t)(p->end - t.text.data)};
	return rc;
}

static int read_primary(struct parser *p, struct expr **out)
{
	if (!parser_take_sign(p, "("))
		return read_word(p, out);
	if (++p->depth > EXPR_DEPTH_MAX)
		return script_refuse(p->s, p->lex.now.place, p->e, "more than %d brackets", EXPR_DEPTH_MAX);
	int rc = read_or(p, out);
	p->depth--;
	return rc ? rc : parser_need_sign(p, ")");
}

static int want_number(struct parser *p, struct place at, const struct expr *x)
{
	return is_condition(x) ? script_refuse(p->s, at, p->e, "expected a number, not a condition") : 0;
}

/* One operator more: what is judged recurses over them. */
static int count_term(struct parser *p)
{
	if (++p->terms <= EXPR_TERMS_MAX)
		return 0;
	return script_refuse(p->s, p->lex.now.place, p->e, "more than %d operators", EXPR_TERMS_MAX);
}

/* `a OP b OP c`, from the left; both sides numbers. */
static int read_left(struct parser *p, struct expr **out, int (*side)(struct parser *, struct expr **),
		     bool (*operator_at)(struct parser *, enum expr_op *))
{
	struct place at = p->lex.now.place;
	enum expr_op op;
	struct expr *b;
	int rc = side(p, out);
	while (rc == 0 && operator_at(p, &op)) {
		rc = count_term(p);
		if (rc == 0)
			rc = want_number(p, at, *out);
		at = p->lex.now.place;
		if (rc == 0)
			rc = side(p, &b);
		if (rc == 0)
			rc = want_number(p, at, b);
		*out = node(p, op, *out, b);
	}
	return rc;
}

static bool times_or_over(struct parser *p, enum expr_op *op)
{
	*op = parser_next_is(p, "*") ? EXPR_TIMES : EXPR_OVER;
	return parser_take_if(p, "*") || parser_take_if(p, "/");
}

static bool plus_or_minus(struct parser *p, enum expr_op *op)
{
	*op = parser_next_is(p, "-") ? EXPR_SUBTRACT : EXPR_ADD;
	return parser_take_if(p, "-") || parser_take_sign(p, "+");
}

static int read_product(struct parser *p, struct expr **out)
{
	return read_left(p, out, read_primary, times_or_over);
}

static int read_sum(struct parser *p, struct expr **out)
{
	return read_left(p, out, read_product, plus_or_minus);
}

/* ---- conditions */

static int read_comparison(struct parser *p, struct expr **out)
{
	struct place at = p->lex.now.place;
	enum expr_op op;
	struct expr *b;
	int rc = read_sum(p, out);
	if (rc || !take_comparison(p, &op))
		return rc;
	rc = want_number(p, at, *out);
	at = p->lex.now.place;
	if (rc == 0)
		rc = read_sum(p, &b);
	if (rc == 0)
		rc = want_number(p, at, b);
	*out = node(p, op, *out, b);
	return rc;
}

static int want_condition(struct parser *p, struct place at, const struct expr *x)
{
	return is_condition(x) ? 0
			       : script_refuse(p->s, at, p->e, "expected a condition, like count(pods) <= 40");
}

static int read_not(struct parser *p, struct expr **out)
{
	struct place at = p->lex.now.place;
	bool no = parser_take_if(p, "not");
	int rc = read_comparison(p, out);
	if (rc || !no)
		return rc;
	rc = want_condition(p, at, *out);
	*out = node(p, EXPR_NOT, *out, NULL);
	return rc;
}

static int read_joined(struct parser *p, struct expr **out, const char *word, enum expr_op op,
		       int (*side)(struct parser *, struct expr **))
{
	struct place at = p->lex.now.place;
	struct expr *b;
	int rc = side(p, out);
	while (rc == 0 && parser_take_if(p, word)) {
		rc = count_term(p);
		if (rc == 0)
			rc = want_condition(p, at, *out);
		at = p->lex.now.place;
		if (rc == 0)
			rc = side(p, &b);
		if (rc == 0)
			rc = want_condition(p, at, b);
		*out = node(p, op, *out, b);
	}
	return rc;
}

static int read_and(struct parser *p, struct expr **out)
{
	return read_joined(p, out, "and", EXPR_AND, read_not);
}

static int read_or(struct parser *p, struct expr **out)
{
	return read_joined(p, out, "or", EXPR_OR, read_and);
}

int parse_condition(struct parser *p, const struct expr **out, const char **text)
{
	struct token first = p->lex.now;
	struct expr *x = NULL;
	p->depth = p->terms = 0;
	int rc = read_or(p, &x);
	if (rc == 0)
		rc = want_condition(p, first.place, x);
	if (rc)
		return rc;
	*out = x;
	*text = arena_ndup(&p->s->arena, first.text.data, (size_t)(p->end - first.text.data));
	return 0;
}
