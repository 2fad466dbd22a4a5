#include "nodes/oci/oci_images.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "broker/base/sort.h"
#include "nodes/runtime.h"

extern char **environ;

enum {
	LOOK_US = 30000000,	   /* for what others load and remove */
	SETTLE_US = 1000000,	   /* from start: pods are being adopted */
	UNUSED_US = 120000000,	   /* no image goes that was in use since */
	TOLD_MAX = 50,
	REMOVED_MAX = 64,	   /* in one go */
};

struct use {
	uint64_t last_us; /* monotonic; when it was used or seen first; 0: before we began */
};

struct oci_images {
	struct machine *m;
	struct images *store;
	char *index;
	struct timespec changed; /* of the index, when it was told */
	int64_t high, low;
	uint64_t period_us, look_us, collect_us;
	struct omap pods;	/* uid, zero, digest -> the same */
	struct omap seen;	/* digest -> struct use */
	bool looked; /* what comes now is new */
	pid_t remover;
	int remover_fd;
	struct loop_watch *watch;
	void (*reclaimed)(void *m);
	bool reclaiming;
};

struct oci_images *oci_images_new(struct machine *m, struct images *store, struct mp cfg,
				  void (*reclaimed)(void *m))
{
	struct oci_images *o = mem_alloc(sizeof *o);
	size_t n = strlen(m->data_dir) + 32;
	o->m = m;
	o->store = store;
	o->reclaimed = reclaimed;
	o->index = mem_alloc(n);
	snprintf(o->index, n, "%s/images/index.json", m->data_dir);
	o->high = mp_path_int(cfg, "image-gc-high", 85);
	o->low = mp_path_int(cfg, "image-gc-low", 80);
	o->period_us = (uint64_t)mp_path_int(cfg, "image-gc-period", 300000000);
	o->collect_us = machine_now_us() + o->period_us;
	o->look_us = machine_now_us() + SETTLE_US;
	o->remover_fd = -1;
	return o;
}

/* ---- use */

static const char *digest_of(const char *image)
{
	const char *at = strrchr(image, '@');
	return at ? at + 1 : image;
}

static struct use *use_of(struct oci_images *o, const char *digest)
{
	struct use *u = omap_get(&o->seen, span_of(digest));
	if (!u) {
		u = mem_alloc(sizeof *u);
		u->last_us = o->looked ? machine_now_us() : 0;
		omap_put(&o->seen, span_of(digest), u);
	}
	return u;
}

static void key_of(struct buf *b, const char *pod, const char *digest)
{
	buf_puts(b, pod);
	buf_putc(b, 0);
	buf_puts(b, digest);
}

void oci_images_use(struct oci_images *o, const char *pod, const char *image)
{
	struct buf key = {0};
	const char *digest = digest_of(image);
	if (!*digest)
		return;
	key_of(&key, pod, digest);
	omap_put(&o->pods, span_buf(&key), o);
	use_of(o, digest)->last_us = machine_now_us();
	buf_fini(&key);
}

void oci_images_unuse(struct oci_images *o, const char *pod)
{
	struct buf key = {0};
	size_t n = strlen(pod) + 1;
	struct onode *it;
	key_of(&key, pod, "");
	while ((it = omap_seek(&o->pods, span_buf(&key)))) {
		struct span at = onode_key(it);
		if (at.len < n || memcmp(at.data, key.data, n) != 0)
			break;
		char *digest = mem_ndup(at.data + n, at.len - n);
		use_of(o, digest)->last_us = machine_now_us();
		free(digest);
		omap_remove(&o->pods, at);
	}
	buf_fini(&key);
}

static bool is_used(const struct oci_images *o, const char *digest)
{
	size_t n = strlen(digest);
	for (struct onode *it = omap_first(&o->pods); it; it = omap_next(it)) {
		struct span at = onode_key(it);
		if (at.len > n && memcmp(at.data + at.len - n, digest, n) == 0)
			return true;
	}
	return false;
}

/* ---- which there are */

struct listing {
	struct oci_images *o;
	struct arena a;
	struct image *all;
	size_t count, cap;
};

static int list_one(void *arg, const struct image *image)
{
	struct listing *l = arg;
	if (l->count == l->cap) {
		l->cap = l->cap * 2 + 16;
		l->all = mem_realloc(l->all, l->cap * sizeof *l->all);
	}
	l->all[l->count++] = (struct image){.name = arena_dup(&l->a, image->name),
					    .digest = arena_dup(&l->a, image->digest),
					    .bytes = image->bytes};
	use_of(l->o, image->digest);
	return 0;
}

static int larger_first(const void *x, const void *y, void *arg)
{
	const struct image *a = x, *b = y;
	(void)arg;
	return a->bytes > b->bytes ? -1 : a->bytes < b->bytes;
}

static void listing_end(struct listing *l)
{
	free(l->all);
	arena_fini(&l->a);
}

