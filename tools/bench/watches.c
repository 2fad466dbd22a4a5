/* Watches held: opens N TLS watches one after the other, then sends K changes
 * and waits until every watcher has read all of them. Prints one JSON object:
 * opened a second, KB of the server's memory each, deliveries a second.
 * Usage: watches PORT PATH N CHANGES CHANGE-PATH BODY-FILE SERVER-PID...
 * Environment: TOKEN. A change is a PUT of the body, in which "@@@@@@" counts;
 * an event ends with "}\n". */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct watcher {
	gnutls_session_t tls;
	int fd;
	long events;
	char last;
};

static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;
static const char *token;

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "watches: %s: %m\n", what);
	exit(1);
}

static void dial(struct watcher *w, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int one = 1;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&at, sizeof at))
		die("connect");
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	gnutls_init(&w->tls, GNUTLS_CLIENT | GNUTLS_NO_TICKETS);
	gnutls_priority_set(w->tls, priority);
	gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_int(w->tls, w->fd);
	int rc;
	do
		rc = gnutls_handshake(w->tls);
	while (rc < 0 && !gnutls_error_is_fatal(rc));
	if (rc < 0) {
		fprintf(stderr, "watches: %s\n", gnutls_strerror(rc));
		exit(1);
	}
}

static void say(struct watcher *w, const char *method, const char *path, const char *body)
{
	char head[1200];
	size_t len = body ? strlen(body) : 0;
	int n = snprintf(head, sizeof head,
			 "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
			 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			 method, path, token, len);
	if (gnutls_record_send(w->tls, head, (size_t)n) != n ||
	    (len && gnutls_record_send(w->tls, body, len) != (ssize_t)len))
		die("send");
}

/* Until the end of the head, or of a small answer with a length. */
static void hear(struct watcher *w, bool whole)
{
	char text[65536];
	size_t n = 0;
	for (;;) {
		ssize_t got = gnutls_record_recv(w->tls, text + n, sizeof text - 1 - n);
		if (got <= 0)
			die("receive");
		n += (size_t)got;
		text[n] = 0;
		char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
		if (end && (!whole || n >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10)))
			break;
	}
	if (strncmp(text, "HTTP/1.1 20", 11) != 0) {
		fprintf(stderr, "watches: %.300s\n", text);
		exit(1);
	}
}

static long pss_kb(char **pids, int n)
{
	long sum = 0;
	for (int i = 0; i < n; i++) {
		char path[64], line[256];
		snprintf(path, sizeof path, "/proc/%s/smaps_rollup", pids[i]);
		FILE *f = fopen(path, "re");
		if (!f)
			die(path);
		while (fgets(line, sizeof line, f))
			if (strncmp(line, "Pss:", 4) == 0)
				sum += atol(line + 4);
		fclose(f);
	}
	return sum;
}

/* Reads what there is; whether it has heard its last event by now. */
static bool drain(struct watcher *w, long want)
{
	char text[65536];
	bool before = w->events >= want;
	for (;;) {
		ssize_t n = gnutls_record_recv(w->tls, text, sizeof text);
		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			break;
		if (n <= 0)
			die("a watch ended");
		for (ssize_t i = 0; i < n; i++) {
			w->events += text[i] == '\n' && w->last == '}';
			w->last = text[i];
		}
	}
	return !before && w->events >= want;
}

int main(int argc, char **argv)
{
	static char body[65536];
	if (argc < 8)
		return 64;
	int port = atoi(argv[1]), n = atoi(argv[3]);
	long changes = atol(argv[4]);
	token = getenv("TOKEN");
	FILE *f = fopen(argv[6], "re");
	if (!f || !token || !fread(body, 1, sizeof body - 1, f))
		die("TOKEN and BODY-FILE");
	fclose(f);
	char *count = strstr(body, "@@@@@@");
	gnutls_global_init();
	gnutls_certificate_allocate_credentials(&credentials);
	gnutls_priority_init(&priority, "NORMAL", NULL);
	struct watcher *all = calloc((size_t)n, sizeof *all), writer = {0};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	dial(&writer, port);
	long kb = pss_kb(argv + 7, argc - 7);
	double start = now_s();
	for (int i = 0; i < n; i++) {
		dial(&all[i], port);
		say(&all[i], "GET", argv[2], NULL);
		hear(&all[i], false);
		fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
		epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	double opened = now_s() - start;
	kb = pss_kb(argv + 7, argc - 7) - kb;
	start = now_s();
	int ready = changes ? 0 : n;
	for (long sent = 0; ready < n;) {
		if (sent < changes) {
			char digits[8];
			snprintf(digits, sizeof digits, "%06ld", ++sent % 1000000);
			if (count)
				memcpy(count, digits, 6);
			say(&writer, "PUT", argv[5], body);
			hear(&writer, true);
		}
		struct epoll_event e[256];
		int got = epoll_wait(epoll, e, 256, sent < changes ? 0 : 10000);
		if (got == 0 && sent == changes)
			die("events are missing");
		for (int i = 0; i < got; i++)
			ready += drain(e[i].data.ptr, changes);
	}
	double took = now_s() - start;
	printf("{\"watches\":%d,\"opened_per_s\":%.0f,\"kb_each\":%.1f,\"changes\":%ld,"
	       "\"deliveries_per_s\":%.0f}\n",
	       n, n / opened, (double)kb / n, changes, changes ? (double)changes * n / took : 0);
	return 0;
}
