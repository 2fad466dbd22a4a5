#include "nodes/pause/oci_words.h"

#include <string.h>

#define START "unable to start container process: "
#define NOT_FOUND "executable file not found in $PATH"
#define NO_SUCH "no such file or directory"

/* Moves past a word that they have in common. */
static bool take(struct span *s, const char *text)
{
	size_t n = strlen(text);
	if (s->len < n || memcmp(s->data, text, n) != 0)
		return false;
	*s = (struct span){s->data + n, s->len - n};
	return true;
}

static const uint8_t *find(struct span s, const char *text)
{
	return s.len ? memmem(s.data, s.len, text, strlen(text)) : NULL;
}

/* What is between here and `end`, which is taken too. */
static bool take_to(struct span *s, const char *end, struct span *out)
{
	const uint8_t *at = find(*s, end);
	if (!at)
		return false;
	*out = (struct span){s->data, (size_t)(at - s->data)};
	*s = (struct span){at, s->len - out->len};
	return take(s, end);
}

static void put(struct buf *out, struct span s)
{
	buf_append(out, s.data, s.len);
}

static void put_quoted(struct buf *out, const char *before, struct span s)
{
	buf_puts(out, before);
	buf_putc(out, '"');
	put(out, s);
	buf_putc(out, '"');
}

/* An errno's text as Go has it: in lower case. */
static void put_errno(struct buf *out, struct span s)
{
	size_t at = out->len;
	put(out, s);
	if (s.len && out->data[at] >= 'A' && out->data[at] <= 'Z')
		out->data[at] = (uint8_t)(out->data[at] + 'a' - 'A');
}

static void put_missing(struct buf *out, struct span file)
{
	put_quoted(out, START "exec: ", file);
	if (!memchr(file.data, '/', file.len)) {
		buf_puts(out, ": " NOT_FOUND);
		return;
	}
	buf_puts(out, ": stat ");
	put(out, file);
	buf_puts(out, ": " NO_SUCH);
}

static void put_exec(struct buf *out, struct span file, struct span number)
{
	if (!file.len) { /* crun looks for it, and finds a directory */
		put_quoted(out, START "exec: ", file);
		buf_puts(out, ": " NOT_FOUND);
		return;
	}
	put_quoted(out, START "exec: ", file);
	buf_puts(out, ": ");
	put_errno(out, number);
}

/* crun's: MESSAGE: ERRNO; newer ones name the file in some that older ones do not. */
static bool put_crun(struct buf *out, struct span said, struct span word)
{
	struct span file;
	if (take(&said, "executable file `") && take_to(&said, "`", &file) && file.len) {
		put_missing(out, file);
	} else if (take(&said, "open executable: ") || take(&said, "exec: ")) {
		put_exec(out, word, said);
	} else if (take(&said, "exec container process ") && take_to(&said, "`", &file) &&
		   take_to(&said, "`: ", &file)) {
		put_exec(out, file, said);
	} else if ((take(&said, "chdir `") || take(&said, "chdir to `")) &&
		   (take_to(&said, "`: ", &file) || take_to(&said, "` failed: ", &file))) {
		put_quoted(out, START "chdir to cwd (", file);
		buf_puts(out, ") set in config.json failed: ");
		put_errno(out, said);
	} else {
		return false;
	}
	return true;
}

void oci_words(struct span said, struct span word, struct buf *out)
{
	const uint8_t *at = find(said, START);
	if (at)
		put(out, (struct span){at, said.len - (size_t)(at - said.data)});
	else if (!put_crun(out, said, word))
		put(out, said);
	buf_puts(out, ": unknown");
}

int oci_words_code(struct span words)
{
	const uint8_t *at = find(words, "exec: \"");
	if (at) {
		struct span of = {at, words.len - (size_t)(at - words.data)};
		return find(of, NOT_FOUND) || find(of, NO_SUCH) ? 127 : 126;
	}
	return find(words, "chdir to cwd (") ? 126 : 0;
}
