/* `troupe up`: the parent. It never makes a ZeroMQ context or a thread; it
 * starts the launcher and the processes, starts a process again that ended,
 * and ends all of them in order. What it starts dies with it; pods do not. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/log.h"
#include "nodes/launcher/launcher.h"
#include "nodes/network/neighbours.h"
#include "nodes/network/node_network.h"
#include "nodes/network/node_space.h"
#include "nodes/oci/oci_program.h"
#include "tools/commands.h"
#include "tools/host.h"
#include "tools/pki.h"
#include "tools/places.h"
#include "tools/pods_left.h"
#include "tools/up_check.h"
#include "tools/up_network.h"

extern char **environ;

enum {
	PROCESSES_MAX = 128,
	DATA_DIR_BYTES_MAX = 300, /* of its absolute path; sockets do not mind (rundir.h) */
	EARLY_DEATHS_MAX = 5, /* before it was ever ready: then we give up */
	STOP_MS = 10000,
	SAY_MS = 1000, /* a person sees nothing of an end that is quicker */
	TELL_MS = 5000, /* for agents to tell their pods to end */
	NODES_UNSAID = -1,
	LOCK_MS = 2000, /* for one that was killed to let go of the data directory */
};

struct options {
	const char *file, *data_dir, *api, *runtime, *kubeconfig; /* NULL: not said */
	int nodes;
	bool keep_pods, help_config, own_api;
};

struct process {
	const char *name;
	bool foreign; /* of others' making: it is started again, however often it fails */
	pid_t pid;
	uint64_t started_ms, restart_at_ms;
	unsigned deaths; /* before it was ever ready */
	struct failures failures;
};

struct parent {
	struct options o;
	struct config config;
	struct arena arena;
	struct pki pki;
	char data_dir[400], kubeconfig[512], self[512];
	const char *address;
	struct oci_program program; /* of runtime oci */
	struct places places;
	struct process processes[PROCESSES_MAX];
	size_t process_count, told; /* told: whose agents have told their pods to end */
	int lock_fd, launcher_fd, notify[2], signals;
	int network_lock; /* -1: none */
	pid_t launcher;
	bool ready, stopping;
};

/* ---- options */

