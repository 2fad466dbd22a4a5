/* Identity of processes, from /proc. No stdio: the pause stays small. */
#include "nodes/pause/procid.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A small file's text; the length, or -1. */
static ssize_t slurp(const char *path, char *to, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, to, cap - 1);
	close(fd);
	if (n >= 0)
		to[n] = 0;
	return n;
}

static bool digits(struct span *text, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < text->len && text->data[i] >= '0' && text->data[i] <= '9'; i++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(text->data[i] - '0');
	}
	text->data += i;
	text->len -= i;
	*out = v;
	return i > 0;
}

static bool space(struct span *text)
{
	if (text->len == 0 || text->data[0] != ' ')
		return false;
	text->data++;
	text->len--;
	return true;
}

static void put_number(struct buf *out, uint64_t v)
{
	char text[24];
	size_t at = sizeof text;
	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_append(out, text + at, sizeof text - at);
}

/* State letter and start time of /proc/<pid>/stat. The name in field 2 may
 * hold anything, so fields are counted from the last ')'. */
static bool read_stat(pid_t pid, char *state, uint64_t *start_ticks)
{
	struct buf path = {0};
	char stat[1024];
	buf_puts(&path, "/proc/");
	put_number(&path, (uint64_t)pid);
	buf_puts(&path, "/stat");
	ssize_t n = slurp(buf_text(&path), stat, sizeof stat);
	buf_fini(&path);
	char *at = n > 0 ? strrchr(stat, ')') : NULL;
	if (!at || at[1] != ' ')
		return false;
	at += 2;
	*state = *at;
	for (int field = 3; field < 22; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
	}
	struct span rest = span_of(at);
	return digits(&rest, start_ticks);
}

static bool read_boot(char boot[PROC_BOOT_BYTES + 1])
{
	char text[64];
	if (slurp("/proc/sys/kernel/random/boot_id", text, sizeof text) < PROC_BOOT_BYTES)
		return false;
	memcpy(boot, text, PROC_BOOT_BYTES);
	boot[PROC_BOOT_BYTES] = 0;
	return true;
}

bool procid_of(pid_t pid, struct procid *out)
{
	char state;
	memset(out, 0, sizeof *out);
	out->pid = pid;
	return read_stat(pid, &state, &out->start_ticks) && read_boot(out->boot);
}

bool procid_alive(const struct procid *id)
{
	char state, boot[PROC_BOOT_BYTES + 1];
	uint64_t ticks;
	return id->pid > 0 && read_stat(id->pid, &state, &ticks) && state != 'Z' && state != 'X' &&
	       ticks == id->start_ticks && read_boot(boot) && strcmp(boot, id->boot) == 0;
}

void procid_write(const struct procid *id, struct buf *out)
{
	put_number(out, (uint64_t)id->pid);
	buf_putc(out, ' ');
	put_number(out, id->start_ticks);
	buf_putc(out, ' ');
	buf_puts(out, id->boot);
	buf_putc(out, '\n');
}

bool procid_read(struct span text, struct procid *out)
{
	uint64_t pid;
	memset(out, 0, sizeof *out);
	if (!digits(&text, &pid) || pid == 0 || pid > INT32_MAX || !space(&text) ||
	    !digits(&text, &out->start_ticks) || !space(&text))
		return false;
	if (text.len != PROC_BOOT_BYTES + 1 || text.data[PROC_BOOT_BYTES] != '\n')
		return false;
	out->pid = (pid_t)pid;
	memcpy(out->boot, text.data, PROC_BOOT_BYTES);
	return true;
}

pid_t procid_of_file(const char *path)
{
	char text[24] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	long pid = 0;
	for (const char *c = text; n > 0 && *c >= '0' && *c <= '9'; c++)
		pid = 10 * pid + (*c - '0');
	if (fd >= 0)
		close(fd);
	return pid > 1 ? (pid_t)pid : 0;
}
