/* `troupe send`: one message to an actor, for tests of the runtime and for
 * looking into it. Not for people: it goes around every rule of the API.
 *
 *	troupe send [--data-dir DIR] [--times N] ACTOR KIND [JSON]
 *
 * A request is answered on standard output. --times: asks again, as the same
 * message, until it is answered with something that will not change. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/json.h"
#include "tools/client.h"
#include "tools/commands.h"
#include "tools/host.h"

enum { TIMEOUT_MS = 2000, AGAIN_MS = 100 };

struct options {
	const char *data_dir, *to, *kind, *json;
	int times;
};

static bool parse(struct options *o, int argc, char **argv)
{
	const char **places[] = {&o->to, &o->kind, &o->json};
	size_t place = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--data-dir") == 0 && i + 1 < argc)
			o->data_dir = argv[++i];
		else if (strcmp(argv[i], "--times") == 0 && i + 1 < argc)
			o->times = atoi(argv[++i]);
		else if (place < sizeof places / sizeof *places)
			*places[place++] = argv[i];
		else
			return false;
	}
	return o->kind;
}

static int put_body(struct buf *b, const char *json, struct err *e)
{
	struct arena a = {0};
	struct doc *d = NULL;
	int rc = json_parse(&a, span_of(json), &d, NULL, e);
	if (rc == 0)
		doc_to_mp(b, d);
	arena_fini(&a);
	return rc;
}

static int request(struct client *cl, const struct options *o, const struct msg_row *row,
		   struct err *e)
{
	int rc = ERR_TIMEOUT;
	for (int i = 0; i < o->times; i++) {
		struct buf b = {0}, text = {0};
		struct mp reply;
		struct bytes *owner = NULL;
		if ((rc = put_body(&b, o->json, e)))
			return rc;
		if (i)
			client_again(cl);
		rc = client_request(cl, o->to, row->number, &b, TIMEOUT_MS, &reply, &owner, e);
		if (rc == 0) {
			json_from_mp(&text, reply);
			printf("%s\n", buf_text(&text));
			buf_fini(&text);
			bytes_unref(owner);
			return 0;
		}
		if (!err_retryable(rc))
			return rc;
		poll(NULL, 0, AGAIN_MS);
	}
	return rc;
}

int command_send(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir(), .json = "{}", .times = 1};
	struct client *cl = NULL;
	struct buf b = {0};
	struct err e = {0};
	if (!parse(&o, argc, argv)) {
		fprintf(stderr, "troupe send [--data-dir DIR] [--times N] ACTOR KIND [JSON]\n");
		return EXIT_USAGE;
	}
	const struct msg_row *row = catalogue_by_name(host_catalogue(), o.kind);
	int rc = row ? client_open(&cl, o.data_dir, TIMEOUT_MS, &e)
		     : err_set(&e, ERR_NOT_FOUND, "there is no message %s", o.kind);
	if (rc == 0 && row->class == CLASS_REQUEST) {
		rc = request(cl, &o, row, &e);
	} else if (rc == 0 && (rc = put_body(&b, o.json, &e)) == 0) {
		client_send(cl, o.to, row->number, &b);
	}
	client_close(cl);
	if (rc)
		fprintf(stderr, "troupe send: %s: %s\n", err_name(rc), e.text);
	return rc ? 1 : 0;
}
