/* A command beside a container: all of its container's, but for what it is. */
#include "nodes/pause/oci_process.h"

#include <criterion/criterion.h>

static const char *put(struct buf *b, const char *known, bool tty)
{
	char *argv[] = {"sh", "-c", "echo \"a\\b\"\n\001", NULL};
	b->len = 0;
	return oci_process_put(span_of(known), argv, tty, b) ? buf_text(b) : "none";
}

Test(oci_process, a_command_takes_the_place_of_the_containers)
{
	struct buf b = {0};
	cr_expect_str_eq(put(&b, "{\"cwd\":\"/w\",\"env\":[\"A=1\"]}", false),
			 "{\"terminal\":false,\"args\":[\"sh\",\"-c\",\"echo \\\"a\\\\b\\\"\\u000a\\u0001\"],"
			 "\"cwd\":\"/w\",\"env\":[\"A=1\"]}");
	buf_fini(&b);
}

Test(oci_process, a_terminal_has_a_kind_unless_it_is_given_one)
{
	struct buf b = {0};
	cr_expect(strstr(put(&b, "{\"env\":[\"A=1\"]}", true), "\"env\":[\"A=1\",\"TERM=xterm\"]}"));
	cr_expect(strstr(put(&b, "{\"env\":[]}", true), "\"env\":[\"TERM=xterm\"]}"));
	cr_expect(strstr(put(&b, "{\"env\":[\"TERM=vt\"]}", true), "\"env\":[\"TERM=vt\"]}"));
	buf_fini(&b);
}

Test(oci_process, what_is_no_process_makes_no_command)
{
	static const char *const rows[] = {"", "{", "{}", "]}", "[]]}", "{\"env\":[]"};
	struct buf b = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(put(&b, rows[i], false), "none", "%s", rows[i]);
	buf_fini(&b);
}
