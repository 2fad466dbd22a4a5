/* The launcher's two ends that are not the launcher: forking it, asking it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/launcher/launcher.h"
#include "nodes/local_socket.h"
#include "nodes/pause/packet.h"

enum { HELLO_MS_MAX = 10000 };

static _Noreturn void run_launcher(const char *data_dir, int primary, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	setsid(); /* Ctrl-C is for the parent, which ends pods in order */
	launcher_main(data_dir, primary);
}

/* Waits for the launcher's first word: an answer with an empty uid. */
static int await_hello(int fd, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct launcher_answer a;
	int rc, ready;
	do {
		do
			ready = poll(&p, 1, HELLO_MS_MAX);
		while (ready < 0 && errno == EINTR);
		rc = ready > 0 ? launcher_answer(fd, &a) : ERR_TIMEOUT;
	} while (rc == ERR_AGAIN);
	if (rc)
		return err_set(e, ERR_IO, "launcher: it did not start: %s", err_text(rc));
	return a.code ? err_set(e, a.code, "launcher: %s", a.text) : 0;
}

int launcher_start(const char *data_dir, int *fd, pid_t *pid, struct err *e)
{
	int pair[2];
	pid_t self = getpid(), child;
	if (mkdir(data_dir, 0700) != 0 && errno != EEXIST)
		return err_set(e, ERR_IO, "launcher: %s: %s", data_dir, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return err_set(e, ERR_IO, "launcher: socketpair: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(pair[0]);
		run_launcher(data_dir, pair[1], self);
	}
	int number = errno;
	close(pair[1]);
	if (child < 0) {
		close(pair[0]);
		return err_set(e, ERR_IO, "launcher: fork: %s", strerror(number));
	}
	int rc = await_hello(pair[0], e);
	if (rc) {
		close(pair[0]);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return rc;
	}
	*fd = pair[0];
	*pid = child;
	return 0;
}

int launcher_connect(const char *data_dir, int *fd, struct err *e)
{
	int s = local_socket_connect(data_dir, LAUNCHER_SOCKET, e);
	if (s < 0)
		return s;
	*fd = s;
	return 0;
}

int launcher_ask(int fd, struct span uid, const char *pod_dir)
{
	struct buf b = {0};
	size_t offset = 0;
	if (pod_dir[0] != '/')
		return ERR_INVALID;
	mpw_map(&b, 2);
	mpw_kv_span(&b, "uid", uid);
	mpw_kv_str(&b, "dir", pod_dir);
	int rc = b.len < 4096 + 200 ? packet_send(fd, span_buf(&b), &offset) : ERR_INVALID;
	buf_fini(&b);
	return rc;
}

static void text_of(char *to, size_t cap, struct span text)
{
	size_t n = text.len < cap - 1 ? text.len : cap - 1;
	if (n)
		memcpy(to, text.data, n);
	to[n] = 0;
}

int launcher_answer(int fd, struct launcher_answer *out)
{
	struct buf b = {0};
	int rc = packet_receive(fd, &b);
	if (rc == 0 && mp_check(span_buf(&b), NULL) != 0)
		rc = ERR_CLOSED;
	if (rc == 0) {
		struct mp m = mp_of(span_buf(&b));
		char name[40];
		memset(out, 0, sizeof *out);
		text_of(out->uid, sizeof out->uid, mp_path_str(m, "uid"));
		text_of(out->text, sizeof out->text, mp_path_str(m, "text"));
		text_of(name, sizeof name, mp_path_str(m, "code"));
		out->code = name[0] ? err_by_name(name) : 0;
		out->pid = (pid_t)mp_path_int(m, "pid", 0);
	}
	buf_fini(&b);
	return rc;
}
