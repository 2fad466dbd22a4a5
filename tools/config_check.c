#include "tools/config_check.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/names.h"
#include "actors/schema/quantity.h"
#include "actors/schema/yaml.h"
#include "nodes/node_labels.h"

enum {
	NODE_LABELS_MAX = 90, /* a message has room for 100, with those of the agent */
	NODE_NAME_MAX = 100,  /* its agent's name, with a number, is an actor's: 128 bytes */
	CONFIG_QUANTITY_MAX = 32,
};

int config_refuse(struct config_reader *p, const struct doc *at, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(p->e, ERR_INVALID, "%s:%u:%u: %s", p->file, at ? at->line : 1,
		       at ? at->column : 1, text);
}

static int unknown_key(struct config_reader *p, const struct doc *at, const char *place)
{
	const char *names[CONFIG_KEYS_MAX];
	size_t n = 0;
	const char *kind = NULL;
	if (strncmp(place, "actor ", 6) == 0)
		kind = place + 6;
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].place, place) == 0 ||
		    (kind && strcmp(config_keys[i].place, "cells[].actors[]") == 0))
			names[n++] = config_keys[i].name;
	const char *near = yaml_near(at->key, names, n);
	if (near)
		return config_refuse(p, at, "unknown key '%.*s', did you mean '%s'?", (int)at->key.len,
			      at->key.data, near);
	return config_refuse(p, at, "unknown key '%.*s'", (int)at->key.len, at->key.data);
}

const struct config_key *config_find_key(const char *place, struct span name)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].place, place) == 0 && span_is(name, config_keys[i].name))
			return &config_keys[i];
	return NULL;
}

static bool one_of(const char *values, struct span v)
{
	while (*values) {
		size_t n = strcspn(values, "|");
		if (v.len == n && memcmp(v.data, values, n) == 0)
			return true;
		values += n + (values[n] == '|');
	}
	return false;
}

/* "8GiB", "64MB", "4096" */
bool config_read_bytes(struct span text, int64_t *out)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"", 1},		{"KiB", 1 << 10},   {"MiB", 1 << 20},	 {"GiB", 1 << 30},
		     {"KB", 1000},	{"MB", 1000000},    {"GB", 1000000000}, {"TiB", 1ll << 40}};
	char t[32];
	char *rest;
	if (text.len == 0 || text.len >= sizeof t)
		return false;
	memcpy(t, text.data, text.len);
	t[text.len] = 0;
	int64_t n = strtoll(t, &rest, 10);
	for (size_t i = 0; rest != t && i < sizeof units / sizeof *units; i++) {
		if (strcmp(rest, units[i].suffix) == 0) {
			bool fits = n >= 0 && n < INT64_MAX / units[i].factor;
			*out = fits ? n * units[i].factor : 0;
			return fits;
		}
	}
	return false;
}

/* "250ms", "10s": microseconds. Moves *text behind it. */
static bool read_time(const char **text, int64_t *us)
{
	static const struct {
		const char *suffix;
		int64_t factor;
	} units[] = {{"us", 1}, {"ms", MS}, {"s", SECONDS}, {"m", 60 * SECONDS}, {"h", HOURS}};
	char *rest;
	if (**text < '0' || **text > '9')
		return false;
	int64_t n = strtoll(*text, &rest, 10);
	size_t letters = strspn(rest, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (letters != strlen(units[i].suffix) || strncmp(rest, units[i].suffix, letters))
			continue;
		*us = n < INT64_MAX / units[i].factor ? n * units[i].factor : INT64_MAX;
		*text = rest + letters;
		return true;
	}
	return false;
}

static bool whole_text(struct span text, char out[64])
{
	snprintf(out, 64, "%.*s", (int)text.len, (const char *)text.data);
	return text.len < 64;
}

bool config_read_whole_time(struct span text, int64_t *us)
{
	char t[64];
	const char *at = t;
	return whole_text(text, t) && read_time(&at, us) && !*at;
}

/* "5/30s" */
bool config_read_rate(struct span text, int64_t *count, int64_t *us)
{
	char t[64], *at;
	if (!whole_text(text, t) || t[0] < '0' || t[0] > '9')
		return false;
	*count = strtoll(t, &at, 10);
	if (*at != '/')
		return false;
	const char *rest = at + 1;
	return read_time(&rest, us) && !*rest;
}

/* "100ms..30s" */
bool config_read_backoff(struct span text, int64_t *from, int64_t *to)
{
	char t[64];
	const char *at = t;
	if (!whole_text(text, t) || !read_time(&at, from) || strncmp(at, "..", 2) != 0)
		return false;
	at += 2;
	return read_time(&at, to) && !*at;
}

