/* Frames from a wire: what keeping one of them costs. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/socket.h"

enum { FRAMES = 1000, FRAME_BYTES = 1000 };

static struct bytes *receive(struct sock *s)
{
	struct pollfd p = {.fd = sock_fd(s), .events = POLLIN};
	struct bytes *frame = NULL;
	uint64_t peer;
	while (sock_recv(s, &peer, &frame) == ERR_AGAIN) {
		cr_assert_geq(poll(&p, 1, -1), 0);
		sock_woken(s);
	}
	cr_assert_not_null(frame);
	return frame;
}

/* One at a time, as events come: many that are read at once would share what was
 * read, and hide what each keeps of it. (A sanitizer's allocator counts nothing
 * here, and only looks at the frames.) */
Test(socket, a_frame_that_is_kept_keeps_only_itself)
{
	static struct bytes *kept[FRAMES];
	char endpoint[64], text[FRAME_BYTES] = {0};
	struct err e = {0};
	sock_system_start();
	snprintf(endpoint, sizeof endpoint, "ipc://@troupe-frames-%d", (int)getpid());
	struct sock *in = sock_new(SOCK_ROUTER, &e), *out = sock_new(SOCK_DEALER, &e);
	cr_assert_eq(sock_bind(in, endpoint, &e), 0, "%s", e.text);
	cr_assert_eq(sock_connect(out, endpoint, &e), 0, "%s", e.text);
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < FRAMES; i++) {
		snprintf(text, sizeof text, "%d", i);
		struct bytes *frame = bytes_copy(text, sizeof text);
		cr_assert_eq(sock_send(out, 0, frame), 0);
		bytes_unref(frame);
		kept[i] = receive(in);
	}
	size_t grown = mallinfo2().uordblks - before;
	cr_expect_lt(grown, 2 * FRAMES * FRAME_BYTES, "%zu bytes for each", grown / FRAMES);
	for (int i = 0; i < FRAMES; i++) {
		snprintf(text, sizeof text, "%d", i);
		cr_expect_eq(bytes_span(kept[i]).len, sizeof text);
		cr_expect_str_eq((const char *)bytes_span(kept[i]).data, text);
		bytes_unref(kept[i]);
	}
	sock_close(in);
	sock_close(out);
	sock_system_stop();
}
