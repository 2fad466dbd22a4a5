/* A v2 document as protobuf: one table per message of gnostic's
 * OpenAPIv2.proto that our documents use, and one walk over tree and tables.
 * Where that file wraps a map or a choice into a message of its own, the form
 * of the field says so. */
#include <string.h>

#include "actors/schema/json.h"
#include "actors/schema/openapi.h"
#include "actors/schema/protobuf_wire.h"

enum form {
	TEXT,
	TEXTS,
	FLAG,
	ANY,  /* Any{yaml}; JSON is YAML */
	ANYS, /* one for each in a list */
	MESSAGE,
	MESSAGES,
	NAMED,	   /* {1: repeated {1: key, 2: message}} */
	NAMED_TWO, /* the same with 2 outside: Paths */
	ONE_OF,	   /* {1: message} */
	TYPE,	   /* {1: repeated text}, from one text */
	ANSWERS,   /* {1: repeated {1: code, 2: {1: message}}} */
	ARGUMENT,  /* repeated {1: parameter}: of the body, the query or the path */
};

struct message;

struct form_field {
	const char *name;
	uint32_t number;
	enum form form;
	const struct message *message;
};

struct message {
	const struct form_field *fields; /* ends with a NULL name */
	uint32_t extensions;		 /* number of NamedAny for x-..., 0: none */
};

static const struct message schema_message;

static const struct form_field schema_fields[] = {
	{"$ref", 1, TEXT, NULL},
	{"format", 2, TEXT, NULL},
	{"description", 4, TEXT, NULL},
	{"default", 5, ANY, NULL},
	{"required", 19, TEXTS, NULL},
	{"enum", 20, ANYS, NULL},
	{"additionalProperties", 21, ONE_OF, &schema_message},
	{"type", 22, TYPE, NULL},
	{"items", 23, ONE_OF, &schema_message},
	{"allOf", 24, MESSAGES, &schema_message},
	{"properties", 25, NAMED, &schema_message},
	{NULL, 0, 0, NULL},
};
static const struct message schema_message = {schema_fields, 31};

static const struct form_field body_fields[] = {
	{"description", 1, TEXT, NULL},
	{"name", 2, TEXT, NULL},
	{"in", 3, TEXT, NULL},
	{"required", 4, FLAG, NULL},
	{"schema", 5, MESSAGE, &schema_message},
	{NULL, 0, 0, NULL},
};
static const struct message body_message = {body_fields, 6};
static const struct form_field query_fields[] = {
	{"required", 1, FLAG, NULL}, {"in", 2, TEXT, NULL},   {"description", 3, TEXT, NULL},
	{"name", 4, TEXT, NULL},     {"type", 6, TEXT, NULL}, {"uniqueItems", 20, FLAG, NULL},
	{NULL, 0, 0, NULL},
};
static const struct message query_message = {query_fields, 23};
static const struct form_field path_argument_fields[] = {
	{"required", 1, FLAG, NULL}, {"in", 2, TEXT, NULL},   {"description", 3, TEXT, NULL},
	{"name", 4, TEXT, NULL},     {"type", 5, TEXT, NULL}, {"uniqueItems", 19, FLAG, NULL},
	{NULL, 0, 0, NULL},
};
static const struct message path_argument_message = {path_argument_fields, 22};

static const struct form_field answer_fields[] = {
	{"description", 1, TEXT, NULL},
	{"schema", 2, ONE_OF, &schema_message},
	{NULL, 0, 0, NULL},
};
static const struct message answer_message = {answer_fields, 5};
static const struct form_field operation_fields[] = {
	{"tags", 1, TEXTS, NULL},
	{"description", 3, TEXT, NULL},
	{"operationId", 5, TEXT, NULL},
	{"produces", 6, TEXTS, NULL},
	{"consumes", 7, TEXTS, NULL},
	{"parameters", 8, ARGUMENT, NULL},
	{"responses", 9, ANSWERS, &answer_message},
	{NULL, 0, 0, NULL},
};
static const struct message operation_message = {operation_fields, 13};
static const struct form_field path_fields[] = {
	{"get", 2, MESSAGE, &operation_message},
	{"put", 3, MESSAGE, &operation_message},
	{"post", 4, MESSAGE, &operation_message},
	{"delete", 5, MESSAGE, &operation_message},
	{"patch", 8, MESSAGE, &operation_message},
	{"parameters", 9, ARGUMENT, NULL},
	{NULL, 0, 0, NULL},
};
static const struct message path_message = {path_fields, 10};
static const struct form_field info_fields[] = {
	{"title", 1, TEXT, NULL}, {"version", 2, TEXT, NULL}, {NULL, 0, 0, NULL}};
