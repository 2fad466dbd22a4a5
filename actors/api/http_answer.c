#include "actors/api/http_answer.h"

#include <string.h>
#include <strings.h>

enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION, /* to the end of the size's line */
	CHUNK_DATA,
	CHUNK_DATA_END, /* the line's end behind the data */
	CHUNK_TRAILER,  /* a line's first byte: an empty one is the last */
	CHUNK_TRAILER_LINE,
};

bool http_word(struct span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

bool http_list_has(struct span list, struct span word)
{
	struct span one;
	while (span_next(&list, ',', &one))
		if (one.len == word.len &&
		    strncasecmp((const char *)one.data, (const char *)word.data, one.len) == 0)
			return true;
	return false;
}

/* ---- the head */

static bool is_token(struct span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');
		if (!plain && (!c || !strchr(others, c)))
			return false;
	}
	return s.len > 0;
}

static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
			return false;
	return true;
}

/* The line at *at, without its end. */
static bool take_line(struct span head, size_t *at, struct span *line)
{
	const uint8_t *end =
		*at < head.len ? memchr(head.data + *at, '\n', head.len - *at) : NULL;
	if (!end)
		return false;
	*line = (struct span){head.data + *at, (size_t)(end - head.data) - *at};
	*at += line->len + 1;
	if (line->len && line->data[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool split_field(struct span line, struct span *name, struct span *value)
{
	const uint8_t *colon = line.len ? memchr(line.data, ':', line.len) : NULL;
	if (!colon)
		return false;
	*name = (struct span){line.data, (size_t)(colon - line.data)};
	*value = span_trim((struct span){colon + 1, line.len - name->len - 1});
	return is_token(*name) && is_text(*value);
}

bool http_answer_field(const struct http_answer *a, size_t *at, struct span *name,
		       struct span *value)
{
	struct span line;
	if (!*at && !take_line(span_buf(&a->head), at, &line))
		return false;
	return take_line(span_buf(&a->head), at, &line) && split_field(line, name, value);
}

/* "HTTP/1.1 200 OK" */
static int status_of(struct span line)
{
	static const char start[] = "HTTP/1.";
	size_t n = sizeof start - 1;
	int code = 0;
	if (line.len < n + 5 || memcmp(line.data, start, n) != 0 || line.data[n] < '0' ||
	    line.data[n] > '1' || line.data[n + 1] != ' ' ||
	    (line.len > n + 5 && line.data[n + 5] != ' '))
		return 0;
	for (size_t i = n + 2; i < n + 5; i++) {
		if (line.data[i] < '0' || line.data[i] > '9')
			return 0;
		code = 10 * code + line.data[i] - '0';
	}
	return code < 100 ? 0 : code;
}

static int64_t length_of(struct span value)
{
	int64_t n = 0;
	if (!value.len || value.len > 18)
		return -1;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return -1;
		n = 10 * n + value.data[i] - '0';
	}
	return n;
}

static int malformed(struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID, "malformed HTTP response: %s", what);
}

/* Two lengths that differ are an attack on who reads the other one. */
static int note_field(struct http_answer *a, struct span name, struct span value, struct err *e)
{
	if (http_word(name, "Content-Length")) {
		int64_t n = length_of(value);
		if (n < 0 || (a->length >= 0 && a->length != n))
			return malformed(e, "Content-Length");
		a->length = n;
	} else if (http_word(name, "Transfer-Encoding") && !http_word(value, "identity")) {
		if (!http_word(value, "chunked"))
			return malformed(e, "Transfer-Encoding");
		a->framing = HTTP_BODY_CHUNKED;
	}
	return 0;
}

static void choose_framing(struct http_answer *a)
{
	bool none = a->to_head || a->status == 204 || a->status == 304;
	if (a->status == 101)
		a->framing = HTTP_BODY_TO_END;
	else if (none || (a->framing != HTTP_BODY_CHUNKED && a->length == 0))
		a->framing = HTTP_BODY_NONE;
	else if (a->framing != HTTP_BODY_CHUNKED)
		a->framing = a->length > 0 ? HTTP_BODY_LENGTH : HTTP_BODY_TO_END;
	a->left = a->framing == HTTP_BODY_LENGTH ? (uint64_t)a->length : 0;
	a->done = a->framing == HTTP_BODY_NONE;
}

static int read_head(struct http_answer *a, struct err *e)
{
	struct span head = span_buf(&a->head), line, name, value;
	size_t at = 0, lines = 0;
	int rc = 0;
	a->length = -1;
	a->framing = HTTP_BODY_TO_END;
	take_line(head, &at, &line);
	int status = status_of(line);
	if (!status)
		return malformed(e, "no status line");
	while (rc == 0 && take_line(head, &at, &line) && line.len) {
		if (++lines > HTTP_HEAD_LINES_MAX)
			return err_set(e, ERR_LIMIT, "the response has too many header lines");
		if (!split_field(line, &name, &value))
			return malformed(e, "a header line");
		rc = note_field(a, name, value, e);
	}
	if (rc == 0)
		a->status = status;
	return rc;
}

/* Whether the head is whole with the bytes that were taken. */
static bool take_head(struct http_answer *a, struct span *in)
{
	while (in->len && a->head.len <= HTTP_HEAD_BYTES_MAX) {
		const uint8_t *end = memchr(in->data, '\n', in->len);
		size_t n = end ? (size_t)(end - in->data) + 1 : in->len;
		buf_append(&a->head, in->data, n);
		in->data += n;
		in->len -= n;
		if (!end)
			return false;
		size_t line = a->head.len - a->line;
		if (a->line && (line == 1 || (line == 2 && a->head.data[a->line] == '\r')))
			return true;
		a->line = a->head.len;
	}
	return false;
}

int http_answer_head(struct http_answer *a, struct span *in, struct err *e)
{
	while (!a->status) {
		bool whole = take_head(a, in);
		if (a->head.len > HTTP_HEAD_BYTES_MAX)
			return err_set(e, ERR_LIMIT, "the response's header is larger than %d bytes",
				       HTTP_HEAD_BYTES_MAX);
		if (!whole)
			return ERR_AGAIN;
		int rc = read_head(a, e);
		if (rc)
			return rc;
		if (a->status < 200 && a->status != 101)
			*a = (struct http_answer){.to_head = a->to_head,
						  .head = {a->head.data, 0, a->head.cap}};
	}
	choose_framing(a);
	return 0;
}

/* ---- the body */

static void size_line_ended(struct http_answer *a)
{
	a->state = a->left ? CHUNK_DATA : CHUNK_TRAILER;
	a->passed = 0;
}

/* One byte of what is around the chunks. */
static int frame_byte(struct http_answer *a, uint8_t c)
{
	int digit = byte_hex(c);
	if (++a->passed > HTTP_HEAD_BYTES_MAX)
		return ERR_INVALID;
	switch (a->state) {
	case CHUNK_SIZE:
		if (digit >= 0) {
			a->left = a->left << 4 | (unsigned)digit;
			return ++a->digits > 15 ? ERR_INVALID : 0;
		}
		if (!a->digits || !(c == '\n' || c == '\r' || c == ';' || c == ' ' || c == '\t'))
			return ERR_INVALID;
		if (c == '\n')
			size_line_ended(a);
		else
			a->state = CHUNK_EXTENSION;
		return 0;
	case CHUNK_EXTENSION:
		if (c == '\n')
			size_line_ended(a);
		return 0;
	case CHUNK_DATA_END:
		if (c == '\n') {
			a->state = CHUNK_SIZE;
			a->left = a->digits = 0;
		}
		return c == '\n' || c == '\r' ? 0 : ERR_INVALID;
	case CHUNK_TRAILER:
		a->done = c == '\n';
		if (c != '\n' && c != '\r')
			a->state = CHUNK_TRAILER_LINE;
		return 0;
	default:
		if (c == '\n')
			a->state = CHUNK_TRAILER;
		return 0;
	}
}

static struct span take(struct http_answer *a, struct span *in, size_t max)
{
	size_t n = in->len < max ? in->len : max;
	if (a->framing != HTTP_BODY_TO_END && n > a->left)
		n = (size_t)a->left;
	struct span data = {in->data, n};
	in->data += n;
	in->len -= n;
	if (a->framing != HTTP_BODY_TO_END)
		a->left -= n;
	return data;
}

int http_answer_body(struct http_answer *a, struct span *in, size_t max, struct span *data,
		     struct err *e)
{
	*data = (struct span){0};
	if (a->framing != HTTP_BODY_CHUNKED) {
		if (!a->done)
			*data = take(a, in, max);
		a->done = a->done || (a->framing == HTTP_BODY_LENGTH && !a->left);
		return 0;
	}
	while (in->len && !a->done && !data->len) {
		if (a->state == CHUNK_DATA) {
			*data = take(a, in, max);
			if (!a->left)
				a->state = CHUNK_DATA_END;
			continue;
		}
		if (frame_byte(a, in->data[0]))
			return malformed(e, "a chunk");
		in->data++, in->len--;
	}
	return 0;
}

bool http_answer_closed(struct http_answer *a)
{
	if (a->framing == HTTP_BODY_TO_END)
		a->done = true;
	return a->done;
}

void http_answer_fini(struct http_answer *a)
{
	buf_fini(&a->head);
}
