/* Bytes over TLS on a connection that is often full: all of them come, in order,
 * however many are given at a time. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/api/tls_stream.h"

enum { TOTAL = 3000000, WINDOW = 65536 };

struct end {
	int fd;
	gnutls_session_t session;
};

static struct end end_of(int fd, unsigned flags, void *credentials)
{
	static const char suites[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+ANON-ECDH";
	struct end e = {.fd = fd};
	int small = 4096;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	cr_assert_eq(gnutls_init(&e.session, flags | GNUTLS_NONBLOCK), 0);
	cr_assert_eq(gnutls_priority_set_direct(e.session, suites, NULL), 0);
	cr_assert_eq(gnutls_credentials_set(e.session, GNUTLS_CRD_ANON, credentials), 0);
	gnutls_transport_set_int(e.session, fd);
	return e;
}

static void shake_hands(struct end *a, struct end *b)
{
	int one = GNUTLS_E_AGAIN, other = GNUTLS_E_AGAIN;
	while (one || other) {
		one = one ? gnutls_handshake(a->session) : 0;
		other = other ? gnutls_handshake(b->session) : 0;
		cr_assert(one == 0 || one == GNUTLS_E_AGAIN, "%s", gnutls_strerror(one));
		cr_assert(other == 0 || other == GNUTLS_E_AGAIN, "%s", gnutls_strerror(other));
	}
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

/* `window` bytes are offered at a time, as far as there are so many. */
static void pass_all(size_t window)
{
	static uint8_t all[TOTAL], in[50000];
	gnutls_anon_client_credentials_t client;
	gnutls_anon_server_credentials_t server;
	int fd[2];
	for (size_t i = 0; i < TOTAL; i++)
		all[i] = byte_at(i);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	gnutls_anon_allocate_client_credentials(&client);
	gnutls_anon_allocate_server_credentials(&server);
	struct end a = end_of(fd[0], GNUTLS_CLIENT, client);
	struct end b = end_of(fd[1], GNUTLS_SERVER, server);
	shake_hands(&a, &b);
	struct tls_stream from = {.session = a.session}, to = {.session = b.session};
	size_t sent = 0, come = 0, full = 0;
	for (bool stuck = false; come < TOTAL; ) {
		ssize_t n = 0;
		while (sent < TOTAL && n != ERR_AGAIN) {
			size_t left = TOTAL - sent;
			n = tls_stream_write(&from, (struct span){all + sent, left < window ? left : window});
			cr_assert(n > 0 || n == ERR_AGAIN);
			sent += n > 0 ? (size_t)n : 0;
			full += n == ERR_AGAIN;
		}
		ssize_t m = tls_stream_read(&to, in, sizeof in);
		cr_assert(m > 0 || m == ERR_AGAIN);
		for (ssize_t i = 0; i < m; i++, come++)
			cr_assert_eq(in[i], byte_at(come), "byte %zu", come);
		cr_assert(!(stuck && m == ERR_AGAIN && sent == TOTAL), "%zu of %d came", come, TOTAL);
		stuck = m == ERR_AGAIN && sent == TOTAL;
	}
	cr_expect_gt(full, 10, "it was to be full now and then");
	gnutls_deinit(a.session);
	gnutls_deinit(b.session);
	gnutls_anon_free_client_credentials(client);
	gnutls_anon_free_server_credentials(server);
	close(fd[0]);
	close(fd[1]);
}

Test(tls_stream, less_than_a_record_at_a_time)
{
	pass_all(1000);
}

Test(tls_stream, more_than_a_record_at_a_time)
{
	pass_all(WINDOW);
}
