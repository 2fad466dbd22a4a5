/* What the files that read a script share: the words at hand, and readers of
 * statements by idea. Private to the parser. One thread; no state of its own. */
#ifndef CHAOS_PARSER_H
#define CHAOS_PARSER_H

#include "tools/chaos/words.h"

enum { CHOICES_MAX = 64 };

struct parser {
	struct script *s;
	struct lexer lex;
	struct err *e;
	struct token first; /* of the statement */
	const uint8_t *end; /* of its last word */
	size_t lines_cap, judgements_cap, loads_cap, forbids_cap;
	unsigned seen_at[CHOICES_MAX]; /* by row of `statements`: line, 0 not yet */
	unsigned depth, terms; /* of a condition */
};

/* ---- parser.c: words; all refuse with what they expected */

int parser_expected(struct parser *p, const char *what);
bool parser_at_end(const struct parser *p); /* of the statement */
struct token parser_take(struct parser *p);
bool parser_next_is(const struct parser *p, const char *word);
bool parser_take_if(struct parser *p, const char *word);
int parser_need(struct parser *p, const char *word);
/* Signs: "<=", "(", ... */
bool parser_take_sign(struct parser *p, const char *sign);
int parser_need_sign(struct parser *p, const char *sign);
int parser_name(struct parser *p, const char *what, const char **out);
int parser_label(struct parser *p, struct node_label *out); /* "zone=a" */
int parser_string(struct parser *p, const char *what, const char **out);
/* One of `names`; the error lists them, or the one that is near. */
int parser_choose(struct parser *p, const char *what, const char *const *names, size_t count,
		  size_t *out);
int parser_choose_row(struct parser *p, const char *what, const struct name_row *rows, size_t count,
		      int *out);
int parser_number(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out);
int parser_u64(struct parser *p, const char *what, uint64_t *out); /* also 0x5eed */
int parser_time(struct parser *p, const char *what, int64_t *out);
int parser_time_range(struct parser *p, const char *what, struct range *out);
/* "-5s..2m" */
int parser_shift_range(struct parser *p, const char *what, struct range *out);
int parser_permille(struct parser *p, int64_t *out); /* "2%", "0.5%" */
/* One more element of an array that lives in the script's arena. */
void *parser_grow(struct parser *p, void *array, size_t count, size_t *cap, size_t size);

/* ---- what follows the first word of a statement */

/* parse_head.c */
int parse_version(struct parser *p);
int parse_title(struct parser *p);
int parse_world(struct parser *p);
int parse_seed(struct parser *p);
int parse_nodes(struct parser *p);
int parse_label(struct parser *p);
int parse_layout(struct parser *p);
int parse_standby(struct parser *p);
int parse_network(struct parser *p);
int parse_disk(struct parser *p);
int parse_replicaset(struct parser *p);
int parse_deployment(struct parser *p);
int parse_statefulset(struct parser *p);
int parse_daemonset(struct parser *p);
int parse_job(struct parser *p);
int parse_pod(struct parser *p);
int parse_service(struct parser *p);
int parse_quota(struct parser *p);
int parse_budget(struct parser *p);
int parse_clients(struct parser *p);
int parse_warm_up(struct parser *p);
int parse_limit(struct parser *p);
int parse_forbid(struct parser *p);
/* parse_when.c */
int parse_at(struct parser *p);
int parse_after(struct parser *p);
int parse_when(struct parser *p);
int parse_every(struct parser *p);
/* parse_act.c */
int parse_act(struct parser *p, struct act *a);
int parse_target(struct parser *p, const struct verb_row *v, struct target *t);
/* parse_judge.c */
int parse_settle(struct parser *p);
int parse_steady(struct parser *p);
int parse_always(struct parser *p);
int parse_never(struct parser *p);
int parse_eventually(struct parser *p);
int parse_leads_to(struct parser *p);
int parse_sometimes(struct parser *p);
int parse_at_end(struct parser *p);
int parse_checker(struct parser *p);
/* parse_expr.c: a condition; its text as it stands in the script */
int parse_condition(struct parser *p, const struct expr **out, const char **text);

#endif
