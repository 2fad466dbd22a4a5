/* `troupe tail`: every committed change, in order, none missing.
 *
 * The bus only wakes it; the events come from the store, page by page after
 * the last one printed. So a tail that is slow, stopped or resumed (--from-rev)
 * loses nothing, and never slows anybody. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/runtime/messages.h"
#include "actors/schema/json.h"
#include "broker/base/mem.h"
#include "store/store.h"
#include "tools/client.h"
#include "tools/commands.h"

enum { TIMEOUT_MS = 5000, IDLE_MS = 2000, EXIT_COMPACTED = 6 };

struct options {
	const char *data_dir, *kind, *namespace, *actor;
	uint64_t from; /* revision; 0: what is new */
	bool json, body, follow;
	long count;
};

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"from-rev", 'R', "REV", 0, "begin with this revision, not with what is new", 0},
	{"kind", 'k', "STREAM", 0, "only this kind, like pods or events", 0},
	{"ns", 'n', "NAME", 0, "only this namespace", 0},
	{"actor", 'a', "TEXT", 0, "only what was written by a principal that contains TEXT", 0},
	{"output", 'o', "FORM", 0, "table or json (lines)", 0},
	{"body", 'b', NULL, 0, "the objects too (never of secrets)", 0},
	{"no-follow", 'x', NULL, 0, "stop at the end", 0},
	{"count", 'c', "N", 0, "stop after N lines", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end = NULL;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		break;
	case 'R':
		o->from = strtoull(arg, &end, 10);
		if (*end || !o->from)
			argp_error(state, "--from-rev takes a revision, not '%s'", arg);
		break;
	case 'k':
		o->kind = arg;
		break;
	case 'n':
		o->namespace = arg;
		break;
	case 'a':
		o->actor = arg;
		break;
	case 'o':
		if (strcmp(arg, "json") && strcmp(arg, "table"))
			argp_error(state, "--output takes table or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		break;
	case 'b':
		o->body = true;
		break;
	case 'x':
		o->follow = false;
		break;
	case 'c':
		o->count = strtol(arg, &end, 10);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.doc = "Shows every change of the cluster as it is committed. Exit code 6: the revision "
	       "asked for is not kept any more.",
};

struct change {
	uint64_t version;
	struct span stream, namespace, name, who, value;
	const char *verb;
};

static bool read_change(struct mp body, struct change *out)
{
	struct mp v;
	uint64_t was = 0;
	memset(out, 0, sizeof *out);
	if (!mp_find(body, "version", &v) || mp_u64(&v, &out->version))
		return false;
	if (mp_find(body, "was", &v))
		mp_u64(&v, &was);
	struct span key = mp_path_str(body, "key");
	out->stream = store_stream_of(key);
	out->name = (struct span){key.data + out->stream.len + 1, key.len - out->stream.len - 1};
	const uint8_t *slash = memchr(out->name.data, '/', out->name.len);
	if (slash) {
		out->namespace = (struct span){out->name.data, (size_t)(slash - out->name.data)};
		out->name.len -= out->namespace.len + 1;
		out->name.data = slash + 1;
	}
	out->who = mp_path_str(body, "who");
	if (mp_find(body, "value", &v))
		mp_raw(&v, &out->value);
	bool gone = out->value.len == 1 && out->value.data[0] == 0xc0;
	out->verb = gone ? "deleted" : was ? "modified" : "added";
	return true;
}

static bool wanted(const struct options *o, const struct change *c)
{
	if (o->kind && !span_is(c->stream, o->kind))
		return false;
	if (o->namespace && !span_is(c->namespace, o->namespace))
		return false;
	return !o->actor || memmem(c->who.data, c->who.len, o->actor, strlen(o->actor));
}

static void print_json(const struct options *o, const struct change *c)
{
	struct buf b = {0};
	buf_printf(&b, "{\"rev\":%llu,\"version\":\"%llu\",\"verb\":\"%s\",\"kind\":",
		   (unsigned long long)(c->version >> STORE_POSITION_BITS),
		   (unsigned long long)c->version, c->verb);
	json_string(&b, c->stream);
	buf_puts(&b, ",\"namespace\":");
	json_string(&b, c->namespace);
	buf_puts(&b, ",\"name\":");
	json_string(&b, c->name);
	buf_puts(&b, ",\"actor\":");
	json_string(&b, c->who);
	if (o->body && c->value.len > 1 && !span_is(c->stream, "secrets")) {
		buf_puts(&b, ",\"object\":");
		json_object(&b, mp_of(c->value), c->version);
	}
	buf_puts(&b, "}\n");
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
}

/* What is worth a word about the object, in one column. */
static void print_note(const struct change *c)
{
	if (c->value.len <= 1)
		return;
	struct mp m = mp_of(c->value);
	static const char *const paths[] = {"status.phase", "spec.nodeName", "reason", "message"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct span s = mp_path_str(m, paths[i]);
		if (s.len)
			printf(" %.*s", (int)(s.len < 100 ? s.len : 100), (const char *)s.data);
	}
}

static void print_table(const struct change *c)
{
	printf("r%-8llu %-8s %-16.*s %.*s%s%.*s", (unsigned long long)(c->version >> STORE_POSITION_BITS),
	       c->verb, (int)c->stream.len, (const char *)c->stream.data, (int)c->namespace.len,
	       (const char *)c->namespace.data, c->namespace.len ? "/" : "", (int)c->name.len,
	       (const char *)c->name.data);
	printf("  (%.*s)", (int)c->who.len, (const char *)c->who.data);
	print_note(c);
	printf("\n");
}

/* Prints what is after *last. 0; or the exit code. */
static int print_page(struct client *cl, const struct options *o, uint64_t *last, long *printed,
		      bool *more)
{
	struct buf b = {0};
	struct mp reply, list;
	struct bytes *owner = NULL;
	struct err e = {0};
	size_t n = 0;
	mpw_map(&b, 3);
	mpw_kv_str(&b, "stream", o->kind ? o->kind : "");
	mpw_kv_u64(&b, "after", *last);
	mpw_kv_u64(&b, "limit", 500);
	*more = false;
	int rc = client_request(cl, "store", MSG_STORE_EVENTS, &b, TIMEOUT_MS, &reply, &owner, &e);
	if (rc == ERR_COMPACTED) {
		fprintf(stderr, "troupe tail: revision %llu is not kept any more: %s\n",
			(unsigned long long)(*last >> STORE_POSITION_BITS), e.text);
		return EXIT_COMPACTED;
	}
	if (rc) { /* the store is being started again: the next round asks again */
		return 0;
	}
	*more = mp_path_bool(reply, "more", false);
	if (mp_find(reply, "events", &list))
		mp_array(&list, &n);
	for (size_t i = 0; i < n && (!o->count || *printed < o->count); i++) {
		struct change c;
		struct mp body = list;
		mp_skip(&list);
		if (!read_change(body, &c))
			continue;
		*last = c.version;
		if (!wanted(o, &c))
			continue;
		if (o->json)
			print_json(o, &c);
		else
			print_table(&c);
		(*printed)++;
	}
	fflush(stdout);
	bytes_unref(owner);
	return 0;
}

static int where_it_is(struct client *cl, uint64_t *last, struct err *e)
{
	struct buf b = {0};
	struct mp reply, v;
	struct bytes *owner = NULL;
	mpw_map(&b, 3);
	mpw_kv_str(&b, "stream", "");
	mpw_kv_u64(&b, "after", UINT64_MAX >> 1);
	mpw_kv_u64(&b, "limit", 1);
	int rc = client_request(cl, "store", MSG_STORE_EVENTS, &b, TIMEOUT_MS, &reply, &owner, e);
	if (rc == 0 && mp_find(reply, "head", &v))
		mp_u64(&v, last);
	bytes_unref(owner);
	return rc;
}

static int run(struct client *cl, const struct options *o, struct err *e)
{
	uint64_t last = o->from ? store_version(o->from, 0) - 1 : 0;
	long printed = 0;
	int rc = o->from ? 0 : where_it_is(cl, &last, e);
	while (rc == 0) {
		bool more;
		rc = print_page(cl, o, &last, &printed, &more);
		if (rc || (o->count && printed >= o->count) || (!more && !o->follow))
			break;
		if (!more)
			client_wait(cl, IDLE_MS);
	}
	return rc;
}

int command_tail(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir(), .follow = true};
	struct client *cl = NULL;
	struct err e = {0};
	argv[0] = (char *)"troupe tail";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	signal(SIGPIPE, SIG_DFL);
	int rc = client_open(&cl, o.data_dir, TIMEOUT_MS, &e);
	if (rc == 0) {
		client_subscribe_all(cl);
		rc = run(cl, &o, &e);
	}
	client_close(cl);
	if (rc < 0)
		fprintf(stderr, "troupe tail: %s\n", e.text);
	return rc < 0 ? 1 : rc;
}
