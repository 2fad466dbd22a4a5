/* Removing a tree takes as long as it is large: a thread does it, one after the
 * other. Its results come back over a descriptor of the loop. */
#include "nodes/volume_port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/controllers/volume_port.h"
#include "broker/base/mem.h"

/* ---- a tree */

enum { DEPTH_MAX = 256 }; /* each holds a descriptor open; what is deeper is moved to the top */

struct removal {
	dev_t device;		  /* no other is entered */
	const atomic_bool *stop; /* gives up when it is set; NULL: never */
	int top;		 /* the tree's own directory */
	unsigned moved;		 /* to there */
};

static int empty(struct removal *r, int fd, int depth);
static int empty_top(struct removal *r, int fd);

/* Under a name that nobody has chosen. */
static int move_to_top(struct removal *r, int parent, const char *name)
{
	char to[32];
	int rc;
	do {
		snprintf(to, sizeof to, "..removed.%u", ++r->moved);
		rc = renameat2(parent, name, r->top, to, RENAME_NOREPLACE) ? -errno : 0;
	} while (rc == -EEXIST);
	return rc;
}

/* Opened below its parent and not by its path: what is moved or replaced by a
 * link meanwhile leads nowhere else. */
static int remove_at(struct removal *r, int parent, const char *name, int depth)
{
	struct stat st;
	if (r->stop && atomic_load(r->stop))
		return -ECANCELED;
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : -errno;
	int rc = fstat(dir, &st) ? -errno : st.st_dev != r->device ? -EXDEV : 0;
	if (rc || depth == DEPTH_MAX)
		close(dir);
	else
		rc = depth ? empty(r, dir, depth) : empty_top(r, dir);
	if (rc)
		return rc;
	if (depth == DEPTH_MAX)
		return move_to_top(r, parent, name);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Takes the descriptor over. */
static int empty(struct removal *r, int fd, int depth)
{
	int rc = 0;
	DIR *d = fdopendir(fd);
	if (!d) {
		rc = -errno;
		close(fd);
		return rc;
	}
	for (struct dirent *x; !rc && (x = readdir(d));)
		if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
			rc = remove_at(r, dirfd(d), x->d_name, depth + 1);
	closedir(d);
	return rc;
}

/* Until nothing more was moved to it. */
static int empty_top(struct removal *r, int fd)
{
	unsigned moved;
	int rc;
	r->top = fd;
	do {
		moved = r->moved;
		int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = again < 0 ? -errno : empty(r, again, 0);
	} while (!rc && r->moved != moved);
	close(fd);
	return rc;
}

int volume_remove_at(int parent, const char *name)
{
	struct stat st;
	struct removal r = {0};
	if (fstat(parent, &st))
		return ERR_IO;
	r.device = st.st_dev;
	return remove_at(&r, parent, name, 0) ? ERR_IO : 0;
}

int volume_remove_until(const char *dir, const char *name, const atomic_bool *stop, struct err *e)
{
	struct stat st;
	struct removal r = {.stop = stop};
	if (!*name || strchr(name, '/') || name[0] == '.')
		return err_set(e, ERR_INVALID, "\"%s\" is no name of a volume", name);
	int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_IO, "%s: %m", dir);
	int rc = fstat(parent, &st) ? -errno : 0;
	if (!rc) {
		r.device = st.st_dev;
		rc = remove_at(&r, parent, name, 0);
	}
	close(parent);
	return rc ? err_set(e, ERR_IO, "%s/%s: %s", dir, name, strerror(-rc)) : 0;
}

int volume_remove(const char *dir, const char *name, struct err *e)
{
	return volume_remove_until(dir, name, NULL, e);
}

/* ---- the port */

struct job {
	struct job *next;
	uint64_t id;
	int rc;
	struct err why;
	char name[256];
};

struct jobs {
	struct job *first, *last;
};

struct state {
	char *dir;
	int fd; /* an eventfd: something is done */
	struct loop_watch *watch;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	struct jobs asked, done;
	atomic_bool ends; /* also without the lock: what is removed now is given up */
};

static void push(struct jobs *q, struct job *j)
{
	j->next = NULL;
	if (q->last)
		q->last->next = j;
	else
		q->first = j;
	q->last = j;
}

static struct job *pop(struct jobs *q)
{
	struct job *j = q->first;
	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->last = NULL;
	return j;
}

static void *work(void *arg)
{
	struct state *s = arg;
	uint64_t one = 1;
	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct job *j;
		while (!s->ends && !s->asked.first)
			pthread_cond_wait(&s->more, &s->lock);
		if (s->ends)
			break;
		j = pop(&s->asked);
		pthread_mutex_unlock(&s->lock);
		j->rc = volume_remove_until(s->dir, j->name, &s->ends, &j->why);
		pthread_mutex_lock(&s->lock);
		push(&s->done, j);
		if (write(s->fd, &one, sizeof one) < 0)
			continue; /* it is readable already */
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void on_done(void *arg, unsigned events)
{
	struct port *p = arg;
	struct state *s = p->state;
	uint64_t count;
	(void)events;
	if (read(s->fd, &count, sizeof count) < 0)
		return;
	for (;;) {
		pthread_mutex_lock(&s->lock);
		struct job *j = pop(&s->done);
		pthread_mutex_unlock(&s->lock);
		if (!j)
			return;
		(void)port_deliver(p, VOLUME_REMOVED, j->id, j->rc != 0,
				   j->rc ? bytes_copy(j->why.text, strlen(j->why.text)) : NULL);
		free(j);
	}
}

static void call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct state *s = p->state;
	struct job *j;
	(void)arg;
	if (op != VOLUME_REMOVE || !payload)
		return;
	struct span name = bytes_span(payload);
	j = mem_alloc(sizeof *j);
	j->id = id;
	snprintf(j->name, sizeof j->name, "%.*s", (int)name.len, (const char *)name.data);
	pthread_mutex_lock(&s->lock);
	push(&s->asked, j);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static void state_free(struct state *s)
{
	struct job *j;
	while ((j = pop(&s->asked)) || (j = pop(&s->done)))
		free(j);
	if (s->fd >= 0)
		close(s->fd);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s);
}

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	struct span dir = mp_path_str(cfg, "volumes");
	struct state *s = mem_alloc(sizeof *s);
	s->dir = mem_ndup(dir.data, dir.len);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	if (s->fd < 0 || pthread_create(&s->thread, NULL, work, s)) {
		state_free(s);
		return err_set(e, ERR_IO, "volumes: no thread to remove directories");
	}
	s->watch = loop_add(p->loop, s->fd, LOOP_READ, on_done, p);
	p->state = s;
	return 0;
}

static void close_port(struct port *p)
{
	struct state *s = p->state;
	pthread_mutex_lock(&s->lock);
	s->ends = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	loop_remove(s->watch);
	state_free(s);
}

const struct port_driver volume_port_driver = {
	.name = "volumes",
	.open = open_port,
	.call = call,
	.close = close_port,
};
