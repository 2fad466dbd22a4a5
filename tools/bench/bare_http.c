/* The bare HTTP library beside the API: libmicrohttpd with TLS in a loop of
 * its own, or in a thread of its own, answering every request with the same
 * body. A GET of /watch is held, and each PUT sends the body to all of these.
 * Usage: bare_http PORT CERT KEY BODY-FILE loop|thread */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static char *body;
static size_t body_len;

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);
	if (!f || !text)
		exit(1);
	*len = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

/* A held request; which of the changes it has been sent. */
struct held {
	struct MHD_Connection *c;
	size_t sent, at; /* changes, bytes of the next one */
	bool suspended;
	struct held *next;
};
static struct held *held;
static size_t changes;

static ssize_t next_part(void *cls, uint64_t pos, char *out, size_t max)
{
	struct held *h = cls;
	(void)pos;
	if (h->sent == changes) {
		h->suspended = true;
		MHD_suspend_connection(h->c);
		return 0;
	}
	size_t n = body_len - h->at < max ? body_len - h->at : max;
	memcpy(out, body + h->at, n);
	h->at += n;
	if (h->at == body_len) {
		h->at = 0;
		h->sent++;
	}
	return (ssize_t)n;
}

static enum MHD_Result hold(struct MHD_Connection *c)
{
	struct held *h = calloc(1, sizeof *h);
	if (!h)
		return MHD_NO;
	*h = (struct held){.c = c, .sent = changes, .next = held};
	held = h;
	struct MHD_Response *r =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, next_part, h, NULL);
	enum MHD_Result rc = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return rc;
}

static void send_to_all(void)
{
	changes++;
	for (struct held *h = held; h; h = h->next)
		if (h->suspended) {
			h->suspended = false;
			MHD_resume_connection(h->c);
		}
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *data, size_t *size,
			      void **seen)
{
	(void)cls, (void)version, (void)data;
	if (!*seen || *size) { /* the headers, or a part of the request's body */
		*seen = body;
		*size = 0;
		return MHD_YES;
	}
	if (strncmp(url, "/watch", 6) == 0 && strcmp(method, "GET") == 0)
		return hold(c);
	if (strcmp(method, "PUT") == 0)
		send_to_all();
	struct MHD_Response *r =
		MHD_create_response_from_buffer(body_len, body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(r, "Content-Type", "application/json");
	enum MHD_Result rc = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return rc;
}

int main(int argc, char **argv)
{
	size_t n;
	if (argc != 6)
		return 64;
	bool loop = strcmp(argv[5], "loop") == 0;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	char *cert = read_file(argv[2], &n), *key = read_file(argv[3], &n);
	body = read_file(argv[4], &body_len);
	struct MHD_Daemon *d = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME | (loop ? 0 : MHD_USE_INTERNAL_POLLING_THREAD), 0, NULL,
		NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_HTTPS_MEM_CERT, cert,
		MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_CONNECTION_LIMIT, 15000u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768, MHD_OPTION_END);
	if (!d)
		return 1;
	if (!loop) {
		pause();
		return 0;
	}
	int fd = epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN};
	epoll_ctl(fd, EPOLL_CTL_ADD, MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, &ev);
	for (;;) {
		MHD_UNSIGNED_LONG_LONG ms;
		int wait = MHD_get_timeout(d, &ms) == MHD_YES ? (int)ms : 1000;
		epoll_wait(fd, &ev, 1, wait);
		MHD_run(d);
	}
}
