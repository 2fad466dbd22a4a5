/* Commands and scripts to times.
 *
 * A shell script is not run but read: as long as every command in it is one
 * whose effect on time and status is known, the sum is known too. At the
 * first thing that is not (a loop, a pipe, a program), the container is a
 * service: it runs. */
#include "nodes/runtime_sim.h"

#include <string.h>

/* ---- words */

/* The next word up to one of `ends` or a blank; quotes are taken off. */
static struct span next_word(struct arena *a, struct span *text, const char *ends)
{
	struct buf word = {0};
	uint8_t quote = 0;
	bool any = false;
	while (text->len && (text->data[0] == ' ' || text->data[0] == '\t')) {
		text->data++;
		text->len--;
	}
	for (; text->len; text->data++, text->len--) {
		uint8_t c = text->data[0];
		if (!quote && (c == ' ' || c == '\t' || strchr(ends, c)))
			break;
		any = true;
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else
			buf_putc(&word, (char)c);
	}
	struct span out = {(uint8_t *)arena_ndup(a, word.data, word.len), word.len};
	buf_fini(&word);
	/* An empty word in quotes is a word; nothing is none. */
	return any ? out : (struct span){0};
}

static bool number_of(struct span text, int64_t *out, struct span *rest)
{
	int64_t v = 0;
	size_t i = 0;
	for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
		if (v < INT64_MAX / 100)
			v = v * 10 + (text.data[i] - '0');
	*out = v;
	*rest = (struct span){text.data + i, text.len - i};
	return i > 0;
}

/* Milliseconds of "1.5s", "500ms", "2m"; a bare number is seconds. */
static bool time_of(struct span text, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"", 1000},    {"s", 1000},     {"ms", 1},
		     {"m", 60000},  {"h", 3600000},  {"d", 86400000}};
	int64_t whole, fraction = 0, scale = 1;
	struct span rest;
	if (!number_of(text, &whole, &rest))
		return false;
	if (rest.len > 1 && rest.data[0] == '.') {
		size_t digits = 0;
		for (rest.data++, rest.len--; rest.len && rest.data[0] >= '0' && rest.data[0] <= '9';
		     rest.data++, rest.len--)
			if (digits++ < 6) {
				fraction = fraction * 10 + (rest.data[0] - '0');
				scale *= 10;
			}
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (!span_is(rest, units[i].unit))
			continue;
		if (whole > INT64_MAX / 4 / units[i].ms)
			whole = INT64_MAX / 4 / units[i].ms;
		*ms = whole * units[i].ms + fraction * units[i].ms / scale;
		return true;
	}
	return false;
}

static bool code_of(struct span text, int32_t *code)
{
	int64_t v;
	struct span rest;
	if (!number_of(text, &v, &rest) || rest.len)
		return false;
	*code = (int32_t)(v & 255);
	return true;
}

/* ---- commands */

enum after { AFTER_GOES_ON, AFTER_EXITS, AFTER_RUNS };

struct shell {
	struct arena *a;
	int64_t elapsed_ms;
	int32_t status;
};

static enum after do_true(struct shell *s, const struct span *args, size_t n)
{
	(void)args;
	(void)n;
	s->status = 0;
	return AFTER_GOES_ON;
}

static enum after do_false(struct shell *s, const struct span *args, size_t n)
{
	(void)args;
	(void)n;
	s->status = 1;
	return AFTER_GOES_ON;
}

static enum after do_exit(struct shell *s, const struct span *args, size_t n)
{
	if (n > 0 && !span_is(args[0], "$?") && !code_of(args[0], &s->status))
		s->status = 2; /* as a shell that is given no number */
	return AFTER_EXITS;
}

static enum after do_sleep(struct shell *s, const struct span *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t ms;
		if (!time_of(args[i], &ms)) { /* "infinity" too */
			return AFTER_RUNS;
		}
		s->elapsed_ms += ms;
	}
	s->status = n > 0 ? 0 : 1;
	return AFTER_GOES_ON;
}

