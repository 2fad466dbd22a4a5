#include "nodes/last_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mp.h"
#include "nodes/logs.h"
#include "nodes/pause_link.h"

/* As a kubelet has them. */
enum { BYTES_MAX = 4096, LOG_BYTES = 2048, LOG_LINES = 80 };

static const char *file_of(struct arena *a, const char *dir, const char *name, uint32_t attempt,
			   const char *end)
{
	return arena_printf(a, "%s/messages/%s.%u%s", dir, name, attempt, end);
}

static int make_file(const char *path, mode_t mode, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int rc = fd < 0 || fchmod(fd, mode) != 0
			 ? err_set(e, ERR_IO, "%s: %s", path, strerror(errno))
			 : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

int last_words_begin(struct arena *a, const char *dir, const char *name, uint32_t attempt,
		     struct span policy, const char **file, struct err *e)
{
	const char *folder = arena_printf(a, "%s/messages", dir);
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
	if (attempt >= 2) {
		unlink(file_of(a, dir, name, attempt - 2, ""));
		unlink(file_of(a, dir, name, attempt - 2, ".logs"));
	}
	if (file) {
		*file = file_of(a, dir, name, attempt, "");
		int rc = make_file(*file, 0666, e);
		if (rc)
			return rc;
	}
	return span_is(policy, "FallbackToLogsOnError")
		       ? make_file(file_of(a, dir, name, attempt, ".logs"), 0600, e)
		       : 0;
}

/* The end of it, as a kubelet: what was said last. */
static size_t read_message(const char *path, char *out)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = {.st_size = 0};
	if (fd >= 0)
		fstat(fd, &st);
	off_t from = st.st_size > BYTES_MAX ? st.st_size - BYTES_MAX : 0;
	ssize_t n = fd >= 0 ? pread(fd, out, BYTES_MAX, from) : -1;
	if (fd >= 0)
		close(fd);
	return n > 0 ? (size_t)n : 0;
}

static size_t read_log_end(const char *dir, const struct pause_attempt *at, struct buf *out)
{
	struct log_options o = {.tail_lines = LOG_LINES, .limit_bytes = -1};
	struct log_reader *r;
	if (log_open(&r, dir, at->name, at->attempt, &o, NULL))
		return 0;
	while (log_read(r, out) == 0)
		;
	log_close(r);
	if (out->len > LOG_BYTES) {
		memmove(out->data, out->data + out->len - LOG_BYTES, LOG_BYTES);
		out->len = LOG_BYTES;
	}
	return out->len;
}

/* Only text goes into a status. Of a character that was cut at its begin nothing is left. */
static void put_message(struct buf *b, struct span text)
{
	for (int i = 0; i < 3 && text.len && (text.data[0] & 0xc0) == 0x80; i++)
		text = (struct span){text.data + 1, text.len - 1};
	if (utf8_ok(text) && !(text.len && memchr(text.data, 0, text.len))) {
		mpw_kv_span(b, "message", text);
		return;
	}
	char *plain = mem_ndup(text.data, text.len);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)plain[i] >= 0x80 || !plain[i])
			plain[i] = '?';
	mpw_kv_str(b, "message", plain);
	free(plain);
}

void last_words_put(const char *dir, const struct pause_attempt *at, struct buf *b)
{
	struct arena a = {0};
	char message[BYTES_MAX];
	struct buf log = {0};
	size_t n = read_message(file_of(&a, dir, at->name, at->attempt, ""), message);
	if (n == 0 && at->code &&
	    access(file_of(&a, dir, at->name, at->attempt, ".logs"), F_OK) == 0 &&
	    read_log_end(dir, at, &log))
		put_message(b, span_buf(&log));
	else
		put_message(b, (struct span){(uint8_t *)message, n});
	buf_fini(&log);
	arena_fini(&a);
}