static int check_time(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	int64_t us;
	if (!doc_is(v, DOC_STR) || !config_read_whole_time(v->text, &us))
		return config_refuse(p, v, "%s is a time like 250ms, 10s or 5m", k->name);
	if (us < k->min || us > k->max)
		return config_refuse(p, v, "%s is from %lldms to %llds", k->name,
			      (long long)(k->min / MS), (long long)(k->max / SECONDS));
	return 0;
}

static int check_rate(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	int64_t count, us;
	if (!doc_is(v, DOC_STR) || !config_read_rate(v->text, &count, &us))
		return config_refuse(p, v, "%s is so many in a time, like 5/30s", k->name);
	if (count > RESTART_INTENSITY_MAX || us < MS || us > k->max)
		return config_refuse(p, v, "%s is at most %d, in 1ms to %lldh", k->name,
			      RESTART_INTENSITY_MAX, (long long)(k->max / HOURS));
	return 0;
}

static int check_backoff(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	int64_t from, to;
	if (!doc_is(v, DOC_STR) || !config_read_backoff(v->text, &from, &to))
		return config_refuse(p, v, "%s is two times, like 100ms..30s", k->name);
	if (from < MS || to < from || to > k->max)
		return config_refuse(p, v, "%s goes up, from 1ms at least to %llds at most", k->name,
			      (long long)(k->max / SECONDS));
	return 0;
}

static int check_number(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	int64_t n = 0;
	if (k->type == KEY_BYTES && doc_is(v, DOC_STR)) {
		if (!config_read_bytes(v->text, &n))
			return config_refuse(p, v, "%s is a size like 8GiB", k->name);
	} else if (doc_is(v, DOC_INT)) {
		n = v->integer;
	} else {
		return config_refuse(p, v, "%s is a number", k->name);
	}
	if (n < k->min || n > k->max)
		return config_refuse(p, v, "%s is from %lld to %lld", k->name, (long long)k->min,
			      (long long)k->max);
	return 0;
}

/* As the API will ask for when the node registers: here the line is known. */
static int check_label(struct config_reader *p, const struct doc *v)
{
	int key = (int)v->key.len, value = (int)v->text.len;
	const char *why = name_qualified(v->key);
	if (why)
		return config_refuse(p, v, "'%.*s' is no label: %s", key, (const char *)v->key.data, why);
	if (node_label_is_own(v->key))
		return config_refuse(p, v, "'%.*s' is what a node's agent says", key, (const char *)v->key.data);
	if (!node_label_is_allowed(v->key))
		return config_refuse(p, v, "no node may give itself '%.*s': it is Kubernetes' own", key,
				     (const char *)v->key.data);
	if (!doc_is(v, DOC_STR))
		return config_refuse(p, v, "the value of '%.*s' is a text: set it in quotes", key,
				     (const char *)v->key.data);
	why = name_label_value(v->text);
	return why ? config_refuse(p, v, "'%.*s' is no label's value: %s", value, (const char *)v->text.data, why) : 0;
}

static int check_labels(struct config_reader *p, const struct config_key *k, const struct doc *map)
{
	if (!doc_is(map, DOC_MAP))
		return config_refuse(p, map, "%s is a map, like {disk: ssd}", k->name);
	if (map->count > NODE_LABELS_MAX)
		return config_refuse(p, map, "%s are at most %d", k->name, NODE_LABELS_MAX);
	DOC_EACH(v, map) {
		int rc = check_label(p, v);
		if (rc)
			return rc;
	}
	return 0;
}

/* `cpu: 4` and `cpu: 1.5` are what they look like; what is none would be refused by the API
 * for ever, when the node registers. */
static int check_quantity(struct config_reader *p, const struct config_key *k, struct doc *v)
{
	struct quantity q;
	if (doc_is(v, DOC_INT) || doc_is(v, DOC_DOUBLE)) {
		v->text = span_of(doc_is(v, DOC_INT) ? arena_printf(&p->c->arena, "%lld", (long long)v->integer)
						     : arena_printf(&p->c->arena, "%g", v->real));
		v->type = DOC_STR;
	}
	if (!doc_is(v, DOC_STR) || v->text.len >= CONFIG_QUANTITY_MAX || quantity_parse(v->text, &q))
		return config_refuse(p, v, "%s is a quantity like 4, 500m, 512Mi or 8Gi%s%.*s%s", k->name,
				     doc_is(v, DOC_STR) ? ", not '" : "",
				     doc_is(v, DOC_STR) ? (int)v->text.len : 0,
				     doc_is(v, DOC_STR) ? (const char *)v->text.data : "",
				     doc_is(v, DOC_STR) ? "'" : "");
	return q.nano > 0 ? 0 : config_refuse(p, v, "%s is more than nothing", k->name);
}

