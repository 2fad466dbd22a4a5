#include "nodes/pause/oci_process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/proto.h"

static void put_text(struct buf *b, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	buf_putc(b, '"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\') {
			buf_putc(b, '\\');
			buf_putc(b, (char)*c);
		} else if (*c < ' ') {
			buf_puts(b, "\\u00");
			buf_putc(b, digits[*c >> 4]);
			buf_putc(b, digits[*c & 15]);
		} else {
			buf_putc(b, (char)*c);
		}
	}
	buf_putc(b, '"');
}

static bool ends_with(struct span s, const char *text)
{
	size_t n = strlen(text);
	return s.len >= n && memcmp(s.data + s.len - n, text, n) == 0;
}

/* A terminal has a kind, as containerd gives it. */
bool oci_process_put(struct span known, char *const *argv, bool tty, struct buf *out)
{
	static const char key[] = "\"TERM=";
	if (known.len < 4 || known.data[0] != '{' || !ends_with(known, "]}"))
		return false;
	buf_puts(out, tty ? "{\"terminal\":true,\"args\":[" : "{\"terminal\":false,\"args\":[");
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			buf_putc(out, ',');
		put_text(out, argv[i]);
	}
	buf_puts(out, "],");
	buf_append(out, known.data + 1, known.len - 3);
	if (tty && !memmem(known.data, known.len, key, sizeof key - 1)) {
		if (known.data[known.len - 3] != '[')
			buf_putc(out, ',');
		buf_puts(out, "\"TERM=xterm\"");
	}
	buf_puts(out, "]}");
	return true;
}

static bool read_all(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	struct stat st;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_size <= 4 * PAUSE_MESSAGE_BYTES_MAX) {
		buf_reserve(out, (size_t)st.st_size + 1);
		while ((n = read(fd, out->data + out->len, (size_t)st.st_size - out->len)) > 0)
			out->len += (size_t)n;
	}
	close(fd);
	return n == 0;
}

static int file_of(struct span text)
{
	int fd = memfd_create("process", 0);
	for (ssize_t n; fd >= 0 && text.len; text = (struct span){text.data + n, text.len - (size_t)n}) {
		n = write(fd, text.data, text.len);
		if (n < 0) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

int oci_process_open(const char *path, char *const *argv, bool tty)
{
	struct buf known = {0}, whole = {0};
	int fd = -1;
	errno = 0;
	if (!read_all(path, &known))
		errno = errno ? errno : EFBIG;
	else if (!oci_process_put(span_buf(&known), argv, tty, &whole))
		errno = EINVAL;
	else
		fd = file_of(span_buf(&whole));
	int number = errno;
	buf_fini(&known);
	buf_fini(&whole);
	errno = number;
	return fd;
}
