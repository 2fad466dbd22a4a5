#include "nodes/images/name.h"

#include <ctype.h>
#include <string.h>

enum { NAME_BYTES_MAX = 255, TAG_BYTES_MAX = 128, HEX_MIN = 32 };

static bool is_small(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(uint8_t c)
{
	return is_small(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* What may stand between two runs of letters: one dot, one or two _, any -. */
static bool is_separator(struct span s)
{
	size_t dashes = 0;
	while (dashes < s.len && s.data[dashes] == '-')
		dashes++;
	return dashes == s.len || span_is(s, ".") || span_is(s, "_") || span_is(s, "__");
}

/* "library", "my-app": a part of a repository between slashes. */
static bool is_part(struct span s)
{
	size_t i = 0;
	while (i < s.len) {
		size_t from = i;
		while (i < s.len && is_small(s.data[i]))
			i++;
		if (i == from)
			return false; /* two separators, or one at an end */
		if (i == s.len)
			return true;
		from = i;
		while (i < s.len && !is_small(s.data[i]))
			i++;
		if (!is_separator((struct span){s.data + from, i - from}))
			return false;
	}
	return false;
}

static bool is_repository(struct span s)
{
	for (;;) {
		const uint8_t *slash = s.len ? memchr(s.data, '/', s.len) : NULL;
		size_t n = slash ? (size_t)(slash - s.data) : s.len;
		if (!is_part((struct span){s.data, n}))
			return false;
		if (!slash)
			return true;
		s = (struct span){slash + 1, s.len - n - 1};
	}
}

static bool is_tag(struct span s)
{
	if (!s.len || s.len > TAG_BYTES_MAX || !is_word(s.data[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_word(s.data[i]) && s.data[i] != '.' && s.data[i] != '-')
			return false;
	return true;
}

static bool is_digest(struct span s)
{
	const uint8_t *colon = s.len ? memchr(s.data, ':', s.len) : NULL;
	size_t at = colon ? (size_t)(colon - s.data) : 0;
	if (!at || s.len - at - 1 < HEX_MIN)
		return false;
	for (size_t i = at + 1; i < s.len; i++)
		if (!isxdigit(s.data[i]))
			return false;
	return true;
}

/* Letters, digits, dots and dashes, and a port. */
static bool is_registry(struct span s)
{
	bool port = false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.data[i];
		if (c == ':' && i > 0 && i + 1 < s.len && !port)
			port = true;
		else if (port ? !isdigit(c) : !isalnum(c) && c != '.' && c != '-')
			return false;
	}
	return s.len > 0;
}

/* Whether what stands before the first slash is a machine and no folder. */
static bool names_registry(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] == '.' || s.data[i] == ':' || isupper(s.data[i]))
			return true;
	return span_is(s, "localhost");
}

static int refuse(struct err *e, struct span text, const char *why)
{
	return err_set(e, ERR_INVALID, "image name \"%.*s\": %s", (int)text.len,
		       (const char *)text.data, why);
}

/* Takes "@DIGEST" and ":TAG" off the end. */
static bool take_ends(struct arena *a, struct span *s, struct image_name *out)
{
	const uint8_t *at = memchr(s->data, '@', s->len);
	if (at) {
		struct span digest = {at + 1, s->len - (size_t)(at + 1 - s->data)};
		if (!is_digest(digest))
			return false;
		out->digest = arena_ndup(a, digest.data, digest.len);
		s->len = (size_t)(at - s->data);
	}
	size_t i = s->len;
	while (i > 0 && s->data[i - 1] != ':' && s->data[i - 1] != '/')
		i--;
	if (i == 0 || s->data[i - 1] == '/')
		return true;
	struct span tag = {s->data + i, s->len - i};
	if (!is_tag(tag))
		return false;
	out->tag = arena_ndup(a, tag.data, tag.len);
	s->len = i - 1;
	return true;
}

static bool has_capital(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (isupper(s.data[i]))
			return true;
	return false;
}

int image_name_parse(struct arena *a, struct span text, struct image_name *out, struct err *e)
{
	struct span s = text;
	*out = (struct image_name){.registry = "docker.io"};
	if (!s.len || !take_ends(a, &s, out) || !s.len)
		return refuse(e, text, "invalid reference format");
	const uint8_t *slash = memchr(s.data, '/', s.len);
	struct span first = {s.data, slash ? (size_t)(slash - s.data) : 0};
	if (slash && names_registry(first)) {
		if (!is_registry(first))
			return refuse(e, text, "invalid reference format");
		out->registry = span_is(first, "index.docker.io")
					? "docker.io"
					: arena_ndup(a, first.data, first.len);
		s = (struct span){slash + 1, s.len - first.len - 1};
	}
	if (s.len > NAME_BYTES_MAX)
		return refuse(e, text, "repository name must not be more than 255 characters");
	if (!is_repository(s))
		return refuse(e, text, has_capital(s) ? "repository name must be lowercase"
						      : "invalid reference format");
	bool official = strcmp(out->registry, "docker.io") == 0 && !memchr(s.data, '/', s.len);
	out->repository = arena_printf(a, "%s%.*s", official ? "library/" : "", (int)s.len,
				       (const char *)s.data);
	if (!out->tag && !out->digest)
		out->tag = "latest";
	return 0;
}

const char *image_name_text(struct arena *a, const struct image_name *n)
{
	return arena_printf(a, "%s/%s%s%s", n->registry, n->repository, n->digest ? "@" : ":",
			    n->digest ? n->digest : n->tag);
}