bool config_read_address(struct span text)
{
	char t[64], *end;
	struct in_addr host;
	char *colon = whole_text(text, t) ? strrchr(t, ':') : NULL;
	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	*colon = 0;
	long port = strtol(colon + 1, &end, 10);
	return !*end && port > 0 && port < 65536 && inet_pton(AF_INET, t, &host) == 1;
}

static int check_address(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	if (doc_is(v, DOC_STR) && config_read_address(v->text))
		return 0;
	return config_refuse(p, v, "%s is IPV4:PORT, like 127.0.0.1:6443", k->name);
}

static int check_node(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	if (!doc_is(v, DOC_STR)) /* n, no, y: YAML has more words for false and true than one thinks of */
		return config_refuse(p, v, "%s is a text: set it in quotes", k->name);
	const char *why = name_dns1123_subdomain(v->text);
	if (why)
		return config_refuse(p, v, "'%.*s' is no node's name: %s", (int)v->text.len,
				     (const char *)v->text.data, why);
	if (v->text.len > NODE_NAME_MAX)
		return config_refuse(p, v, "%s has at most %d bytes here", k->name, NODE_NAME_MAX);
	return 0;
}

/* Between commas, IPv4 or IPv6. */
static int check_ips(struct config_reader *p, const struct config_key *k, const struct doc *v)
{
	struct span list = doc_is(v, DOC_STR) ? v->text : span_of("-"), one;
	int64_t n = 0;
	while (span_next(&list, ',', &one)) {
		char t[64];
		struct in6_addr at;
		if (!whole_text(one, t) || (inet_pton(AF_INET, t, &at) != 1 && inet_pton(AF_INET6, t, &at) != 1))
			return config_refuse(p, v, "%s is addresses with commas between, like 127.0.0.1", k->name);
		n++;
	}
	return n < k->min || n > k->max ? config_refuse(p, v, "%s has %lld to %lld addresses", k->name,
							(long long)k->min, (long long)k->max)
					: 0;
}

static int check_value(struct config_reader *p, const struct config_key *k, struct doc *v)
{
	switch (k->type) {
	case KEY_TEXT:
		if (doc_is(v, DOC_BOOL) && !v->boolean && k->values &&
		    one_of(k->values, span_of("off")))
			return 0; /* `off` is YAML's word for false */
		if (k->values && !(doc_is(v, DOC_STR) && one_of(k->values, v->text)))
			return config_refuse(p, v, "%s is one of %s", k->name, k->values);
		if (!doc_is(v, DOC_STR))
			return config_refuse(p, v, "%s is a text: set it in quotes", k->name);
		return 0;
	case KEY_INT:
	case KEY_BYTES:
		return check_number(p, k, v);
	case KEY_BOOL:
		return doc_is(v, DOC_BOOL) ? 0 : config_refuse(p, v, "%s is true or false", k->name);
	case KEY_LIST:
		return doc_is(v, DOC_ARRAY) ? 0 : config_refuse(p, v, "%s is a list", k->name);
	case KEY_MAP:
		return doc_is(v, DOC_MAP) ? 0 : config_refuse(p, v, "%s is a map", k->name);
	case KEY_TIME:
		return check_time(p, k, v);
	case KEY_RATE:
		return check_rate(p, k, v);
	case KEY_BACKOFF:
		return check_backoff(p, k, v);
	case KEY_LABELS:
		return check_labels(p, k, v);
	case KEY_QUANTITY:
		return check_quantity(p, k, v);
	case KEY_ADDRESS:
		return check_address(p, k, v);
	case KEY_NODE:
		return check_node(p, k, v);
	case KEY_IPS:
		return check_ips(p, k, v);
	}
	return 0;
}

/* Every key of `map` is in the table of this place, or of `also`. */
int config_check_map(struct config_reader *p, struct doc *map, const char *place, const char *also)
{
	if (!doc_is(map, DOC_MAP))
		return config_refuse(p, map, "a map is expected here");
	DOC_EACH(v, map) {
		const struct config_key *k = config_find_key(place, v->key);
		if (!k && also)
			k = config_find_key(also, v->key);
		int rc = k ? check_value(p, k, v) : unknown_key(p, v, also ? also : place);
		if (rc)
			return rc;
	}
	return 0;
}
