/* Directories of volumes are removed, and nothing beside them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/volume_port.h"

static char dir[] = "/tmp/volumes.XXXXXX";

static const char *in(const char *name)
{
	static char path[4][300];
	static int n;
	n = (n + 1) % 4;
	snprintf(path[n], sizeof path[n], "%s/%s", dir, name);
	return path[n];
}

static void make_file(const char *name)
{
	FILE *f = fopen(in(name), "w");
	cr_assert(f);
	fclose(f);
}

static void setup(void)
{
	cr_assert(mkdtemp(dir));
	cr_assert_eq(mkdir(in("v"), 0700), 0);
	cr_assert_eq(mkdir(in("v/sub"), 0700), 0);
	cr_assert_eq(mkdir(in("v/sub/deep"), 0700), 0);
	make_file("v/file");
	make_file("v/sub/deep/.hidden");
	cr_assert_eq(mkdir(in("other"), 0700), 0);
	make_file("other/file");
	cr_assert_eq(symlink(in("other"), in("v/sub/link")), 0);
	cr_assert_eq(symlink(in("other"), in("linked")), 0);
}

static void teardown(void)
{
	struct err e = {0};
	volume_remove(dir, "v", &e);
	volume_remove(dir, "other", &e);
	volume_remove(dir, "linked", &e);
	rmdir(dir);
}

TestSuite(volume_port, .init = setup, .fini = teardown);

Test(volume_port, removes_a_tree_and_follows_no_link)
{
	struct err e = {0};
	cr_assert_eq(volume_remove(dir, "v", &e), 0, "%s", e.text);
	cr_expect_neq(access(in("v"), F_OK), 0);
	cr_expect_eq(access(in("other/file"), F_OK), 0);
	cr_assert_eq(volume_remove(dir, "linked", &e), 0, "%s", e.text);
	cr_expect_eq(access(in("other/file"), F_OK), 0, "the link goes, and not what it leads to");
}

Test(volume_port, what_is_not_there_is_removed_already)
{
	struct err e = {0};
	cr_expect_eq(volume_remove(dir, "none", &e), 0);
	cr_expect_eq(volume_remove("/nowhere/at/all", "none", &e), 0);
}

Test(volume_port, refuses_names_that_lead_elsewhere)
{
	static const char *const names[] = {"", ".", "..", "../other", "v/sub", "/etc"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct err e = {0};
		cr_expect_eq(volume_remove(dir, names[i], &e), ERR_INVALID, "%s", names[i]);
	}
	cr_expect_eq(access(in("v/file"), F_OK), 0);
}

Test(volume_port, a_tree_may_be_deep)
{
	enum { DEEP = 3000 };
	struct err e = {0};
	int at = open(in("v"), O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < DEEP; i++) {
		cr_assert_eq(mkdirat(at, "d", 0700), 0, "%d: %m", i);
		cr_assert_eq(symlinkat(in("other"), at, "link"), 0);
		int below = openat(at, "d", O_RDONLY | O_DIRECTORY);
		close(at);
		at = below;
	}
	close(at);
	cr_assert_eq(volume_remove(dir, "v", &e), 0, "%s", e.text);
	cr_expect_neq(access(in("v"), F_OK), 0);
	cr_expect_eq(access(in("other/file"), F_OK), 0);
}