static void tell(struct oci_images *o, struct listing *l)
{
	struct buf b = {0};
	size_t n = l->count < TOLD_MAX ? l->count : TOLD_MAX;
	sort_stable(l->all, l->count, sizeof *l->all, larger_first, NULL);
	mpw_map(&b, 1);
	mpw_str(&b, "images");
	mpw_array(&b, n);
	for (size_t i = 0; i < n; i++) {
		const struct image *m = &l->all[i];
		size_t bare = strcspn(m->name, "@");
		const char *colon = memrchr(m->name, ':', bare), *slash = memrchr(m->name, '/', bare);
		if (colon && (!slash || colon > slash))
			bare = (size_t)(colon - m->name);
		mpw_map(&b, 2);
		mpw_str(&b, "names");
		mpw_array(&b, 2);
		mpw_str(&b, arena_printf(&l->a, "%.*s@%s", (int)bare, m->name, m->digest));
		mpw_str(&b, m->name);
		mpw_kv_i64(&b, "sizeBytes", m->bytes);
	}
	machine_tell(o->m, RUNTIME_IMAGES, 0, &b);
}

static void look(struct oci_images *o)
{
	struct stat st;
	struct listing l = {.o = o};
	if (stat(o->index, &st) != 0 || (st.st_mtim.tv_sec == o->changed.tv_sec &&
					 st.st_mtim.tv_nsec == o->changed.tv_nsec))
		return;
	if (images_each(o->store, list_one, &l, NULL) == 0) {
		o->changed = st.st_mtim;
		tell(o, &l);
	}
	o->looked = true;
	listing_end(&l);
}

void oci_images_look(struct oci_images *o)
{
	look(o);
}

/* ---- which go */

static void end_reclaim(struct oci_images *o)
{
	if (o->reclaiming)
		o->reclaimed(o->m);
	o->reclaiming = false;
}

static void on_removed(void *arg, unsigned events)
{
	struct oci_images *o = arg;
	(void)events;
	loop_remove(o->watch);
	o->watch = NULL;
	close(o->remover_fd);
	o->remover_fd = -1;
	while (waitpid(o->remover, NULL, 0) < 0 && errno == EINTR)
		;
	o->remover = 0;
	look(o);
	end_reclaim(o);
}

static void remove_these(struct oci_images *o, const char *const *names, size_t count)
{
	const char *argv[REMOVED_MAX + 6] = {"troupe", "image", "remove", "--data-dir",
					     o->m->data_dir};
	posix_spawn_file_actions_t acts;
	memcpy(argv + 5, names, count * sizeof *names);
	posix_spawn_file_actions_init(&acts);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_addopen(&acts, i, "/dev/null", O_RDWR, 0);
	int rc = posix_spawn(&o->remover, "/proc/self/exe", &acts, NULL,
			     (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&acts);
	if (rc) {
		o->remover = 0;
		return;
	}
	o->remover_fd = (int)syscall(SYS_pidfd_open, o->remover, 0);
	o->watch = loop_add(o->m->port->loop, o->remover_fd, LOOP_READ, on_removed, o);
	log_info("node", "%s: the disk is nearly full: %zu images go that nobody uses", o->m->node,
		 count);
}

/* Bytes that are to go; 0: there is room. */
static int64_t to_free(const struct oci_images *o)
{
	struct statvfs v;
	if (statvfs(o->index, &v) != 0 || v.f_blocks == 0)
		return 0;
	int64_t all = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
	int64_t used = all - (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	return used * 100 >= all * o->high ? used - all * o->low / 100 : 0;
}

static int longest_unused(const void *x, const void *y, void *arg)
{
	struct oci_images *o = arg;
	uint64_t a = use_of(o, ((const struct image *)x)->digest)->last_us;
	uint64_t b = use_of(o, ((const struct image *)y)->digest)->last_us;
	return a < b ? -1 : a > b;
}

/* Those to go first, until so many bytes are free. */
static void collect(struct oci_images *o, int64_t want)
{
	look(o);
	struct listing l = {.o = o};
	const char *names[REMOVED_MAX];
	size_t n = 0;
	uint64_t now = machine_now_us();
	uint64_t age = o->period_us < UNUSED_US ? o->period_us : UNUSED_US;
	if (want <= 0 || o->remover || images_each(o->store, list_one, &l, NULL))
		l.count = 0;
	sort_stable(l.all, l.count, sizeof *l.all, longest_unused, o);
	for (size_t i = 0; i < l.count && want > 0 && n < REMOVED_MAX; i++) {
		const struct image *m = &l.all[i];
		if (is_used(o, m->digest) || now - use_of(o, m->digest)->last_us < age)
			continue;
		names[n++] = m->name;
		want -= m->bytes;
	}
	if (n)
		remove_these(o, names, n);
	listing_end(&l);
}

void oci_images_reclaim(struct oci_images *o)
{
	o->reclaiming = true;
	collect(o, INT64_MAX);
	if (!o->remover)
		end_reclaim(o);
}

uint64_t oci_images_due(struct oci_images *o)
{
	uint64_t now = machine_now_us();
	if (now >= o->look_us) {
		o->look_us = now + LOOK_US;
		look(o);
	}
	if (now >= o->collect_us) {
		o->collect_us = now + o->period_us;
		collect(o, o->high < 100 ? to_free(o) : 0);
	}
	uint64_t next = o->look_us < o->collect_us ? o->look_us : o->collect_us;
	return next - now;
}

void oci_images_free(struct oci_images *o)
{
	if (!o)
		return;
	loop_remove(o->watch);
	if (o->remover_fd >= 0)
		close(o->remover_fd);
	if (o->remover)
		while (waitpid(o->remover, NULL, 0) < 0 && errno == EINTR)
			;
	omap_fini(&o->pods, NULL);
	omap_fini(&o->seen, free);
	free(o->index);
	free(o);
}
