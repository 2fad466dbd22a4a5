#include "nodes/oci/oci_disk.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/disk_walk.h"
#include "nodes/oci/oci_bundle.h"
#include "nodes/pause_link.h"
#include "nodes/runtime.h"
#include "nodes/volumes/volume_plan.h"

enum {
	PERIOD_US = 10000000,
	FIRST_US = 1000000, /* from the start: pods are being adopted */
	REST = 19,	    /* times as long as it took: a twentieth of a processor */
	LEAST_PRIORITY = 19,
	PASSED_MAX = 5, /* rounds, of a pod that writes nothing */
	PATH_BYTES = 1024,
};

struct oci_disk {
	struct machine *m;
	uint64_t period_us, round_us, due_us;
	uint64_t last; /* the pod that was looked at last in this round */
	struct omap known; /* pod's id -> struct known */
	uint64_t id;   /* that is being looked at; 0: none is */
	int fd;	       /* an eventfd: the thread is done */
	struct loop_watch *watch;
	pthread_t thread;
	bool threaded;
	atomic_bool ends;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t more;
	char *dir;   /* to be looked at; NULL: nothing is */
	struct buf found;
	struct disk_used all;
	uint64_t took_us;
};

/* How it was when it was looked at last. */
struct known {
	struct disk_used all;
	unsigned passed; /* rounds that it is passed over when nothing has changed */
	unsigned left;	 /* ... of those that are to come */
};

/* ---- a pod */

struct of_container {
	struct disk_used rootfs, logs;
};

struct look {
	const char *pod_dir;
	const atomic_bool *stop;
	struct omap containers; /* name -> struct of_container */
	struct disk_used all;
	pid_t pause;		/* 0: it has none */
	struct buf *volumes;	/* a list without its head */
	size_t volume_count;
};

static struct of_container *container_of(struct look *l, struct span name)
{
	struct of_container *c = omap_get(&l->containers, name);
	if (!c) {
		c = mem_alloc(sizeof *c);
		omap_put(&l->containers, name, c);
	}
	return c;
}

/* Calls each(l, path, name) for the directories in one of the pod's, while nobody stops us. */
static void each_below(struct look *l, const char *folder,
		       void (*each)(struct look *l, const char *path, const char *name))
{
	char path[PATH_BYTES];
	snprintf(path, sizeof path, "%s/%s", l->pod_dir, folder);
	DIR *d = opendir(path);
	size_t n = strlen(path);
	for (struct dirent *x; d && !atomic_load(l->stop) && (x = readdir(d));) {
		if (x->d_name[0] == '.')
			continue;
		snprintf(path + n, sizeof path - n, "/%s", x->d_name);
		each(l, path, x->d_name);
	}
	if (d)
		closedir(d);
}

static void walk(struct look *l, const char *path, struct disk_used *sum)
{
	struct disk_used u = {0, 0};
	if (!disk_walk(path, l->stop, &u))
		return;
	sum->bytes += u.bytes;
	sum->inodes += u.inodes;
	l->all.bytes += u.bytes;
	l->all.inodes += u.inodes;
}

static void look_at_logs(struct look *l, const char *path, const char *name)
{
	walk(l, path, &container_of(l, span_of(name))->logs);
}

/* Of NAME.ATTEMPT; one that has ended has none. */
static void look_at_bundle(struct look *l, const char *path, const char *name)
{
	char upper[PATH_BYTES + 8];
	const char *dot = strrchr(name, '.');
	if (!dot)
		return;
	struct span bare = {(const uint8_t *)name, (size_t)(dot - name)};
	snprintf(upper, sizeof upper, "%s/upper", path);
	walk(l, upper, &container_of(l, bare)->rootfs);
}

static void put_used(struct buf *b, const char *key, struct disk_used u)
{
	mpw_str(b, key);
	mpw_map(b, 2);
	mpw_kv_i64(b, "used", u.bytes);
	mpw_kv_i64(b, "inodes_used", u.inodes);
}

