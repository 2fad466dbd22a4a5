#include "actors/api/http_links.h"

#include <strings.h>

enum state { TEXT, TAG_OPEN, TAG, DECLARATION, COMMENT, RAW };

/* Which attributes of which elements are links. */
static const struct {
	const char *element, *attributes[5];
} links[] = {
	{"a", {"href"}},
	{"applet", {"codebase"}},
	{"area", {"href"}},
	{"audio", {"src"}},
	{"base", {"href"}},
	{"blockquote", {"cite"}},
	{"body", {"background"}},
	{"button", {"formaction"}},
	{"command", {"icon"}},
	{"del", {"cite"}},
	{"embed", {"src"}},
	{"form", {"action"}},
	{"frame", {"longdesc", "src"}},
	{"head", {"profile"}},
	{"html", {"manifest"}},
	{"iframe", {"longdesc", "src"}},
	{"img", {"longdesc", "src", "usemap"}},
	{"input", {"formaction", "src", "usemap"}},
	{"ins", {"cite"}},
	{"link", {"href"}},
	{"object", {"classid", "codebase", "data", "usemap"}},
	{"q", {"cite"}},
	{"script", {"src"}},
	{"source", {"src"}},
	{"video", {"poster", "src"}},
};

/* Elements whose content is text, up to their end tag. */
static const char *const raw_elements[] = {"script",   "style",	  "textarea", "title",
					   "xmp",      "iframe",  "noembed",  "noframes"};

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(struct span s, const char *word)
{
	return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

static bool is_link(struct span element, struct span attribute)
{
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		if (!is_word(element, links[i].element))
			continue;
		for (const char *const *a = links[i].attributes; *a; a++)
			if (is_word(attribute, *a))
				return true;
	}
	return false;
}

/* ---- a whole tag: "<a href=/x>" */

static size_t skip_space(struct span tag, size_t at)
{
	while (at < tag.len && byte_is_space(tag.data[at]))
		at++;
	return at;
}

static struct span word_at(struct span tag, size_t at, const char *ends)
{
	size_t end = at;
	while (end < tag.len && !byte_is_space(tag.data[end]) && !strchr(ends, tag.data[end]))
		end++;
	return (struct span){tag.data + at, end - at};
}

/* The value that begins at *at, without its quotes; *at is behind it then. */
static struct span value_at(struct span tag, size_t *at)
{
	uint8_t quote = *at < tag.len ? tag.data[*at] : 0;
	struct span value;
	if (quote != '"' && quote != '\'') {
		value = word_at(tag, *at, ">");
		*at += value.len;
		return value;
	}
	const uint8_t *from = tag.data + *at + 1;
	const uint8_t *end = memchr(from, quote, tag.len - *at - 1);
	value = (struct span){from, end ? (size_t)(end - from) : tag.len - *at - 1};
	*at += value.len + (end ? 2 : 1);
	return value;
}

static void write_tag(struct http_links *l, struct buf *out, struct span tag)
{
	struct span element = word_at(tag, 1, "/>");
	size_t at = 1 + element.len, done = 0;
	while (at < tag.len) {
		at = skip_space(tag, at);
		struct span name = word_at(tag, at, "=/>");
		at += name.len ? name.len : at < tag.len;
		size_t equals = skip_space(tag, at);
		if (!name.len || equals >= tag.len || tag.data[equals] != '=')
			continue;
		at = skip_space(tag, equals + 1);
		struct span value = value_at(tag, &at);
		if (!is_link(element, name))
			continue;
		buf_append(out, tag.data + done, (size_t)(value.data - tag.data) - done);
		proxy_location_write(out, &l->at, value);
		done = (size_t)(value.data - tag.data) + value.len;
	}
	buf_append(out, tag.data + done, tag.len - done);
}

static const char *raw_of(struct span tag)
{
	struct span element = word_at(tag, 1, "/>");
	for (size_t i = 0; i < sizeof raw_elements / sizeof *raw_elements; i++)
		if (is_word(element, raw_elements[i]))
			return raw_elements[i];
	return NULL;
}

