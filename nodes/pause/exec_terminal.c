#include "nodes/pause/exec_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "nodes/pause/child.h"
#include "nodes/pause/procid.h"
#include "nodes/pause/proto.h"
#include "nodes/pause/terminal.h"

enum { PATH_BYTES = 4352, HELD_BYTES = 4096, FOR_EVER = -1 };

/* Bytes of one direction that were read and are not written yet. */
struct held {
	char bytes[HELD_BYTES];
	size_t from, to;
};

struct relay {
	int outer, console, sender, inner, signals; /* -1: not there yet, or no more */
	pid_t program, command;		    /* 0: unknown, or ended */
	const char *pid_file;
	struct held in, out; /* to the command; from it */
	bool over;
	int code;
};

static void path_of(char path[PATH_BYTES], const char *name, const char *ending)
{
	snprintf(path, PATH_BYTES, "%s%s", name, ending);
}

void exec_terminal_remove(const char *name)
{
	char path[PATH_BYTES];
	path_of(path, name, EXEC_TERMINAL_SOCKET);
	unlink(path);
	path_of(path, name, EXEC_TERMINAL_PID);
	unlink(path);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- bytes */

static bool is_later(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False: nothing more comes. */
static bool fill(struct held *h, int fd)
{
	ssize_t n = read(fd, h->bytes, sizeof h->bytes);
	h->from = 0;
	h->to = n > 0 ? (size_t)n : 0;
	return n > 0 || is_later(n);
}

/* False: nobody reads any more. */
static bool empty(struct held *h, int fd)
{
	ssize_t n = write(fd, h->bytes + h->from, h->to - h->from);
	if (n > 0)
		h->from += (size_t)n;
	return n >= 0 || is_later(n);
}

static bool is_held(const struct held *h)
{
	return h->from < h->to;
}

static void drop(struct held *h)
{
	h->from = h->to = 0;
}

static void carry(struct relay *r, short outer, short inner)
{
	if (outer && !is_held(&r->in) && r->inner >= 0 && !fill(&r->in, r->outer))
		close_fd(&r->outer);
	if (is_held(&r->in) && (r->inner < 0 || !empty(&r->in, r->inner)))
		drop(&r->in);
	if (inner && r->inner >= 0 && !is_held(&r->out) && !fill(&r->out, r->inner))
		close_fd(&r->inner);
	if (is_held(&r->out) && (r->outer < 0 || !empty(&r->out, r->outer)))
		drop(&r->out);
}

/* What the command left in its terminal: the kernel hands over all that there is before it
 * says that there is nothing. */
static void drain(struct relay *r)
{
	while (r->outer >= 0) {
		if (is_held(&r->out)) {
			struct pollfd p = {.fd = r->outer, .events = POLLOUT};
			poll(&p, 1, FOR_EVER);
			if (!empty(&r->out, r->outer))
				return;
		} else if (r->inner < 0 || !fill(&r->out, r->inner) || !is_held(&r->out)) {
			return;
		}
	}
}

/* ---- the terminals */

static void take_size(const struct relay *r)
{
	struct winsize size;
	if (r->inner >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(r->inner, TIOCSWINSZ, &size);
}

static void take_sender(struct relay *r)
{
	r->sender = terminal_accept(r->console);
	if (r->sender >= 0)
		close_fd(&r->console);
}

static void take_terminal(struct relay *r)
{
	r->inner = terminal_take(r->sender);
	close_fd(&r->sender);
	take_size(r);
}

/* All that is typed is for the terminal inside. */
static void make_raw(void)
{
	struct termios t;
	if (tcgetattr(STDIN_FILENO, &t) != 0)
		return;
	cfmakeraw(&t);
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

/* ---- processes */

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void end(struct relay *r, int code)
{
	r->over = true;
	r->code = code;
}

static void program_ended(struct relay *r, int status)
{
	r->program = 0;
	r->command = status == 0 ? procid_of_file(r->pid_file) : 0;
	if (!r->command)
		end(r, status ? code_of(status) : PAUSE_NEVER_RAN);
}

/* The command is waited for when the program has said which it is; others that lost their
 * parent are nobody's. */
static void reap(struct relay *r)
{
	int status;
	if (r->program && waitpid(r->program, &status, WNOHANG) == r->program)
		program_ended(r, status);
	for (pid_t pid; !r->program && (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == r->command)
			end(r, code_of(status));
}

static void on_signal(struct relay *r)
{
	struct signalfd_siginfo s;
	while (read(r->signals, &s, sizeof s) == sizeof s)
		if (s.ssi_signo == SIGWINCH)
			take_size(r);
	reap(r);
}

/* ---- */

static void turn(struct relay *r)
{
	short outer = 0, inner = 0;
	if (r->inner >= 0 && !is_held(&r->in))
		outer |= POLLIN;
	if (is_held(&r->in))
		inner |= POLLOUT;
	if (is_held(&r->out))
		outer |= POLLOUT;
	else
		inner |= POLLIN;
	struct pollfd p[] = {
		{.fd = r->signals, .events = POLLIN},
		{.fd = r->console, .events = POLLIN},
		{.fd = r->sender, .events = POLLIN},
		{.fd = inner ? r->inner : -1, .events = inner},
		{.fd = outer ? r->outer : -1, .events = outer},
	};
	if (poll(p, sizeof p / sizeof *p, FOR_EVER) < 0)
		return;
	if (p[1].revents)
		take_sender(r);
	if (p[2].revents)
		take_terminal(r);
	carry(r, p[4].revents, p[3].revents);
	if (p[0].revents)
		on_signal(r);
}

static int block_signals(sigset_t *before)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static _Noreturn void begin(void (*become)(void *arg), void *arg, const sigset_t *before)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < 3; i++)
		dup2(null, i); /* what it says is in its log */
	sigprocmask(SIG_SETMASK, before, NULL);
	become(arg);
	_exit(PAUSE_NEVER_RAN);
}

_Noreturn void exec_terminal(const char *name, void (*become)(void *arg), void *arg, int tell)
{
	char socket[PATH_BYTES], pid_file[PATH_BYTES];
	sigset_t before;
	path_of(socket, name, EXEC_TERMINAL_SOCKET);
	path_of(pid_file, name, EXEC_TERMINAL_PID);
	struct relay r = {.outer = STDIN_FILENO, .sender = -1, .inner = -1, .pid_file = pid_file};
	r.signals = block_signals(&before);
	r.console = terminal_listen(socket);
	if (r.signals < 0 || r.console < 0)
		child_give_up(tell, socket, errno);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_raw();
	fcntl(r.outer, F_SETFL, fcntl(r.outer, F_GETFL) | O_NONBLOCK);
	r.program = fork();
	if (r.program < 0)
		child_give_up(tell, "fork", errno);
	if (r.program == 0)
		begin(become, arg, &before);
	close(tell); /* it is the program's to say that it runs */
	while (!r.over)
		turn(&r);
	if (r.console >= 0)
		take_sender(&r);
	if (r.sender >= 0)
		take_terminal(&r);
	drain(&r);
	exec_terminal_remove(name);
	_exit(r.code);
}