static const struct argp_option option_rows[] = {
	{"file", 'f', "FILE", 0, "the cluster's config (default: written into the data directory)", 0},
	{"data-dir", 'd', "DIR", 0, "where everything is kept ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"api", 'a', "HOST:PORT", 0, "where the API listens (127.0.0.1:6443)", 0},
	{"nodes", 'n', "N", 0, "how many nodes, named n1 ... (1)", 0},
	{"runtime", 'r', "NAME", 0,
	 "oci (containers, by crun or runc), process, sim, or auto: oci where it works, else process (auto)", 0},
	{"kubeconfig", 'k', "FILE", 0, "written for kubectl (DIR/kubeconfig)", 0},
	{"keep-pods", 'K', NULL, 0, "leave pods running at the end", 0},
	{"own-api", 'A', NULL, 0, "the API in a process of its own", 0},
	{"help-config", 'H', NULL, 0, "the keys of the config file", 0},
	{0},
};

/* The config says all of that itself. */
static void check_options(struct argp_state *state, const struct options *o)
{
	const char *beside = !o->file ? NULL
			     : o->api ? "--api"
			     : o->nodes >= 0 ? "--nodes"
			     : o->runtime ? "--runtime"
			     : o->own_api ? "--own-api" : NULL;
	if (beside)
		argp_error(state, "%s goes into the file where there is one (--file)", beside);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end;
	switch (key) {
	case 'f':
		o->file = arg;
		break;
	case 'd':
		o->data_dir = arg;
		break;
	case 'a':
		if (!config_read_address(span_of(arg)))
			argp_error(state, "--api takes IPV4:PORT, like 127.0.0.1:6443, not '%s'", arg);
		o->api = arg;
		break;
	case 'n':
		o->nodes = (int)strtol(arg, &end, 10);
		if (*end || o->nodes < 0 || o->nodes > 5000)
			argp_error(state, "--nodes takes 0 to 5000, not '%s'", arg);
		break;
	case 'r':
		if (strcmp(arg, "auto") && strcmp(arg, "process") && strcmp(arg, "sim") &&
		    strcmp(arg, "oci"))
			argp_error(state, "--runtime takes auto, oci, process or sim, not '%s'", arg);
		o->runtime = arg;
		break;
	case 'k':
		o->kubeconfig = arg;
		break;
	case 'K':
		o->keep_pods = true;
		break;
	case 'A':
		o->own_api = true;
		break;
	case 'H':
		o->help_config = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		check_options(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_rows,
	.parser = parse_option,
	.doc = "Starts a cluster in the foreground. Prints \"ready: https://HOST:PORT kubeconfig "
	       "FILE\" when kubectl can be used and all nodes are Ready.",
};

/* ---- before anything runs */

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int make_dir(const char *path, struct err *e)
{
	return mkdir(path, 0700) && errno != EEXIST ? err_set(e, ERR_IO, "%s: %m", path) : 0;
}

static int write_text(const char *path, struct span text, struct err *e)
{
	char temp[600];
	snprintf(temp, sizeof temp, "%s.new", path);
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len;
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return good && rename(temp, path) == 0 ? 0 : err_set(e, ERR_IO, "%s: %m", path);
}

/* What was killed a moment ago may still be ending, with what it started. */
static bool take_lock(int fd)
{
	const struct timespec nap = {.tv_nsec = 10 * 1000 * 1000};
	uint64_t until = now_ms() + LOCK_MS;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (now_ms() >= until)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

static int prepare_dir(struct parent *p, struct err *e)
{
	char path[500], absolute[4096], pid[32] = "";
	int rc = make_dir(p->o.data_dir, e);
	if (rc)
		return rc;
	if (!realpath(p->o.data_dir, absolute))
		return err_set(e, ERR_IO, "%s: %m", p->o.data_dir);
	if (strlen(absolute) > DATA_DIR_BYTES_MAX)
		return err_set(e, ERR_INVALID,
			       "the path of the data directory has %zu bytes, more than %d: %s",
			       strlen(absolute), DATA_DIR_BYTES_MAX, absolute);
	snprintf(p->data_dir, sizeof p->data_dir, "%s", absolute);
	snprintf(path, sizeof path, "%s/up.lock", p->data_dir);
	p->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return err_set(e, ERR_IO, "%s: %m", path);
	if (!take_lock(p->lock_fd)) {
		(void)!read(p->lock_fd, pid, sizeof pid - 1);
		return err_set(e, ERR_BUSY, "data directory %s is in use by process %s", p->data_dir,
			       *pid ? pid : "?");
	}
	snprintf(pid, sizeof pid, "%d", getpid());
	(void)!ftruncate(p->lock_fd, 0);
	(void)!pwrite(p->lock_fd, pid, strlen(pid), 0);
	snprintf(path, sizeof path, "%s/run", p->data_dir);
	return make_dir(path, e);
}

static int unpack_pause(const char *data_dir, struct err *e)
{
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = chdir(data_dir) != 0 ? err_set(e, ERR_IO, "%s: %m", data_dir) : launcher_unpack(e);
	if (fchdir(here) != 0)
		rc = err_set(e, ERR_IO, "the directory of this process: %m");
	close(here);
	return rc;
}

/* By trial: what is installed need not work. */
static int try_program(struct parent *p, const char *wanted, struct oci_program *out, struct err *e)
{
	char dir[450], pause[450];
	snprintf(dir, sizeof dir, "%s/trial", p->data_dir);
	snprintf(pause, sizeof pause, "%s/" LAUNCHER_PAUSE, p->data_dir);
	int rc = unpack_pause(p->data_dir, e);
	return rc ? rc : oci_program_find(dir, pause, wanted, out, e);
}

static int try_oci(struct parent *p, const char *wanted, struct err *e)
{
	int rc = try_program(p, wanted, &p->program, e);
	return rc ? rc : oci_program_note(p->data_dir, &p->program, e);
}

/* Those of RuntimeClasses. */
static int try_handlers(struct parent *p, const struct doc *handlers, struct err *e)
{
	DOC_EACH(h, doc_is(handlers, DOC_MAP) ? handlers : NULL) {
		struct oci_program found;
		struct err why = {0};
		int rc = ERR_INVALID;
		if (doc_is(h, DOC_STR) && h->text.len)
			rc = try_program(p, arena_ndup(&p->arena, h->text.data, h->text.len), &found, &why);
		else
			err_set(&why, rc, "the name or path of an OCI program is needed");
		if (rc)
			return err_set(e, rc, "handlers.%.*s: %s", (int)h->key.len,
				       (const char *)h->key.data, why.text);
	}
	return 0;
}

/* Of a config that somebody wrote. */
static int need_oci(struct parent *p, struct err *e)
{
	char wanted[128];
	struct span program = config_oci_program(&p->config);
	if (!config_has_runtime(&p->config, "oci") || p->program.path[0])
		return 0;
	snprintf(wanted, sizeof wanted, "%.*s", (int)program.len, (const char *)program.data);
	int rc = try_oci(p, *wanted ? wanted : NULL, e);
	for (size_t i = 0; i < p->config.cell_count; i++)
		for (size_t k = 0; k < p->config.cells[i].actor_count && rc == 0; k++)
			rc = try_handlers(p, doc_get(p->config.cells[i].actors[k].options, "handlers"), e);
	return rc;
}

/* What works is said. */
static int choose_runtime(struct parent *p, struct config_wish *w, struct err *e)
{
	bool automatic = strcmp(p->o.runtime, "auto") == 0;
	if (p->o.nodes == 0 || (!automatic && strcmp(p->o.runtime, "oci")))
		return 0;
	int rc = try_oci(p, NULL, e);
	if (rc == 0) { /* other clusters' networks may be here */
		neighbours_lock(&p->network_lock);
		rc = up_network_choose(p->data_dir, p->o.nodes, &w->slot, e);
	}
	if (rc && !automatic)
		return rc;
	w->runtime = rc ? "process" : "oci";
	w->program = rc ? NULL : p->program.path;
	if (rc)
		fprintf(stderr, "runtime: process (no containers: %s)\n", e->text);
	else
		fprintf(stderr, "runtime: oci (%s %s)\n", p->program.name, p->program.version);
	return 0;
}

/* A config that somebody wrote: what is wrong with it leaves nothing behind. */
static int read_file(struct parent *p, struct err *e)
{
	if (!p->o.file)
		return 0;
	int rc = config_load(&p->config, p->o.file, e);
	if (rc == 0)
		rc = up_check_actors(&p->config, p->self, p->o.file, e);
	if (rc == 0 && !config_api_address(&p->config, &p->arena))
		rc = err_set(e, ERR_INVALID, "%s: there is no actor of kind api: nobody could use the cluster",
			     p->o.file);
	return rc;
}

static int prepare_config(struct parent *p, struct err *e)
{
	char path[500];
	struct buf text = {0};
	int rc = 0;
	if (!p->o.file) {
		struct config_wish w = {p->o.api, p->o.nodes, p->o.runtime, NULL, p->o.own_api, 0};
		rc = choose_runtime(p, &w, e);
		if (rc)
			return rc;
		config_default(&text, &w);
		snprintf(path, sizeof path, "%s/cluster.yaml", p->data_dir);
		rc = write_text(path, span_buf(&text), e);
		if (rc == 0)
			rc = config_load(&p->config, path, e);
	}
	if (rc == 0 && p->o.file) { /* the processes read what we read */
		FILE *f = fopen(p->o.file, "re");
		buf_reserve(&text, 1 << 20);
		text.len = f ? fread(text.data, 1, 1 << 20, f) : 0;
		if (f)
			fclose(f);
	}
	snprintf(path, sizeof path, "%s/run/cluster.yaml", p->data_dir);
	if (rc == 0)
		rc = write_text(path, span_buf(&text), e);
	buf_fini(&text);
	p->address = rc ? NULL : config_api_address(&p->config, &p->arena);
	return rc ? rc : places_read(&p->config, &p->arena, &p->places, e);
}

static void raise_limits(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int prepare(struct parent *p, struct err *e)
{
	int rc = read_file(p, e);
	if (rc == 0)
		rc = prepare_dir(p, e);
	if (rc == 0)
		rc = prepare_config(p, e);
	if (rc == 0)
		rc = need_oci(p, e);
	if (rc == 0)
		rc = up_check_port(p->address, e);
	if (rc == 0)
		rc = up_check_store(&p->config, p->data_dir, e);
	if (rc == 0 && p->places.count && p->network_lock < 0)
		neighbours_lock(&p->network_lock);
	rc = rc ? rc : up_network_take(p->data_dir, &p->config, &p->places, e);
	if (p->network_lock >= 0)
		close(p->network_lock);
	char services[CONFIG_RANGE_MAX], service[CONFIG_RANGE_MAX];
	config_services(&p->config, services, service);
	if (rc == 0)
		rc = pki_ensure(&p->pki, p->data_dir, p->address, service, e);
	if (rc == 0) {
		if (p->o.kubeconfig)
			snprintf(p->kubeconfig, sizeof p->kubeconfig, "%s", p->o.kubeconfig);
		else
			snprintf(p->kubeconfig, sizeof p->kubeconfig, "%s/kubeconfig", p->data_dir);
		rc = pki_kubeconfig(&p->pki, p->kubeconfig, p->address, e);
	}
	/* It starts processes: where pods are simulated there is nothing to do for it. */
	if (rc == 0 && (config_has_runtime(&p->config, "process") ||
			config_has_runtime(&p->config, "oci")))
		rc = launcher_start(p->data_dir, &p->launcher_fd, &p->launcher, e);
	return rc;
}

/* ---- processes */

static void spawn(struct parent *p, struct process *c)
{
	char *argv[] = {p->self, (char *)"process", (char *)"--data-dir", p->data_dir,
			(char *)"--name", (char *)(uintptr_t)c->name,
			p->o.keep_pods ? (char *)"--keep-pods" : NULL, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1); /* it must not die of it before it waits for it */
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, p->notify[1], 3);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &mask);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	c->started_ms = now_ms();
	c->restart_at_ms = 0;
	int rc = posix_spawn(&c->pid, p->self, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (rc) {
		errno = rc;
		log_error("troupe", "%s cannot be started: %m", p->self);
		c->pid = 0;
		c->restart_at_ms = now_ms() + p->config.restart.backoff_max_us / 1000;
	}
}

static void add_process(struct parent *p, const char *name, bool foreign)
{
	if (p->process_count == PROCESSES_MAX)
		return;
	p->processes[p->process_count].name = name;
	p->processes[p->process_count++].foreign = foreign;
}

static const char *how_it_ended(int status, char *out, size_t max)
{
	if (WIFSIGNALED(status))
		snprintf(out, max, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, max, "exit code %d", WEXITSTATUS(status));
	return out;
}

/* 0: it will be started again. Otherwise: the code to end with. */
static int on_death(struct parent *p, struct process *c, int status)
{
	char how[100];
	uint64_t now = now_ms();
	c->pid = 0;
	if (p->stopping)
		return 0;
	how_it_ended(status, how, sizeof how);
	log_warn("troupe", "process %s ended: %s", c->name, how);
	if (WIFEXITED(status) && WEXITSTATUS(status) == HOST_EXIT_FATAL && !c->foreign)
		return 1;
	if (now - c->started_ms > 10000)
		c->deaths = 0;
	if (++c->deaths >= EARLY_DEATHS_MAX && !p->ready && !c->foreign) {
		log_error("troupe", "process %s does not come up: giving up", c->name);
		return 1;
	}
	/* Nobody kills itself with -9: that came from outside, and says nothing
	 * about whether it would go on failing. */
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	const struct restart_policy *policy = &p->config.restart;
	if (!killed && failures_add(&c->failures, policy, now * 1000) && !c->foreign) {
		log_error("troupe",
			  "process %s failed more than %u times in %llu s (the last time: %s): "
			  "giving up",
			  c->name, policy->intensity,
			  (unsigned long long)(policy->window_us / 1000000), how);
		return 1;
	}
	uint64_t random = now * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	c->restart_at_ms = now;
	if (!killed || now - c->started_ms < 1000)
		c->restart_at_ms += failures_backoff(&c->failures, policy, random) / 1000;
	return 0;
}

static int reap(struct parent *p)
{
	int status, code = 0;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < p->process_count; i++)
			if (p->processes[i].pid == pid)
				code |= on_death(p, &p->processes[i], status);
		if (p->launcher && pid == p->launcher && !p->stopping) {
			struct err e = {0};
			log_warn("troupe", "the launcher ended and is started again");
			close(p->launcher_fd);
			if (launcher_start(p->data_dir, &p->launcher_fd, &p->launcher, &e))
				log_error("troupe", "%s", e.text);
		}
	}
	return code;
}

/* Starts what is due; returns how long nothing will be, in ms. */
static int start_due(struct parent *p)
{
	uint64_t now = now_ms();
	int wait = 60000;
	for (size_t i = 0; i < p->process_count && !p->stopping; i++) {
		struct process *c = &p->processes[i];
		if (c->pid)
			continue;
		if (c->restart_at_ms <= now)
			spawn(p, c);
		else if ((int)(c->restart_at_ms - now) < wait)
			wait = (int)(c->restart_at_ms - now);
	}
	return wait;
}

static void on_notify(struct parent *p)
{
	char text[513];
	ssize_t n = read(p->notify[0], text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	if (strstr(text, "ready") && !p->ready) {
		p->ready = true;
		printf("ready: https://%s kubeconfig %s\n", p->address, p->kubeconfig);
		fflush(stdout);
	}
	for (char *at = text; (at = strstr(at, HOST_SAYS_TOLD)); at++)
		p->told++;
}

/* ---- the end */

/* Waits until something happens: a child ended, a process said something,
 * `fd` (may be -1) is readable. True: a person asked again to stop. */
static bool await(struct parent *p, int fd, int timeout_ms)
{
	struct pollfd fds[3] = {{.fd = p->signals, .events = POLLIN},
				{.fd = p->notify[0], .events = POLLIN},
				{.fd = fd, .events = POLLIN}};
	struct signalfd_siginfo info = {0};
	bool asked = false;
	poll(fds, 3, timeout_ms);
	if (fds[1].revents)
		on_notify(p);
	if (fds[0].revents && read(p->signals, &info, sizeof info) == sizeof info)
		asked = info.ssi_signo != SIGCHLD;
	reap(p);
	return asked;
}

static size_t call_all(struct parent *p, int number)
{
	size_t alive = 0;
	for (size_t i = 0; i < p->process_count; i++) {
		if (!p->processes[i].pid)
			continue;
		alive++;
		if (number) {
			kill(p->processes[i].pid, SIGCONT); /* a stopped one must hear it */
			kill(p->processes[i].pid, number);
		}
	}
	return alive;
}

/* The agents tell their pods to end, each with its own grace, while the
 * control plane is still there: what a container does at its end may need it.
 * Pods that no agent could tell are told here. A second signal kills all. */
static void end_pods(struct parent *p)
{
	uint64_t begin = now_ms(), until = begin + TELL_MS;
	bool hurry = false, said = false;
	int one;
	call_all(p, SIGUSR1);
	while (p->told < call_all(p, 0) && now_ms() < until && !hurry)
		hurry = await(p, -1, (int)(until - now_ms()));
	int number = hurry ? SIGQUIT : SIGTERM;
	for (size_t left; (left = pods_left(p->data_dir, number, &one));) {
		if (!said && now_ms() - begin > SAY_MS) {
			fprintf(stderr, "%zu pods are ending; a second signal kills them\n", left);
			said = true;
		}
		number = await(p, one, SAY_MS) ? SIGQUIT : 0;
		close(one);
	}
}

/* Own processes first, newest first; the main one, with the store, last. */
static void stop_all(struct parent *p)
{
	p->stopping = true;
	if (!p->o.keep_pods)
		end_pods(p);
	for (size_t i = p->process_count; i-- > 0;) {
		struct process *c = &p->processes[i];
		uint64_t until = now_ms() + STOP_MS;
		if (!c->pid)
			continue;
		kill(c->pid, SIGCONT); /* one that was stopped must be able to end */
		kill(c->pid, SIGTERM);
		while (c->pid && now_ms() < until)
			await(p, -1, (int)(until - now_ms()));
		if (c->pid) {
			log_warn("troupe", "process %s did not end in time", c->name);
			kill(c->pid, SIGKILL);
			waitpid(c->pid, NULL, 0);
			c->pid = 0;
		}
	}
	if (!p->o.keep_pods) {
		node_space_remove(p->data_dir);
		node_network_remove(p->data_dir);
	}
	if (!p->launcher)
		return;
	kill(p->launcher, SIGCONT);
	close(p->launcher_fd);
	waitpid(p->launcher, NULL, 0); /* it takes its socket along */
}

static int supervise(struct parent *p)
{
	for (;;) {
		int wait = start_due(p);
		struct pollfd fds[2] = {{.fd = p->signals, .events = POLLIN},
					{.fd = p->notify[0], .events = POLLIN}};
		struct signalfd_siginfo info;
		poll(fds, 2, wait);
		if (fds[1].revents)
			on_notify(p);
		if (!fds[0].revents || read(p->signals, &info, sizeof info) != sizeof info)
			continue;
		if (info.ssi_signo != SIGCHLD)
			return 0;
		int code = reap(p);
		if (code)
			return code;
	}
}

static int open_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(struct parent *p)
{
	struct err e = {0};
	if (readlink("/proc/self/exe", p->self, sizeof p->self - 1) < 0 || prepare(p, &e)) {
		fprintf(stderr, "troupe up: %s\n", e.text);
		return 1;
	}
	p->signals = open_signals();
	if (pipe2(p->notify, O_CLOEXEC))
		return 1;
	setenv("TROUPE_NOTIFY_FD", "3", 1);
	add_process(p, "main", false);
	for (size_t i = 0; i < p->config.cell_count; i++)
		if (p->config.cells[i].own_process)
			add_process(p, p->config.cells[i].name, p->config.cells[i].foreign);
	int code = supervise(p);
	if (code && !p->ready) /* what runs is from before, and is kept for the next start */
		p->o.keep_pods = true;
	stop_all(p);
	for (size_t i = 0; i < p->process_count; i++)
		failures_fini(&p->processes[i].failures);
	return code;
}

int command_up(int argc, char **argv)
{
	struct parent *p = mem_alloc(sizeof *p);
	p->network_lock = -1;
	p->o = (struct options){.data_dir = default_data_dir(),
				.nodes = NODES_UNSAID};
	argv[0] = (char *)"troupe up";
	argp_parse(&argp, argc, argv, 0, NULL, &p->o);
	if (!p->o.api)
		p->o.api = "127.0.0.1:6443";
	if (!p->o.runtime)
		p->o.runtime = "auto";
	if (p->o.nodes == NODES_UNSAID)
		p->o.nodes = 1;
	if (p->o.help_config)
		config_help(stdout);
	raise_limits();
	int code = p->o.help_config ? 0 : run(p);
	config_fini(&p->config);
	arena_fini(&p->arena);
	free(p);
	return code;
}

/* ---- the inner command */

int command_process(int argc, char **argv)
{
	const char *dir = NULL, *name = NULL;
	bool keep = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--data-dir") == 0 && i + 1 < argc)
			dir = argv[++i];
		else if (strcmp(argv[i], "--name") == 0 && i + 1 < argc)
			name = argv[++i];
		else if (strcmp(argv[i], "--keep-pods") == 0)
			keep = true;
	}
	if (!dir || !name) {
		fprintf(stderr, "troupe process: started by `troupe up` only\n");
		return EXIT_USAGE;
	}
	fcntl(3, F_SETFD, FD_CLOEXEC);
	return host_run(dir, name, keep);
}