static const struct {
	const char *name;
	enum after (*act)(struct shell *, const struct span *args, size_t n);
} commands[] = {
	{"true", do_true},   {":", do_true},	  {"echo", do_true},   {"printf", do_true},
	{"set", do_true},    {"trap", do_true},	  {"export", do_true}, {"cd", do_true},
	{"date", do_true},   {"hostname", do_true}, {"false", do_false}, {"exit", do_exit},
	{"sleep", do_sleep},
};

static struct span base_name(struct span path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.data[i - 1] == '/')
			return (struct span){path.data + i, path.len - i};
	return path;
}

static enum after run_command(struct shell *s, const struct span *words, size_t n)
{
	if (n > 0 && span_is(words[0], "exec")) {
		enum after then = run_command(s, words + 1, n - 1);
		return then == AFTER_GOES_ON ? AFTER_EXITS : then;
	}
	for (size_t i = 0; n > 0 && i < sizeof commands / sizeof *commands; i++)
		if (span_is(base_name(words[0]), commands[i].name))
			return commands[i].act(s, words + 1, n - 1);
	return n == 0 ? AFTER_GOES_ON : AFTER_RUNS;
}

enum { WORDS_MAX = 64 };

/* Reads ';', a newline, "&&" or "||"; 0: the end; '?': something else. */
static char take_operator(struct span *text)
{
	char c = text->len ? (char)text->data[0] : 0;
	size_t n = c == '&' || c == '|' ? 2 : 1;
	if (!c)
		return 0;
	if (n == 2 && (text->len < 2 || text->data[1] != (uint8_t)c))
		return '?';
	text->data += n;
	text->len -= n;
	return c == '\n' ? ';' : c;
}

static enum after run_script(struct shell *s, struct span text)
{
	bool skip = false; /* the left side has decided */
	while (text.len) {
		struct span words[WORDS_MAX];
		size_t n = 0;
		/* An operator that is none of ours makes it a program of its own. */
		for (;;) {
			struct span word = next_word(s->a, &text, ";&|\n");
			if (!word.data)
				break;
			if (n == WORDS_MAX)
				return AFTER_RUNS;
			words[n++] = word;
		}
		char op = take_operator(&text);
		if (op == '?')
			return AFTER_RUNS;
		enum after then = skip ? AFTER_GOES_ON : run_command(s, words, n);
		if (then != AFTER_GOES_ON)
			return then;
		skip = (op == '&' && s->status != 0) || (op == '|' && s->status == 0);
	}
	return AFTER_EXITS;
}

static bool is_shell(struct span name)
{
	static const char *const shells[] = {"sh", "bash", "ash", "dash"};
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (span_is(base_name(name), shells[i]))
			return true;
	return false;
}

/* The script of `sh -c SCRIPT` (also -ec, -e -c); empty: it is none. */
static struct span script_of(const char *const *argv)
{
	if (!is_shell(span_of(argv[0])))
		return (struct span){0};
	for (argv++; *argv && (*argv)[0] == '-'; argv++)
		if (strchr(*argv, 'c') && argv[1])
			return span_of(argv[1]);
	return (struct span){0};
}

static void by_command(struct arena *a, const char *const *argv, struct sim_run *out)
{
	struct shell s = {.a = a};
	enum after then = AFTER_RUNS;
	if (!argv[0])
		return;
	out->term_code = 128 + 15;
	struct span script = script_of(argv);
	if (script.data) {
		then = run_script(&s, script);
	} else {
		struct span words[WORDS_MAX];
		size_t n = 0;
		while (argv[n] && n < WORDS_MAX) {
			words[n] = span_of(argv[n]);
			n++;
		}
		then = run_command(&s, words, n);
	}
	if (then == AFTER_RUNS)
		return;
	out->end_ms = s.elapsed_ms;
	out->code = s.status;
}

/* ---- annotations */

/* "N" or "N after TIME". */
static bool exit_clause(struct arena *a, struct span *text, int32_t *code, int64_t *ms)
{
	*ms = 0;
	if (!code_of(next_word(a, text, ","), code))
		return false;
	struct span word = next_word(a, text, ",");
	return !word.data || (span_is(word, "after") && time_of(next_word(a, text, ","), ms));
}

