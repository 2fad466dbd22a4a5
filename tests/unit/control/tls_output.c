/* What is held leaves with what comes after it; on a full socket every byte leaves
 * once, in order. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/tls_output.h"

static struct tls_output output_of(int kind, int *other)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, pair), 0);
	*other = pair[1];
	return (struct tls_output){.fd = pair[0]};
}

static ssize_t push(struct tls_output *o, const char *text, size_t n)
{
	giovec_t parts[2] = {{(void *)(uintptr_t)text, n / 2},
			     {(void *)(uintptr_t)(text + n / 2), n - n / 2}};
	return tls_output_push(o, parts, 2);
}

static void expect(int fd, const char *text)
{
	char got[64] = "";
	ssize_t n = recv(fd, got, sizeof got - 1, 0);
	cr_assert_eq(n, (ssize_t)strlen(text), "%zd bytes", n);
	cr_assert_str_eq(got, text);
}

/* A datagram for each call of the system. */
Test(tls_output, a_head_leaves_with_its_body)
{
	int other;
	struct tls_output o = output_of(SOCK_DGRAM, &other);
	cr_assert_eq(push(&o, "alone", 5), 5);
	expect(other, "alone");
	tls_output_hold(&o);
	cr_assert_eq(push(&o, "head", 4), 4);
	cr_assert_lt(recv(other, (char[1]){0}, 1, 0), 0, "it did not wait");
	cr_assert_eq(push(&o, "body", 4), 4);
	expect(other, "headbody");
	cr_assert_eq(push(&o, "more", 4), 4);
	expect(other, "more");
	cr_assert_null(o.held.data, "memory is kept for nothing");
	tls_output_close(&o);
	close(o.fd);
	close(other);
}

Test(tls_output, a_long_head_leaves_by_itself)
{
	int other;
	static char head[TLS_OUTPUT_HELD_MAX + 1];
	struct tls_output o = output_of(SOCK_STREAM, &other);
	tls_output_hold(&o);
	cr_assert_eq(push(&o, head, sizeof head), (ssize_t)sizeof head);
	cr_assert_eq(recv(other, head, sizeof head, 0), (ssize_t)sizeof head);
	tls_output_close(&o);
	close(o.fd);
	close(other);
}

/* Tries again as TLS does; who reads takes a little each time it is refused. */
static void push_all(struct tls_output *o, int other, const char *from, size_t n, char *to, size_t *at)
{
	while (n) {
		ssize_t taken = push(o, from, n);
		if (taken < 0) {
			cr_assert_eq(errno, EAGAIN);
			ssize_t got = recv(other, to + *at, 700, 0);
			cr_assert_gt(got, 0, "refused with room");
			*at += (size_t)got;
			continue;
		}
		from += taken;
		n -= (size_t)taken;
	}
}

Test(tls_output, a_full_socket_gets_every_byte_once_in_order)
{
	enum { ANSWERS = 300, HEAD = 900, BODY = 5000, TOTAL = ANSWERS * (HEAD + BODY) };
	static char sent[TOTAL], got[TOTAL + 700];
	int other, small = 2048;
	size_t at = 0;
	struct tls_output o = output_of(SOCK_STREAM, &other);
	setsockopt(o.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	for (size_t i = 0; i < TOTAL; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < TOTAL; i += HEAD + BODY) {
		tls_output_hold(&o);
		push_all(&o, other, sent + i, HEAD, got, &at);
		push_all(&o, other, sent + i + HEAD, BODY, got, &at);
	}
	for (ssize_t n; at < TOTAL; at += (size_t)n) {
		n = recv(other, got + at, 700, 0);
		cr_assert_gt(n, 0, "%zu of %d bytes", at, TOTAL);
	}
	cr_assert_eq(memcmp(got, sent, TOTAL), 0);
	tls_output_close(&o);
	close(o.fd);
	close(other);
}
