/* The pods of a machine, from their directories: how an agent that was
 * restarted learns what is there before it talks to anybody. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "broker/base/omap.h"
#include "nodes/pause_link.h"

enum { FILE_BYTES_MAX = 4096 };

/* The whole of a small file; false when it is not there or too large. */
static bool slurp(const char *path, struct buf *out)
{
	out->len = 0;
	buf_reserve(out, FILE_BYTES_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out->data, FILE_BYTES_MAX) : -1;
	if (fd >= 0)
		close(fd);
	if (n < 0 || n == FILE_BYTES_MAX)
		return false;
	out->len = (size_t)n;
	return true;
}

static const char *join(struct buf *b, const char *dir, const char *name)
{
	b->len = 0;
	buf_puts(b, dir);
	buf_putc(b, '/');
	buf_puts(b, name);
	return buf_text(b);
}

bool pause_alive(const char *dir, pid_t *pid)
{
	struct buf path = {0}, text = {0};
	struct procid id;
	bool alive = slurp(join(&path, dir, PAUSE_PID_FILE), &text) &&
		     procid_read(span_buf(&text), &id) && procid_alive(&id);
	buf_fini(&path);
	buf_fini(&text);
	if (pid)
		*pid = alive ? id.pid : 0;
	return alive;
}

/* A directory's entries as keys, in byte order; the values mean nothing. */
static int names_of(const char *path, struct omap *names, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	if (!d)
		return errno == ENOENT ? 0 : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			omap_put(names, span_of(entry->d_name), names);
	closedir(d);
	return 0;
}

int pause_find(const char *pods_dir, int (*each)(void *arg, const struct pause_found *),
	       void *arg, struct err *e)
{
	struct omap names = {0};
	struct buf path = {0};
	struct stat st;
	int rc = names_of(pods_dir, &names, e);
	for (struct onode *n = omap_first(&names); n && rc == 0; n = omap_next(n)) {
		char *uid = mem_ndup(onode_key(n).data, onode_key(n).len);
		struct pause_found f = {.uid = uid, .dir = join(&path, pods_dir, uid)};
		if (stat(f.dir, &st) == 0 && S_ISDIR(st.st_mode)) {
			f.alive = pause_alive(f.dir, &f.pid);
			rc = each(arg, &f);
		}
		free(uid);
	}
	omap_fini(&names, NULL);
	buf_fini(&path);
	return rc;
}

/* Reads every record of one folder into `all`, by name and number; a later
 * folder's record replaces an earlier one's. */
static void collect(struct omap *all, const char *dir, const char *folder)
{
	struct omap names = {0};
	struct buf base = {0}, path = {0}, text = {0};
	names_of(join(&base, dir, folder), &names, NULL);
	for (struct onode *n = omap_first(&names); n; n = omap_next(n)) {
		char *name = mem_ndup(onode_key(n).data, onode_key(n).len);
		struct pause_attempt a;
		if (slurp(join(&path, buf_text(&base), name), &text) &&
		    mp_check(span_buf(&text), NULL) == 0 &&
		    pause_attempt_read(span_buf(&text), &a, NULL) == 0) {
			struct buf key = {0};
			buf_puts(&key, a.name);
			for (int shift = 24; shift >= 0; shift -= 8)
				buf_putc(&key, (char)(a.attempt >> shift));
			struct pause_attempt *kept = mem_alloc(sizeof *kept);
			*kept = a;
			free(omap_put(all, span_buf(&key), kept));
			buf_fini(&key);
		}
		free(name);
	}
	omap_fini(&names, NULL);
	buf_fini(&base);
	buf_fini(&path);
	buf_fini(&text);
}

int pause_recover(const char *dir, int (*each)(void *arg, const struct pause_attempt *), void *arg)
{
	struct omap all = {0};
	int rc = 0;
	collect(&all, dir, "starts");
	collect(&all, dir, "exits");
	for (struct onode *n = omap_first(&all); n && rc == 0; n = omap_next(n))
		rc = each(arg, n->value);
	omap_fini(&all, free);
	return rc;
}
