/* The query syntax of label selectors:
 *
 *	selector    = [ requirement { "," requirement } ]
 *	requirement = [ "!" ] key | key op value | key ("in" | "notin") "(" values ")"
 *	op          = "=" | "==" | "!=" | ">" | "<"
 *
 * "in" and "notin" are words only where an operator stands; everywhere else
 * they are identifiers. Values may be empty. Complaints are Kubernetes'. */
#include "actors/schema/selectors_private.h"

enum token {
	T_END,
	T_WORD,
	T_CLOSE,
	T_COMMA,
	T_NOT,
	T_EQ2,
	T_EQ,
	T_GREATER,
	T_LESS,
	T_NOT_EQ,
	T_OPEN,
	T_BAD,
};

struct lexer {
	struct arena *arena;
	struct span rest;
	enum token token; /* the next one */
	struct span text; /* and how it is written */
	struct err *e;
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_symbol(uint8_t c)
{
	return c && strchr("=!(),><", c);
}

static enum token symbol(struct span s, size_t *used)
{
	static const struct {
		const char *text;
		enum token token;
	} all[] = {{"==", T_EQ2},    {"!=", T_NOT_EQ}, {"=", T_EQ},	{"!", T_NOT},
		   {"(", T_OPEN},    {")", T_CLOSE},   {",", T_COMMA}, {">", T_GREATER},
		   {"<", T_LESS}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		*used = strlen(all[i].text);
		if (s.len >= *used && memcmp(s.data, all[i].text, *used) == 0)
			return all[i].token;
	}
	return T_BAD;
}

static void advance(struct lexer *l)
{
	struct span *r = &l->rest;
	while (r->len && is_space(*r->data))
		r->data++, r->len--;
	size_t n = 0;
	l->token = T_END;
	if (r->len && is_symbol(*r->data)) {
		l->token = symbol(*r, &n);
	} else if (r->len) {
		while (n < r->len && !is_symbol(r->data[n]) && !is_space(r->data[n]))
			n++;
		l->token = T_WORD;
	}
	l->text = (struct span){r->data, n};
	r->data += n;
	r->len -= n;
}

static int unexpected(struct lexer *l, const char *expected)
{
	return err_set(l->e, ERR_INVALID, "found '%.*s', expected: %s", (int)l->text.len,
		       (const char *)l->text.data, expected);
}

struct values {
	struct span *list;
	size_t count, cap;
};

static void add_value(struct lexer *l, struct values *v, struct span value)
{
	if (v->count == v->cap) {
		v->cap = v->cap ? 2 * v->cap : 4;
		struct span *more = arena_alloc(l->arena, v->cap * sizeof *more);
		if (v->count)
			memcpy(more, v->list, v->count * sizeof *more);
		v->list = more;
	}
	v->list[v->count++] = value;
}

/* "(a,,b)": an empty place is an empty value. */
static int parse_set(struct lexer *l, struct values *v)
{
	if (l->token != T_OPEN)
		return unexpected(l, "'('");
	bool want = true;
	for (advance(l); l->token != T_CLOSE; advance(l)) {
		if (l->token == T_WORD && want) {
			add_value(l, v, l->text);
			want = false;
		} else if (l->token == T_COMMA) {
			if (want)
				add_value(l, v, (struct span){0});
			want = true;
		} else {
			return unexpected(l, want ? "',', ')' or identifier" : "',' or ')'");
		}
	}
	if (want)
		add_value(l, v, (struct span){0});
	advance(l);
	return 0;
}

static int parse_exact(struct lexer *l, struct values *v)
{
	if (l->token == T_END || l->token == T_COMMA) {
		add_value(l, v, (struct span){0});
		return 0;
	}
	if (l->token != T_WORD)
		return unexpected(l, "identifier");
	add_value(l, v, l->text);
	advance(l);
	return 0;
}

static bool operator_of(const struct lexer *l, enum label_op *op)
{
	static const uint8_t ops[] = {
		[T_EQ] = LABEL_EQUALS + 1,	   [T_EQ2] = LABEL_EQUALS + 1,
		[T_NOT_EQ] = LABEL_NOT_EQUALS + 1, [T_GREATER] = LABEL_GREATER + 1,
		[T_LESS] = LABEL_LESS + 1,	   [T_BAD] = 0};
	bool in = l->token == T_WORD && span_is(l->text, "in");
	bool notin = l->token == T_WORD && span_is(l->text, "notin");
	if (!in && !notin && !ops[l->token])
		return false;
	*op = in ? LABEL_IN : notin ? LABEL_NOT_IN : (enum label_op)(ops[l->token] - 1);
	return true;
}

static int parse_requirement(struct lexer *l, struct label_requirement *r)
{
	struct values v = {0};
	bool absent = l->token == T_NOT;
	int rc = 0;
	if (absent)
		advance(l);
	if (l->token != T_WORD)
		return unexpected(l, "identifier");
	r->key = l->text;
	r->op = absent ? LABEL_ABSENT : LABEL_EXISTS;
	advance(l);
	if (!absent && l->token != T_END && l->token != T_COMMA) {
		if (!operator_of(l, &r->op))
			return unexpected(l, "in, notin, =, ==, !=, gt, lt");
		advance(l);
		rc = r->op == LABEL_IN || r->op == LABEL_NOT_IN ? parse_set(l, &v)
								: parse_exact(l, &v);
	}
	if (rc)
		return rc;
	r->value_count = v.count;
	r->values = v.list;
	return label_requirement_check(r, l->e);
}

static int parse_all(struct lexer *l, struct label_selector *s)
{
	struct label_requirement **end = &s->first;
	while (l->token != T_END) {
		if (l->token != T_WORD && l->token != T_NOT)
			return unexpected(l, "!, identifier, or 'end of string'");
		struct label_requirement *r = arena_alloc(l->arena, sizeof *r);
		int rc = parse_requirement(l, r);
		if (rc)
			return err_wrap(l->e, rc, "unable to parse requirement");
		*end = r;
		end = &r->next;
		if (l->token != T_END && l->token != T_COMMA)
			return unexpected(l, "',' or 'end of string'");
		if (l->token == T_COMMA) {
			advance(l);
			if (l->token != T_WORD && l->token != T_NOT)
				return unexpected(l, "identifier after ','");
		}
	}
	return 0;
}

int label_selector_parse(struct arena *a, struct span text, const struct label_selector **out,
			 struct err *e)
{
	struct label_selector *s = arena_alloc(a, sizeof *s);
	struct lexer l = {.arena = a, .rest = text, .e = e};
	*out = s;
	if (text.len > SELECTOR_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "a selector of more than %d bytes",
			       SELECTOR_BYTES_MAX);
	/* The selector outlives the request's text. */
	l.rest.data = (const uint8_t *)arena_ndup(a, text.data, text.len);
	advance(&l);
	return parse_all(&l, s);
}