/* One in memory is seen in its pause's mounts only. */
static bool put_own_fs(struct look *l, const char *path, const char *name)
{
	struct buf *b = l->volumes;
	char seen[PATH_BYTES + 32];
	struct stat here, there;
	struct statvfs v;
	snprintf(seen, sizeof seen, "/proc/%d/root%s", (int)l->pause, path);
	if (l->pause <= 0 || stat(path, &here) || stat(seen, &there) || here.st_dev == there.st_dev ||
	    statvfs(seen, &v))
		return false;
	int64_t unit = (int64_t)v.f_frsize, used = (int64_t)(v.f_blocks - v.f_bfree) * unit;
	l->all.bytes += used;
	mpw_map(b, 4);
	mpw_kv_str(b, "name", name);
	mpw_kv_i64(b, "used", used);
	mpw_kv_i64(b, "inodes_used", (int64_t)(v.f_files - v.f_ffree));
	mpw_str(b, "fs");
	mpw_map(b, 4);
	mpw_kv_i64(b, "capacity", (int64_t)v.f_blocks * unit);
	mpw_kv_i64(b, "available", (int64_t)v.f_bavail * unit);
	mpw_kv_i64(b, "inodes", (int64_t)v.f_files);
	mpw_kv_i64(b, "inodes_free", (int64_t)v.f_ffree);
	return true;
}

static void look_at_volume(struct look *l, const char *path, const char *name)
{
	struct disk_used u = {0};
	l->volume_count++;
	if (put_own_fs(l, path, name))
		return;
	walk(l, path, &u);
	mpw_map(l->volumes, 3);
	mpw_kv_str(l->volumes, "name", name);
	mpw_kv_i64(l->volumes, "used", u.bytes);
	mpw_kv_i64(l->volumes, "inodes_used", u.inodes);
}

static int64_t wall_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool oci_disk_look(const char *pod_dir, const atomic_bool *stop, struct buf *out,
		   struct disk_used *all)
{
	struct look l = {.pod_dir = pod_dir, .stop = stop, .volumes = out};
	pause_alive(pod_dir, &l.pause);
	each_below(&l, "logs", look_at_logs);
	each_below(&l, BUNDLES_DIR, look_at_bundle);
	mpw_map(out, 3);
	mpw_kv_i64(out, "time_us", wall_us());
	mpw_str(out, "containers");
	mpw_array(out, l.containers.count);
	for (struct onode *n = omap_first(&l.containers); n; n = omap_next(n)) {
		const struct of_container *c = n->value;
		mpw_map(out, 3);
		mpw_kv_span(out, "name", onode_key(n));
		put_used(out, "rootfs", c->rootfs);
		put_used(out, "logs", c->logs);
	}
	mpw_str(out, "volumes");
	size_t at = mpw_array_open(out);
	each_below(&l, VOLUMES_DIR, look_at_volume);
	mpw_array_close(out, at, l.volume_count);
	omap_fini(&l.containers, free);
	*all = l.all;
	return !atomic_load(stop);
}

/* ---- the thread */

