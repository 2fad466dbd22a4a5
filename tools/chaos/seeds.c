#include "tools/chaos/seeds.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 256 };

/* A result is one write: it arrives whole. */
_Static_assert(sizeof(struct run_result) <= PIPE_BUF, "a result fits a pipe's atomic write");

struct job {
	pid_t pid;
	int fd;
};

void seeds_run_one(const struct script *s, uint64_t seed, bool twice, const struct run_watch *watch,
		   struct run_result *out)
{
	struct run_result again;
	run_script(s, seed, watch, out);
	if (!twice)
		return;
	run_script(s, seed, NULL, &again);
	if (again.digest == out->digest && again.verdict == out->verdict)
		return;
	out->verdict = verdict_worse(out->verdict, VERDICT_VIOLATED);
	snprintf(out->broken, sizeof out->broken, "one-history");
	snprintf(out->why, sizeof out->why, "the same seed ran twice: digests %016llx and %016llx, %s and %s",
		 (unsigned long long)out->digest, (unsigned long long)again.digest,
		 verdict_name(out->verdict), verdict_name(again.verdict));
}

static void work(const struct script *s, const struct seeds *seeds, unsigned nth, int fd)
{
	for (uint64_t seed = seeds->first + nth; seed <= seeds->last && seed >= seeds->first;
	     seed += seeds->jobs) {
		struct run_result r;
		seeds_run_one(s, seed, seeds->twice, NULL, &r);
		if (write(fd, &r, sizeof r) != sizeof r)
			_exit(1);
	}
	_exit(0);
}

static int start(const struct script *s, const struct seeds *seeds, unsigned nth, struct job *jobs)
{
	int ends[2];
	if (pipe(ends))
		return ERR_IO;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		for (unsigned i = 0; i < nth; i++)
			close(jobs[i].fd);
		work(s, seeds, nth, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return ERR_IO;
	}
	jobs[nth] = (struct job){pid, ends[0]};
	return 0;
}

/* False: the process died in this run. */
static bool read_result(int fd, struct run_result *r)
{
	size_t have = 0;
	while (have < sizeof *r) {
		ssize_t n = read(fd, (char *)r + have, sizeof *r - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static void died(uint64_t seed, pid_t pid, struct run_result *r)
{
	int status = 0;
	waitpid(pid, &status, 0);
	memset(r, 0, sizeof *r);
	r->seed = seed;
	r->verdict = VERDICT_VIOLATED;
	snprintf(r->broken, sizeof r->broken, "no-crash");
	snprintf(r->why, sizeof r->why, "the process of the run died (%s)",
		 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "without a signal");
}

/* The rest of that job's seeds go to a new process. */
static int start_again(const struct script *s, const struct seeds *seeds, uint64_t seed,
		       struct job *job)
{
	struct seeds rest = *seeds;
	struct job fresh[1];
	close(job->fd);
	job->fd = -1;
	job->pid = 0;
	rest.first = seed + seeds->jobs;
	if (rest.first > rest.last || rest.first < seed)
		return 0;
	int rc = start(s, &rest, 0, fresh);
	if (rc == 0)
		*job = fresh[0];
	return rc;
}

int seeds_run(const struct script *s, const struct seeds *seeds,
	      void (*each)(void *arg, const struct run_result *r), void *arg, struct err *e)
{
	struct job jobs[JOBS_MAX];
	struct seeds plan = *seeds;
	uint64_t count = plan.last - plan.first + 1;
	unsigned started = 0;
	int rc = 0;
	plan.jobs = plan.jobs > JOBS_MAX ? JOBS_MAX : plan.jobs ? plan.jobs : 1;
	if (count && plan.jobs > count)
		plan.jobs = (unsigned)count;
	while (started < plan.jobs && rc == 0)
		if ((rc = start(s, &plan, started, jobs)) == 0)
			started++;
	for (uint64_t seed = plan.first; rc == 0 && seed <= plan.last && seed >= plan.first; seed++) {
		struct job *job = &jobs[(seed - plan.first) % plan.jobs];
		struct run_result r;
		if (!read_result(job->fd, &r)) {
			died(seed, job->pid, &r);
			rc = start_again(s, &plan, seed, job);
		}
		each(arg, &r);
	}
	for (unsigned i = 0; i < started; i++) {
		if (jobs[i].fd >= 0)
			close(jobs[i].fd);
		if (jobs[i].pid)
			waitpid(jobs[i].pid, NULL, 0);
	}
	return rc ? err_set(e, rc, "cannot start a process: %s", strerror(errno)) : 0;
}
