/* Volumes are made and removed beside a loop: each pod's jobs in their order. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/runtime/loop.h"
#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"
#include "broker/socket.h"
#include "nodes/volume_port.h"
#include "nodes/volumes/volume_jobs.h"

enum { PODS = 4, ROUNDS = 20, JOBS = PODS * (ROUNDS + 1) };

struct world {
	char dir[40];
	struct loop *loop;
	struct volume_jobs *jobs;
	size_t done, failed;
	uint64_t last[PODS]; /* id of the last one of each pod */
	bool in_order;
};

static void on_done(void *arg, const struct volume_done *d)
{
	struct world *w = arg;
	size_t pod = (size_t)(strrchr(d->dir, '/')[1] - '0');
	w->in_order &= d->id > w->last[pod];
	w->last[pod] = d->id;
	w->failed += d->code != 0;
	if (++w->done == JOBS)
		loop_stop(w->loop, 1000);
}

static struct bytes *list_of(unsigned value)
{
	struct buf b = {0}, text = {0};
	buf_printf(&text, "%u", value);
	mpw_array(&b, 1);
	mpw_map(&b, 4);
	mpw_kv_str(&b, "name", "v");
	mpw_kv_str(&b, "title", "v");
	mpw_kv_str(&b, "kind", "files");
	mpw_str(&b, "files");
	mpw_array(&b, 1);
	mpw_array(&b, 4);
	mpw_str(&b, "value");
	mpw_bin(&b, span_buf(&text));
	mpw_i64(&b, 0644);
	mpw_i64(&b, -1);
	buf_fini(&text);
	return bytes_take(&b);
}

static const char *pod_dir(struct world *w, size_t pod)
{
	static char path[80];
	snprintf(path, sizeof path, "%s/%zu", w->dir, pod);
	return path;
}

static unsigned value_of(struct world *w, size_t pod)
{
	char path[120];
	unsigned value = 0;
	snprintf(path, sizeof path, "%s/volumes/v/value", pod_dir(w, pod));
	FILE *f = fopen(path, "r");
	cr_assert(f && fscanf(f, "%u", &value) == 1, "%s", path);
	fclose(f);
	return value;
}

static void open_world(struct world *w, void (*done)(void *arg, const struct volume_done *d))
{
	static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages, NULL};
	static const struct catalogue catalogue = {tables};
	static const struct actor_spec *const kinds[] = {NULL};
	struct loop_config cfg = {
		.cell = {.name = "cell", .cluster = 1, .catalogue = &catalogue, .kinds = kinds},
		.broker = "inproc://nobody", .bus = "inproc://nobody-either",
	};
	struct err e = {0};
	*w = (struct world){.dir = "/tmp/troupe-jobs.XXXXXX", .in_order = true};
	cr_assert(mkdtemp(w->dir));
	log_init("off");
	sock_system_start();
	cr_assert_eq(loop_open(&w->loop, &cfg, NULL), 0);
	cr_assert_eq(volume_jobs_new(&w->jobs, w->loop, done, w, &e), 0, "%s", e.text);
}

static void close_world(struct world *w)
{
	volume_jobs_free(w->jobs);
	loop_free(w->loop);
	sock_system_stop();
	cr_expect_eq(volume_remove("/tmp", w->dir + 5, NULL), 0);
}

Test(volume_jobs, of_a_pod_are_done_in_their_order)
{
	struct world w;
	uint64_t id = 0;
	open_world(&w, on_done);
	for (size_t p = 0; p < PODS; p++)
		cr_assert_eq(mkdir(pod_dir(&w, p), 0700), 0);
	for (unsigned i = 1; i <= ROUNDS; i++)
		for (size_t p = 0; p < PODS; p++)
			volume_jobs_apply(w.jobs, ++id, pod_dir(&w, p), list_of(i));
	volume_jobs_apply(w.jobs, ++id, pod_dir(&w, 0), bytes_copy("", 0)); /* no list */
	for (size_t p = 1; p < PODS; p++)
		volume_jobs_remove(w.jobs, ++id, pod_dir(&w, p));
	loop_run(w.loop);
	cr_expect_eq(w.done, JOBS);
	cr_expect_eq(w.failed, 1);
	cr_expect(w.in_order);
	cr_expect_eq(value_of(&w, 0), ROUNDS);
	for (size_t p = 1; p < PODS; p++)
		cr_expect(access(pod_dir(&w, p), F_OK) != 0 && errno == ENOENT);
	close_world(&w);
}

static void on_cleared(void *arg, const struct volume_done *d)
{
	struct world *w = arg;
	cr_expect_eq(d->code, 0, "%s", d->text);
	if (d->id == 2)
		loop_stop(w->loop, 1000);
}

Test(volume_jobs, clear)
{
	static const char *const names[] = {"none", "volumes", NULL};
	struct world w;
	char path[200];
	open_world(&w, on_cleared);
	cr_assert_eq(mkdir(pod_dir(&w, 0), 0700), 0);
	snprintf(path, sizeof path, "%s/logs", pod_dir(&w, 0));
	cr_assert_eq(mkdir(path, 0700), 0);
	volume_jobs_apply(w.jobs, 1, pod_dir(&w, 0), list_of(1));
	volume_jobs_clear(w.jobs, 2, pod_dir(&w, 0), names);
	loop_run(w.loop);
	cr_expect_eq(access(path, F_OK), 0, "what has another name stays");
	snprintf(path, sizeof path, "%s/volumes", pod_dir(&w, 0));
	cr_expect(access(path, F_OK) != 0 && errno == ENOENT);
	close_world(&w);
}

Test(volume_jobs, that_nobody_waits_for_any_more_are_not_begun)
{
	struct world w;
	open_world(&w, on_done);
	for (unsigned i = 0; i < 1000; i++)
		volume_jobs_apply(w.jobs, i + 1, "/nowhere/0", list_of(i));
	close_world(&w);
	cr_expect_eq(w.done, 0);
}
