#include "nodes/exec_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "broker/base/mp.h"
#include "nodes/pause/packet.h"
#include "nodes/pause/proto.h"
#include "nodes/local_socket.h"

struct exec_link {
	int fd[EXEC_STREAMS]; /* with a tty EXEC_IN is EXEC_OUT's second */
	bool tty, ended[EXEC_STREAMS]; /* ended: to be closed by exec_link_tidy */
	struct buf inbox, request;
	size_t sent; /* of the request */
	bool attach, begun;
	/* Of an attached one, told when the request is out. */
	bool speaks, end_due, size_due;
	uint16_t width, height;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int no_block(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* ours: 1 when we write, 0 when we read. An unwanted one leads nowhere. */
static int open_pipe(bool wanted, int ours, int *here, int *there)
{
	int fd[2];
	if (!wanted) {
		*there = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *there < 0 ? -1 : 0;
	}
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	*here = fd[ours];
	*there = fd[!ours];
	return no_block(*here);
}

static int open_pipes(struct exec_link *x, const struct exec_start *s, int there[3])
{
	return open_pipe(s->in, 1, &x->fd[EXEC_IN], &there[0]) ||
			       open_pipe(s->out, 0, &x->fd[EXEC_OUT], &there[1]) ||
			       open_pipe(s->err, 0, &x->fd[EXEC_ERR], &there[2])
		       ? -1
		       : 0;
}

static int open_terminal(struct exec_link *x, int there[3])
{
	char name[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -1;
	x->fd[EXEC_OUT] = master;
	if (grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof name) ||
	    no_block(master))
		return -1;
	for (int i = 0; i < 3; i++)
		if ((there[i] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
			return -1;
	x->fd[EXEC_IN] = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return x->fd[EXEC_IN] < 0 ? -1 : 0;
}

static void write_texts(struct buf *b, const char *key, const char *const *texts)
{
	mpw_str(b, key);
	size_t at = mpw_array_open(b), n = 0;
	for (; texts && texts[n]; n++)
		mpw_bin(b, span_of(texts[n]));
	mpw_array_close(b, at, n);
}

/* Sends what the socket takes of the request; the first packet brings `io`. */
static int send_request(struct exec_link *x, const struct packet_fds *io)
{
	int rc = 0;
	while (rc == 0 && x->sent < x->request.len)
		rc = packet_send_fds(x->fd[EXEC_END], span_buf(&x->request), &x->sent, io);
	if (rc)
		return rc;
	buf_fini(&x->request);
	x->sent = 0;
	return 0;
}

/* The next thing to tell after the request; false: nothing. */
static bool more_to_tell(struct exec_link *x)
{
	struct buf *b = &x->request;
	if (x->size_due) {
		mpw_map(b, 1);
		mpw_str(b, "resize");
		mpw_array(b, 2);
		mpw_u64(b, x->width);
		mpw_u64(b, x->height);
		x->size_due = false;
	} else if (x->end_due) {
		mpw_map(b, 1);
		mpw_kv_bool(b, "end", true);
		x->end_due = false;
	}
	return b->len > 0;
}

static int flush(struct exec_link *x, const struct packet_fds *io)
{
	int rc = send_request(x, io);
	while (rc == 0 && more_to_tell(x))
		rc = send_request(x, NULL);
	return rc;
}

static int ask(struct exec_link *x, const struct exec_start *s, const int there[3], struct err *e)
{
	struct buf *b = &x->request;
	struct packet_fds io = {.fd = {there[0], there[1], there[2]}, .count = 3};
	mpw_map(b, s->attach ? 3 : 7);
	mpw_kv_str(b, "container", s->container);
	if (s->attach) {
		mpw_kv_bool(b, "attach", true);
		mpw_kv_bool(b, "stdin", s->in);
	} else {
		write_texts(b, "argv", s->argv);
		write_texts(b, "env", s->env);
		mpw_kv_str(b, "cwd", s->cwd ? s->cwd : "");
		mpw_kv_i64(b, "uid", s->uid);
		mpw_kv_i64(b, "gid", s->gid);
		mpw_kv_bool(b, "tty", s->tty);
	}
	if (b->len > PAUSE_MESSAGE_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "arguments and environment are too large");
	int rc = flush(x, &io);
	return rc == ERR_AGAIN && x->sent ? 0 : rc;
}

static int connect_pause(struct exec_link *x, const char *pod_dir, struct err *e)
{
	int fd = local_socket_connect(pod_dir, PAUSE_EXEC_SOCKET, e);
	if (fd < 0)
		return fd;
	x->fd[EXEC_END] = fd;
	return 0;
}

int exec_link_open(struct exec_link **out, const char *pod_dir, const struct exec_start *s,
		   struct err *e)
{
	int there[3] = {-1, -1, -1};
	struct exec_link *x = mem_alloc(sizeof *x);
	for (int i = 0; i < EXEC_STREAMS; i++)
		x->fd[i] = -1;
	x->tty = s->tty && !s->attach;
	x->attach = s->attach;
	x->begun = !s->attach;
	x->speaks = s->attach && s->in;
	int rc = (x->tty ? open_terminal(x, there) : open_pipes(x, s, there))
			 ? err_set(e, ERR_IO, "pipes of a command: %s", strerror(errno))
			 : 0;
	if (rc == 0)
		rc = connect_pause(x, pod_dir, e);
	if (rc == 0)
		rc = ask(x, s, there, e);
	for (int i = 0; i < 3; i++)
		close_fd(&there[i]);
	if (rc) {
		exec_link_close(x);
		return rc;
	}
	*out = x;
	return 0;
}

void exec_link_close(struct exec_link *x)
{
	if (!x)
		return;
	if (x->speaks && exec_link_fd(x, EXEC_END) >= 0) {
		x->end_due = true;
		(void)flush(x, NULL);
	}
	for (int i = 0; i < EXEC_STREAMS; i++)
		close_fd(&x->fd[i]);
	buf_fini(&x->inbox);
	buf_fini(&x->request);
	free(x);
}

int exec_link_fd(const struct exec_link *x, enum exec_stream s)
{
	return x->ended[s] ? -1 : x->fd[s];
}

void exec_link_tidy(struct exec_link *x)
{
	for (int i = 0; i < EXEC_STREAMS; i++)
		if (x->ended[i])
			close_fd(&x->fd[i]);
}

/* A terminal without anybody at its other end says EIO. */
ssize_t exec_link_read(struct exec_link *x, enum exec_stream s, uint8_t *to, size_t max)
{
	ssize_t n = -1;
	if (exec_link_fd(x, s) < 0)
		return ERR_CLOSED;
	do
		n = read(x->fd[s], to, max);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_AGAIN;
	x->ended[s] = true;
	return ERR_CLOSED;
}

ssize_t exec_link_write(struct exec_link *x, struct span data)
{
	ssize_t n = -1;
	if (exec_link_fd(x, EXEC_IN) < 0)
		return ERR_CLOSED;
	do
		n = write(x->fd[EXEC_IN], data.data, data.len);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return ERR_AGAIN;
	x->ended[EXEC_IN] = true;
	return ERR_CLOSED;
}

/* The end of a pipe may as well be that of this process; so it is said, too. */
static void say_end(struct exec_link *x)
{
	x->end_due = x->speaks;
	x->speaks = false;
	if (exec_link_fd(x, EXEC_END) >= 0)
		(void)flush(x, NULL);
}

/* A terminal has no end of its input but the character that means it. */
void exec_link_close_input(struct exec_link *x)
{
	if (x->speaks)
		say_end(x);
	static const uint8_t end_of_file = 4;
	if (x->tty)
		(void)exec_link_write(x, (struct span){&end_of_file, 1});
	close_fd(&x->fd[EXEC_IN]);
}

void exec_link_resize(struct exec_link *x, uint16_t width, uint16_t height)
{
	struct winsize size = {.ws_col = width, .ws_row = height};
	if (x->attach && exec_link_fd(x, EXEC_END) >= 0) {
		x->width = width;
		x->height = height;
		x->size_due = true;
		(void)flush(x, NULL);
	}
	if (x->tty && exec_link_fd(x, EXEC_OUT) >= 0)
		ioctl(x->fd[EXEC_OUT], TIOCSWINSZ, &size);
}

bool exec_link_asks(const struct exec_link *x)
{
	return x->request.len > 0;
}

bool exec_link_begun(const struct exec_link *x)
{
	return x->begun;
}

static bool is_beginning(struct exec_link *x)
{
	struct mp m = mp_of(span_buf(&x->inbox));
	if (mp_check(span_buf(&x->inbox), NULL) || !span_is(mp_path_str(m, "event"), "attached"))
		return false;
	x->begun = true;
	x->inbox.len = 0;
	return true;
}

int exec_link_end(struct exec_link *x, struct exec_end *end)
{
	if (exec_link_fd(x, EXEC_END) < 0)
		return ERR_CLOSED;
	(void)flush(x, NULL); /* a pause that is gone is seen below */
	int rc = packet_receive(x->fd[EXEC_END], &x->inbox);
	if (rc == 0 && x->attach && is_beginning(x))
		rc = packet_receive(x->fd[EXEC_END], &x->inbox);
	if (rc == ERR_AGAIN)
		return ERR_AGAIN;
	x->ended[EXEC_END] = true;
	if (rc || mp_check(span_buf(&x->inbox), NULL))
		return ERR_CLOSED;
	struct mp m = mp_of(span_buf(&x->inbox)), text;
	struct span error = {0};
	if (mp_find(m, "error", &text))
		mp_bin(&text, &error);
	end->code = (int)mp_path_int(m, "code", PAUSE_NEVER_RAN);
	span_text(end->error, sizeof end->error, error);
	return 0;
}
