/* What OCI programs say, in one cluster's words whichever of them it was. */
#include "nodes/pause/oci_words.h"

#include <criterion/criterion.h>

static const char not_found[] = "unable to start container process: exec: \"x\": executable file "
				"not found in $PATH: unknown";

static void says(const char *said, const char *word, const char *words, int code)
{
	struct buf b = {0};
	oci_words(span_of(said), span_of(word), &b);
	cr_expect_str_eq(buf_text(&b), words);
	cr_expect_eq(oci_words_code(span_buf(&b)), code, "%s", words);
	buf_fini(&b);
}

Test(oci_words, what_is_not_there_is_127_by_either_program)
{
	says("executable file `x` not found in $PATH: No such file or directory", "x", not_found, 127);
	says("runc run failed: unable to start container process: exec: \"x\": executable file not "
	     "found in $PATH", "", not_found, 127);
	says("executable file `/no/x` not found in $PATH: No such file or directory", "/no/x",
	     "unable to start container process: exec: \"/no/x\": stat /no/x: no such file or "
	     "directory: unknown", 127);
	says("open executable: Operation not permitted", "",
	     "unable to start container process: exec: \"\": executable file not found in $PATH: unknown",
	     127);
	says("exec: No such file or directory", "/script",
	     "unable to start container process: exec: \"/script\": no such file or directory: unknown",
	     127);
}

Test(oci_words, what_cannot_be_run_is_126)
{
	says("open executable: Permission denied", "/etc/passwd",
	     "unable to start container process: exec: \"/etc/passwd\": permission denied: unknown", 126);
	says("exec container process `/x`: Exec format error", "",
	     "unable to start container process: exec: \"/x\": exec format error: unknown", 126);
	says("exec container process (missing dynamic library?) `/x`: No such file or directory", "",
	     "unable to start container process: exec: \"/x\": no such file or directory: unknown", 127);
	says("chdir `/w`: Not a directory", "ls",
	     "unable to start container process: chdir to cwd (\"/w\") set in config.json failed: not a "
	     "directory: unknown", 126);
}

Test(oci_words, what_is_not_the_commands_doing_is_left_as_it_was_said)
{
	says("setns pid: Operation not permitted", "x", "setns pid: Operation not permitted: unknown", 0);
	says("", "x", ": unknown", 0);
	says("executable file `", "x", "executable file `: unknown", 0);
	says("chdir `", "x", "chdir `: unknown", 0);
}