static const struct message info_message = {info_fields, 7};
static const struct form_field document_fields[] = {
	{"swagger", 1, TEXT, NULL},
	{"info", 2, MESSAGE, &info_message},
	{"paths", 8, NAMED_TWO, &path_message},
	{"definitions", 9, NAMED, &schema_message},
	{NULL, 0, 0, NULL},
};
static const struct message document_message = {document_fields, 16};

static void put_message(struct buf *out, const struct message *m, const struct doc *d);

static void put_nested(struct buf *out, uint32_t number, struct buf *inner)
{
	wire_put_bytes(out, number, span_buf(inner));
	buf_fini(inner);
}

static void put_any(struct buf *out, uint32_t number, const struct doc *d)
{
	struct buf text = {0}, any = {0};
	json_from_doc(&text, d);
	buf_putc(&text, '\n');
	wire_put_bytes(&any, 2, span_buf(&text));
	put_nested(out, number, &any);
	buf_fini(&text);
}

static void put_child(struct buf *out, uint32_t number, const struct message *m,
		      const struct doc *d)
{
	struct buf inner = {0};
	put_message(&inner, m, d);
	put_nested(out, number, &inner);
}

/* {1: key, 2: message} */
static void put_pair(struct buf *out, uint32_t number, const struct message *m, const struct doc *d,
		     bool wrapped)
{
	struct buf pair = {0}, value = {0};
	wire_put_bytes(&pair, 1, d->key);
	if (wrapped) {
		put_child(&value, 1, m, d);
		put_nested(&pair, 2, &value);
	} else {
		put_child(&pair, 2, m, d);
	}
	put_nested(out, number, &pair);
}

static void put_argument(struct buf *out, uint32_t number, const struct doc *d)
{
	struct buf item = {0}, one = {0}, other = {0};
	struct span in = doc_get_str(d, "in");
	if (span_is(in, "body")) {
		put_child(&one, 1, &body_message, d);
	} else {
		if (span_is(in, "path"))
			put_child(&other, 4, &path_argument_message, d);
		else
			put_child(&other, 3, &query_message, d);
		put_nested(&one, 2, &other);
	}
	put_nested(&item, 1, &one);
	put_nested(out, number, &item);
}

static void put_list(struct buf *out, const struct form_field *f, const struct doc *list)
{
	DOC_EACH(d, list)
	{
		if (f->form == TEXTS)
			wire_put_bytes(out, f->number, d->text);
		else if (f->form == ANYS)
			put_any(out, f->number, d);
		else if (f->form == ARGUMENT)
			put_argument(out, f->number, d);
		else
			put_child(out, f->number, f->message, d);
	}
}

static void put_map(struct buf *out, const struct form_field *f, const struct doc *map)
{
	struct buf inner = {0};
	DOC_EACH(d, map)
	put_pair(&inner, f->form == NAMED_TWO ? 2 : 1, f->message, d, f->form == ANSWERS);
	put_nested(out, f->number, &inner);
}

static void put_field(struct buf *out, const struct form_field *f, const struct doc *d)
{
	struct buf inner = {0};
	switch (f->form) {
	case TEXT:
		wire_put_bytes(out, f->number, d->text);
		break;
	case FLAG:
		wire_put_number(out, f->number, d->boolean);
		break;
	case ANY:
		put_any(out, f->number, d);
		break;
	case MESSAGE:
		put_child(out, f->number, f->message, d);
		break;
	case ONE_OF:
		put_child(&inner, 1, f->message, d);
		put_nested(out, f->number, &inner);
		break;
	case TYPE:
		wire_put_bytes(&inner, 1, d->text);
		put_nested(out, f->number, &inner);
		break;
	case NAMED:
	case NAMED_TWO:
	case ANSWERS:
		put_map(out, f, d);
		break;
	case TEXTS:
	case ANYS:
	case MESSAGES:
	case ARGUMENT:
		put_list(out, f, d);
		break;
	}
}

static void put_extension(struct buf *out, uint32_t number, const struct doc *d)
{
	struct buf pair = {0};
	wire_put_bytes(&pair, 1, d->key);
	put_any(&pair, 2, d);
	put_nested(out, number, &pair);
}

static void put_message(struct buf *out, const struct message *m, const struct doc *d)
{
	for (const struct form_field *f = m->fields; f->name; f++)
		if (doc_get(d, f->name))
			put_field(out, f, doc_get(d, f->name));
	DOC_EACH(x, d)
	{
		if (m->extensions && x->key.len > 2 && memcmp(x->key.data, "x-", 2) == 0)
			put_extension(out, m->extensions, x);
	}
}

void openapi_v2_protobuf(struct buf *out, const struct doc *document)
{
	put_message(out, &document_message, document);
}