static void *work(void *arg)
{
	struct oci_disk *d = arg;
	uint64_t one = 1;
	setpriority(PRIO_PROCESS, (id_t)gettid(), LEAST_PRIORITY); /* of this thread alone */
	pthread_mutex_lock(&d->lock);
	while (!d->ends) {
		if (!d->dir) {
			pthread_cond_wait(&d->more, &d->lock);
			continue;
		}
		char *dir = d->dir;
		struct buf found = {0};
		struct disk_used all;
		pthread_mutex_unlock(&d->lock);
		uint64_t begun = machine_now_us();
		oci_disk_look(dir, &d->ends, &found, &all);
		pthread_mutex_lock(&d->lock);
		d->found = found;
		d->all = all;
		d->took_us = machine_now_us() - begun;
		d->dir = NULL;
		free(dir);
		if (write(d->fd, &one, sizeof one) < 0)
			continue; /* it is readable already */
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void note(struct oci_disk *d, struct disk_used all)
{
	struct known *k = omap_get_u64(&d->known, d->id);
	if (!k) {
		k = mem_alloc(sizeof *k);
		omap_put_u64(&d->known, d->id, k);
	} else if (k->all.bytes == all.bytes && k->all.inodes == all.inodes) {
		k->passed = k->passed < PASSED_MAX ? k->passed + 1 : PASSED_MAX;
	} else {
		k->passed = 0;
	}
	k->all = all;
	k->left = k->passed;
}

/* Of those that are gone nothing is known any more. */
static void forget_gone(struct oci_disk *d)
{
	struct onode *next;
	for (struct onode *n = omap_first(&d->known); n; n = next) {
		uint64_t id = onode_u64(n);
		next = omap_next(n);
		if (!machine_pod(d->m, id))
			free(omap_remove_u64(&d->known, id));
	}
}

static void on_found(void *arg, unsigned events)
{
	struct oci_disk *d = arg;
	uint64_t count;
	(void)events;
	if (read(d->fd, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&d->lock);
	struct buf found = d->found;
	uint64_t took = d->took_us;
	struct disk_used all = d->all;
	d->found = (struct buf){0};
	pthread_mutex_unlock(&d->lock);
	if (machine_pod(d->m, d->id)) {
		note(d, all);
		machine_tell(d->m, RUNTIME_DISK, d->id, &found);
	} else {
		buf_fini(&found);
	}
	d->last = d->id;
	d->id = 0;
	d->due_us = machine_now_us() + took * REST;
}

/* ---- rounds */

static void begin(struct oci_disk *d, const struct pod *p)
{
	d->id = p->id;
	pthread_mutex_lock(&d->lock);
	d->dir = mem_dup(p->dir);
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
}

/* That is due in this round. */
static const struct pod *next_pod(struct oci_disk *d)
{
	for (;;) {
		struct onode *n = omap_seek_u64(&d->m->pods, d->last + 1);
		struct known *k = n ? omap_get_u64(&d->known, onode_u64(n)) : NULL;
		if (!k || k->left == 0)
			return n ? n->value : NULL;
		k->left--;
		d->last = onode_u64(n);
	}
}

uint64_t oci_disk_due(struct oci_disk *d)
{
	uint64_t now = machine_now_us();
	if (d->id)
		return UINT64_MAX;
	if (now < d->due_us)
		return d->due_us - now;
	const struct pod *p = next_pod(d);
	if (p) {
		begin(d, p);
		return UINT64_MAX;
	}
	d->last = 0; /* all were: the next round */
	forget_gone(d);
	d->round_us += d->period_us;
	if (d->round_us < now)
		d->round_us = now;
	d->due_us = d->round_us;
	return d->due_us - now;
}

int oci_disk_new(struct oci_disk **out, struct machine *m, struct mp cfg, struct err *e)
{
	struct oci_disk *d = mem_alloc(sizeof *d);
	d->m = m;
	d->period_us = (uint64_t)mp_path_int(cfg, "figures-period", PERIOD_US);
	d->round_us = d->due_us = machine_now_us() + FIRST_US;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->threaded = d->fd >= 0 && pthread_create(&d->thread, NULL, work, d) == 0;
	if (!d->threaded) {
		oci_disk_free(d);
		return err_set(e, ERR_IO, "no thread that looks at the disk");
	}
	d->watch = loop_add(m->port->loop, d->fd, LOOP_READ, on_found, d);
	*out = d;
	return 0;
}

void oci_disk_free(struct oci_disk *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->ends = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
	if (d->threaded)
		pthread_join(d->thread, NULL);
	loop_remove(d->watch);
	if (d->fd >= 0)
		close(d->fd);
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	buf_fini(&d->found);
	omap_fini(&d->known, free);
	free(d->dir);
	free(d);
}
