/* Kubernetes' channels in a WebSocket's messages. */
#include <criterion/criterion.h>

#include "actors/api/channels.h"

static struct span bytes(const char *data, size_t n)
{
	return (struct span){(const uint8_t *)data, n};
}

static const char *chosen(const char *list)
{
	const struct channel_protocol *p = channel_protocol(span_of(list));
	return p ? p->name : "none";
}

Test(channels, first_of_the_clients_list_that_there_is)
{
	cr_expect_str_eq(chosen(""), "");
	cr_expect_str_eq(chosen("channel.k8s.io"), "channel.k8s.io");
	cr_expect_str_eq(chosen("chat, v5.channel.k8s.io,v4.channel.k8s.io"), "v5.channel.k8s.io");
	cr_expect_str_eq(chosen("v4.base64.channel.k8s.io , v4.channel.k8s.io"),
			 "v4.base64.channel.k8s.io");
	cr_expect_str_eq(chosen("chat"), "none");
	cr_expect_str_eq(chosen(","), "none");
}

Test(channels, plain_streams_have_names_of_their_own)
{
	const char *name = NULL;
	bool base64 = true;
	cr_expect(channel_plain(span_of(""), &name, &base64) && !*name && !base64);
	cr_expect(channel_plain(span_of("base64.binary.k8s.io"), &name, &base64) && base64);
	cr_expect_not(channel_plain(span_of("channel.k8s.io"), &name, &base64));
}

Test(channels, what_is_written_is_read)
{
	static const char *const names[] = {"channel.k8s.io", "base64.channel.k8s.io",
					    "v5.channel.k8s.io"};
	static const char data[] = "\0\xff any\nbytes";
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (size_t n = 0; n < sizeof data; n++) {
			const struct channel_protocol *p = channel_protocol(span_of(names[i]));
			struct buf b = {0};
			struct arena a = {0};
			struct channel_message m;
			channel_write(p, CHANNEL_STDERR, bytes(data, n), &b);
			cr_assert_eq(b.data[0], p->base64 ? '2' : 2);
			cr_assert(channel_read(p, span_buf(&b), &a, &m));
			cr_expect_eq(m.channel, CHANNEL_STDERR);
			cr_expect(!m.end && span_eq(m.data, bytes(data, n)), "%s %zu", names[i], n);
			buf_fini(&b);
			arena_fini(&a);
		}
}

Test(channels, what_means_nothing_is_passed_over)
{
	static const struct {
		const char *protocol, *message;
		size_t n;
	} rows[] = {
		{"channel.k8s.io", "", 0},	   {"channel.k8s.io", "\x05x", 2},
		{"channel.k8s.io", "\xff\x00", 2}, {"base64.channel.k8s.io", "0!!!", 4},
		{"base64.channel.k8s.io", "/YQ==", 5}, {"base64.channel.k8s.io", "5YQ==", 5},
		{"v5.channel.k8s.io", "\xff", 1},  {"v5.channel.k8s.io", "\xff\x05", 2},
		{"v5.channel.k8s.io", "\xff\x00\x00", 3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct channel_message m;
		cr_expect_not(channel_read(channel_protocol(span_of(rows[i].protocol)),
					   bytes(rows[i].message, rows[i].n), &a, &m),
			      "row %zu", i);
		arena_fini(&a);
	}
}

Test(channels, v5_closes_one)
{
	struct arena a = {0};
	struct channel_message m;
	const struct channel_protocol *p = channel_protocol(span_of("v5.channel.k8s.io"));
	cr_assert(channel_read(p, bytes("\xff\x00", 2), &a, &m));
	cr_expect(m.end && m.channel == CHANNEL_STDIN && !m.data.len);
	arena_fini(&a);
}
