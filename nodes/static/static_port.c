#include "nodes/static/static_port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/mem.h"

enum { LOOK_AGAIN_US = 1000000 };

struct files {
	struct port *port;
	char *dir;
	int inotify, watched; /* watched: -1 while the directory is not there */
	struct loop_watch *watch;
	struct loop_hook *hook;
	uint64_t look_us; /* when it is looked for again */
	bool changed;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int not_hidden(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* Appends [name, bytes]. A file that goes or grows meanwhile will be read again. */
static bool put_file(struct files *f, int dir, const char *name, struct buf *out)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	struct buf text = {0};
	if (good && st.st_size > STATIC_FILE_BYTES_MAX) {
		log_warn("node", "%s/%s: larger than %d bytes", f->dir, name, STATIC_FILE_BYTES_MAX);
		good = false;
	}
	if (good) {
		buf_reserve(&text, (size_t)st.st_size + 1);
		ssize_t n;
		while (text.len < (size_t)st.st_size &&
		       (n = read(fd, text.data + text.len, (size_t)st.st_size - text.len)) > 0)
			text.len += (size_t)n;
		mpw_array(out, 2);
		mpw_str(out, name);
		mpw_bin(out, span_buf(&text));
	}
	buf_fini(&text);
	if (fd >= 0)
		close(fd);
	return good;
}

static size_t put_files(struct files *f, struct buf *out)
{
	struct dirent **names = NULL;
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), count;
	size_t n = 0;
	if (dir < 0)
		return 0;
	count = scandir(f->dir, &names, not_hidden, alphasort);
	for (int i = 0; i < count; i++) {
		if (n == STATIC_FILES_MAX)
			log_warn("node", "%s: more than %d files", f->dir, STATIC_FILES_MAX);
		if (n < STATIC_FILES_MAX && utf8_ok(span_of(names[i]->d_name)))
			n += put_file(f, dir, names[i]->d_name, out);
		free(names[i]);
	}
	free(names);
	close(dir);
	return n;
}

static void tell(struct files *f)
{
	struct buf b = {0};
	f->changed = false;
	mpw_map(&b, 1);
	mpw_str(&b, "files");
	size_t at = mpw_array_open(&b);
	mpw_array_close(&b, at, put_files(f, &b));
	if (port_deliver(f->port, STATIC_FILES, 0, 0, bytes_take(&b)))
		f->changed = true; /* the agent's queue is full: a little later */
	f->look_us = now_us() + LOOK_AGAIN_US;
}

static bool watch_directory(struct files *f)
{
	f->watched = inotify_add_watch(f->inotify, f->dir,
				       IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
					       IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	return f->watched >= 0;
}

static void on_change(void *arg, unsigned events)
{
	struct files *f = arg;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;
	(void)events;
	while ((n = read(f->inotify, bytes, sizeof bytes)) > 0)
		for (char *at = bytes; at < bytes + n;) {
			const struct inotify_event *e = (const struct inotify_event *)at;
			if (e->mask & IN_MOVE_SELF)
				inotify_rm_watch(f->inotify, f->watched);
			if (e->mask & (IN_IGNORED | IN_MOVE_SELF))
				f->watched = -1;
			at += sizeof *e + e->len;
		}
	f->changed = true;
}

/* All changes of a round are told once. */
static uint64_t before_sleep(void *arg)
{
	struct files *f = arg;
	uint64_t now;
	if (!f->changed && f->watched >= 0)
		return UINT64_MAX;
	now = now_us();
	if (f->watched < 0 && now >= f->look_us) {
		f->look_us = now + LOOK_AGAIN_US;
		f->changed = watch_directory(f) || f->changed;
	}
	if (f->changed)
		tell(f);
	return f->watched < 0 || f->changed ? LOOK_AGAIN_US : UINT64_MAX;
}

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	struct span dir = mp_path_str(cfg, "static-pods");
	struct files *f = mem_alloc(sizeof *f);
	f->port = port;
	f->dir = mem_ndup(dir.data, dir.len);
	f->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->inotify < 0) {
		int rc = err_set(e, ERR_IO, "static pods: inotify: %s", strerror(errno));
		free(f->dir);
		free(f);
		return rc;
	}
	watch_directory(f);
	f->watch = loop_add(port->loop, f->inotify, LOOP_READ, on_change, f);
	f->hook = loop_hook_add(port->loop, before_sleep, f);
	port->state = f;
	tell(f);
	return 0;
}

static void close_port(struct port *port)
{
	struct files *f = port->state;
	loop_hook_remove(f->hook);
	loop_remove(f->watch);
	close(f->inotify);
	free(f->dir);
	free(f);
}

static void call(struct port *port, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	(void)port, (void)op, (void)id, (void)arg, (void)payload;
}

const struct port_driver static_port_driver = {
	.name = "static-pods",
	.open = open_port,
	.call = call,
	.close = close_port,
};