static bool on_run(struct arena *a, struct span *text, struct sim_run *out)
{
	(void)a;
	(void)text;
	out->end_ms = SIM_NEVER;
	return true;
}

static bool on_exit(struct arena *a, struct span *text, struct sim_run *out)
{
	return exit_clause(a, text, &out->code, &out->end_ms);
}

static bool on_start(struct arena *a, struct span *text, struct sim_run *out)
{
	return time_of(next_word(a, text, ","), &out->start_ms);
}

static bool on_ready(struct arena *a, struct span *text, struct sim_run *out)
{
	struct span word = next_word(a, text, ",");
	if (!span_is(word, "never"))
		return time_of(word, &out->ready_ms);
	out->ready_ms = SIM_NEVER;
	return true;
}

static bool on_term(struct arena *a, struct span *text, struct sim_run *out)
{
	struct span word = next_word(a, text, ",");
	if (span_is(word, "exit"))
		return exit_clause(a, text, &out->term_code, &out->term_ms);
	out->term_ms = SIM_NEVER;
	return span_is(word, "ignore");
}

static bool on_error(struct arena *a, struct span *text, struct sim_run *out)
{
	while (text->len && text->data[0] == ' ') {
		text->data++;
		text->len--;
	}
	out->error = arena_ndup(a, text->data, text->len);
	text->len = 0;
	return out->error[0] != 0;
}

static const struct {
	const char *word;
	bool (*take)(struct arena *a, struct span *text, struct sim_run *out);
} clauses[] = {
	{"run", on_run},     {"exit", on_exit}, {"start", on_start},
	{"ready", on_ready}, {"term", on_term}, {"error", on_error},
};

static bool take_clause(struct arena *a, struct span *text, struct sim_run *out)
{
	struct span word = next_word(a, text, ",");
	for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
		if (span_is(word, clauses[i].word))
			return clauses[i].take(a, text, out) && !next_word(a, text, ",").data;
	return false;
}

static int by_script(struct arena *a, struct span text, struct sim_run *out, struct err *e)
{
	struct sim_run run = {.end_ms = SIM_NEVER, .term_code = out->term_code};
	while (text.len) {
		struct span before = text;
		if (!take_clause(a, &text, &run))
			return err_set(e, ERR_INVALID, "annotation " SIM_ANNOTATION ": \"%.*s\"",
				       (int)(before.len < 100 ? before.len : 100),
				       (const char *)before.data);
		if (text.len) { /* the comma */
			text.data++;
			text.len--;
		}
	}
	*out = run;
	return 0;
}

/* The script of that attempt; the last one is for all that follow. */
static struct span script_at(struct span all, uint32_t attempt)
{
	for (;;) {
		const uint8_t *end = memchr(all.data, ';', all.len);
		if (!end || attempt-- == 0)
			return (struct span){all.data, end ? (size_t)(end - all.data) : all.len};
		all.len -= (size_t)(end - all.data) + 1;
		all.data = end + 1;
	}
}

int sim_run_plan(struct arena *a, const char *const *argv, struct mp annotations,
		 const char *container, uint32_t attempt, struct sim_run *out, struct err *e)
{
	struct mp value;
	struct span text = {0};
	*out = (struct sim_run){.end_ms = SIM_NEVER};
	by_command(a, argv, out);
	const char *own = arena_printf(a, SIM_ANNOTATION "/%s", container);
	if (!annotations.p || (!mp_find(annotations, own, &value) &&
			       !mp_find(annotations, SIM_ANNOTATION, &value)))
		return 0;
	if (mp_str(&value, &text) || text.len == 0)
		return 0;
	return by_script(a, script_at(text, attempt), out, e);
}

bool sim_image_exists(struct span image)
{
	static const char missing[] = ":non-existent";
	size_t len = sizeof missing - 1;
	return image.len < len || memcmp(image.data + image.len - len, missing, len) != 0;
}
