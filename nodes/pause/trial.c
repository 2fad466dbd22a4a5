#include "nodes/pause/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/oci.h"

static int say(const char *what)
{
	ssize_t n = write(1, what, strlen(what));
	return n < 0 ? 2 : 1;
}

/* Its status. It may have ended before this is asked, or become our child only while
 * we wait: a helper of the OCI program may still be its parent. */
static int wait_for(struct early *early, pid_t pid)
{
	int status = -1;
	pid_t got = 0;
	if (early_take(early, pid, &status))
		return status;
	while (got != pid) {
		got = waitpid(-1, &status, 0);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0 && got != pid)
			early_put(early, got, status);
	}
	return status;
}

static int say_why(struct child *c)
{
	char text[480];
	struct buf why = {0};
	ssize_t n = read(c->started, text, sizeof text);
	if (n > 0)
		buf_append(&why, text, (size_t)n);
	else
		oci_why("bundle", (struct span){0}, &why);
	int code = say(buf_text(&why));
	buf_fini(&why);
	return code;
}

static int try(struct sandbox *s, struct buf *layers)
{
	struct child c;
	struct early early = {.next = 0};
	struct err e = {0};
	struct child_spec spec = {.sandbox = s, .id = "trial.0", .bundle = span_of("bundle"),
				  .lower = span_of("trial"), .uid = -1, .gid = -1};
	if (sandbox_enter(s, &e))
		return say(e.text);
	buf_puts(layers, s->dir ? s->dir : "");
	buf_puts(layers, "/layers");
	spec.layers = span_buf(layers);
	if (child_check(&spec, &e) || child_start(&spec, &c, &e))
		return say(e.text);
	fcntl(c.started, F_SETFL, 0);
	if (wait_for(&early, c.pid) != 0)
		return say_why(&c);
	pid_t pid = oci_pid("bundle");
	int status = pid ? wait_for(&early, pid) : -1;
	pid = oci_delete(s, spec.id, "bundle");
	if (pid > 0)
		wait_for(&early, pid);
	return status == 0 ? 0 : say("the container of the trial failed");
}

int trial_run(void)
{
	struct sandbox s = {0};
	struct buf layers = {0};
	alarm(TRIAL_S_MAX);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	int code = try(&s, &layers);
	buf_fini(&layers);
	sandbox_free(&s);
	return code;
}
