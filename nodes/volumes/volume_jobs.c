#include "nodes/volumes/volume_jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/volume_port.h"
#include "nodes/volumes/volume_files.h"
#include "nodes/volumes/volume_plan.h"

enum { WORKERS = 2 };

enum job_kind { JOB_APPLY, JOB_CLEAR, JOB_REMOVE };

struct job {
	struct job *next;
	enum job_kind kind;
	uint64_t id;
	char *dir;
	struct bytes *list;	  /* JOB_APPLY */
	const char *const *names; /* JOB_CLEAR */
	int code;
	struct err why;
	bool begun;
};

struct volume_jobs {
	void (*done)(void *arg, const struct volume_done *d);
	void *arg;
	int fd; /* an eventfd: something is done */
	struct loop_watch *watch;
	pthread_t threads[WORKERS];
	size_t running;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	struct job *asked, *finished; /* in their order */
	atomic_bool ends; /* also without the lock: removals look at it */
};

static void append(struct job **list, struct job *j)
{
	while (*list)
		list = &(*list)->next;
	j->next = NULL;
	*list = j;
}

static struct job *take_off(struct job **list, struct job *j)
{
	while (*list != j)
		list = &(*list)->next;
	*list = j->next;
	return j;
}

static void job_free(struct job *j)
{
	bytes_unref(j->list);
	free(j->dir);
	free(j);
}

/* The first that is not begun and has none of the same pod before it. */
static struct job *next_job(struct volume_jobs *v)
{
	for (struct job *j = v->asked; j; j = j->next) {
		struct job *before = v->asked;
		while (before != j && strcmp(before->dir, j->dir) != 0)
			before = before->next;
		if (before == j && !j->begun)
			return j;
	}
	return NULL;
}

static void clear(struct volume_jobs *v, struct job *j)
{
	for (const char *const *name = j->names; *name && !j->code; name++)
		j->code = volume_remove_until(j->dir, *name, &v->ends, &j->why);
}

static void do_job(struct volume_jobs *v, struct job *j)
{
	char *name;
	if (j->kind == JOB_CLEAR) {
		clear(v, j);
		return;
	}
	if (j->kind == JOB_APPLY) {
		j->code = volume_files_apply(j->dir, mp_of_bytes(j->list), &v->ends, &j->why);
		return;
	}
	name = strrchr(j->dir, '/');
	char *parent = mem_ndup(j->dir, (size_t)(name - j->dir));
	j->code = volume_remove_until(parent, name + 1, &v->ends, &j->why);
	free(parent);
}

static void *work(void *arg)
{
	struct volume_jobs *v = arg;
	uint64_t one = 1;
	pthread_mutex_lock(&v->lock);
	for (;;) {
		struct job *j = NULL;
		while (!v->ends && !(j = next_job(v)))
			pthread_cond_wait(&v->more, &v->lock);
		if (v->ends)
			break;
		j->begun = true;
		pthread_mutex_unlock(&v->lock);
		do_job(v, j);
		pthread_mutex_lock(&v->lock);
		append(&v->finished, take_off(&v->asked, j));
		pthread_cond_signal(&v->more); /* another one of its pod may wait */
		if (write(v->fd, &one, sizeof one) < 0)
			continue; /* it is readable already */
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

static void on_done(void *arg, unsigned events)
{
	struct volume_jobs *v = arg;
	uint64_t count;
	(void)events;
	if (read(v->fd, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&v->lock);
	struct job *j = v->finished;
	v->finished = NULL;
	pthread_mutex_unlock(&v->lock);
	while (j) {
		struct job *next = j->next;
		struct volume_done d = {j->id, j->dir, j->code, j->why.text};
		v->done(v->arg, &d);
		job_free(j);
		j = next;
	}
}

static void ask(struct volume_jobs *v, struct job what, const char *dir)
{
	struct job *j = mem_alloc(sizeof *j);
	*j = what;
	j->dir = mem_dup(dir);
	pthread_mutex_lock(&v->lock);
	append(&v->asked, j);
	pthread_cond_signal(&v->more);
	pthread_mutex_unlock(&v->lock);
}

void volume_jobs_apply(struct volume_jobs *v, uint64_t id, const char *pod_dir, struct bytes *list)
{
	ask(v, (struct job){.kind = JOB_APPLY, .id = id, .list = list}, pod_dir);
}

void volume_jobs_clear(struct volume_jobs *v, uint64_t id, const char *pod_dir,
		       const char *const *names)
{
	ask(v, (struct job){.kind = JOB_CLEAR, .id = id, .names = names}, pod_dir);
}

void volume_jobs_remove(struct volume_jobs *v, uint64_t id, const char *pod_dir)
{
	ask(v, (struct job){.kind = JOB_REMOVE, .id = id}, pod_dir);
}

int volume_jobs_new(struct volume_jobs **out, struct loop *l,
		    void (*done)(void *arg, const struct volume_done *d), void *arg, struct err *e)
{
	struct volume_jobs *v = mem_alloc(sizeof *v);
	v->done = done;
	v->arg = arg;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->more, NULL);
	v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	while (v->fd >= 0 && v->running < WORKERS &&
	       pthread_create(&v->threads[v->running], NULL, work, v) == 0)
		v->running++;
	if (v->fd >= 0 && v->running == WORKERS) {
		v->watch = loop_add(l, v->fd, LOOP_READ, on_done, v);
		*out = v;
		return 0;
	}
	volume_jobs_free(v);
	return err_set(e, ERR_IO, "no threads for volumes");
}

void volume_jobs_free(struct volume_jobs *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&v->lock);
	v->ends = true;
	pthread_cond_broadcast(&v->more);
	pthread_mutex_unlock(&v->lock);
	while (v->running > 0)
		pthread_join(v->threads[--v->running], NULL);
	loop_remove(v->watch);
	if (v->fd >= 0)
		close(v->fd);
	while (v->asked)
		job_free(take_off(&v->asked, v->asked));
	while (v->finished)
		job_free(take_off(&v->finished, v->finished));
	pthread_cond_destroy(&v->more);
	pthread_mutex_destroy(&v->lock);
	free(v);
}