static void end_tag(struct http_links *l, struct buf *out)
{
	struct span tag = span_buf(&l->held);
	l->raw = raw_of(tag);
	l->state = l->raw ? RAW : TEXT;
	l->matched = 0;
	write_tag(l, out, tag);
	l->held.len = 0;
}

static void let_go(struct http_links *l, struct buf *out, enum state next)
{
	buf_append(out, l->held.data, l->held.len);
	l->held.len = 0;
	l->state = next;
	l->matched = 0;
}

/* ---- byte by byte, where it is no text */

/* Whether a quote behind it begins a value. */
static bool awaits_value(struct span tag)
{
	while (tag.len && byte_is_space(tag.data[tag.len - 1]))
		tag.len--;
	return tag.len && tag.data[tag.len - 1] == '=';
}

static void tag_byte(struct http_links *l, struct buf *out, uint8_t c)
{
	bool quote = c == '"' || c == '\'';
	if (l->quote)
		l->quote = c == (uint8_t)l->quote ? 0 : l->quote;
	else if (quote && awaits_value(span_buf(&l->held)))
		l->quote = (char)c;
	buf_putc(&l->held, (char)c);
	if (!l->quote && c == '>')
		end_tag(l, out);
	if (l->state == TAG && l->held.len > HTTP_TAG_BYTES_MAX) {
		l->quote = 0;
		let_go(l, out, TEXT);
	}
}

static void open_byte(struct http_links *l, struct buf *out, uint8_t c)
{
	struct span held;
	buf_putc(&l->held, (char)c);
	held = span_buf(&l->held);
	if (held.len == 2 && is_letter(c))
		l->state = TAG, l->quote = 0;
	else if (held.len == 2 && c != '!')
		let_go(l, out, TEXT); /* an end tag has no links */
	else if (held.len == 4 && memcmp(held.data, "<!--", 4) == 0)
		let_go(l, out, COMMENT);
	else if (held.len > 2 && c != '-')
		let_go(l, out, c == '>' ? TEXT : DECLARATION);
}

/* Up to "-->". */
static void comment_byte(struct http_links *l, struct buf *out, uint8_t c)
{
	buf_putc(out, (char)c);
	if (c == '-')
		l->matched = l->matched < 2 ? l->matched + 1 : 2;
	else if (c == '>' && l->matched == 2)
		l->state = TEXT;
	else
		l->matched = 0;
}

/* Up to "</script": what follows is text again. */
static void raw_byte(struct http_links *l, struct buf *out, uint8_t c)
{
	size_t n = l->matched;
	uint8_t lower = is_letter(c) ? c | 0x20 : c;
	uint8_t want = n == 0 ? '<' : n == 1 ? '/' : (uint8_t)l->raw[n - 2];
	buf_putc(out, (char)c);
	l->matched = lower == want ? n + 1 : c == '<';
	if (l->matched == 2 + strlen(l->raw)) {
		l->raw = NULL;
		l->state = TEXT;
	}
}

void http_links_write(struct http_links *l, struct buf *out, struct span piece)
{
	buf_reserve(out, piece.len);
	while (piece.len) {
		const uint8_t *tag;
		uint8_t c = *piece.data;
		size_t n = 1;
		switch ((enum state)l->state) {
		case TEXT:
			tag = memchr(piece.data, '<', piece.len);
			n = tag ? (size_t)(tag - piece.data) : piece.len;
			buf_append(out, piece.data, n);
			if (tag) {
				buf_putc(&l->held, '<');
				l->state = TAG_OPEN;
				n++;
			}
			break;
		case TAG_OPEN:
			open_byte(l, out, c);
			break;
		case TAG:
			tag_byte(l, out, c);
			break;
		case DECLARATION:
			buf_putc(out, (char)c);
			if (c == '>')
				l->state = TEXT;
			break;
		case COMMENT:
			comment_byte(l, out, c);
			break;
		case RAW:
			raw_byte(l, out, c);
			break;
		}
		piece.data += n;
		piece.len -= n;
	}
}

void http_links_end(struct http_links *l, struct buf *out)
{
	let_go(l, out, TEXT);
}

void http_links_fini(struct http_links *l)
{
	buf_fini(&l->held);
}
