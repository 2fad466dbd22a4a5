/* Volumes on a real file system. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/pause/subpath.h"
#include "nodes/volumes/volume_files.h"

struct world {
	char dir[100];
	struct arena a;
};

static struct world world(void)
{
	struct world w = {.dir = "/tmp/troupe-volumes.XXXXXX"};
	cr_assert(mkdtemp(w.dir));
	return w;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void end(struct world *w)
{
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_fini(&w->a);
}

static const char *at(struct world *w, const char *path)
{
	return arena_printf(&w->a, "%s/%s", w->dir, path);
}

/* ---- lists */

struct one_file {
	const char *path, *text;
	int mode, uid;
};

static void put_files(struct buf *b, const struct one_file *f)
{
	size_t start = mpw_array_open(b), n = 0;
	for (; f && f->path; f++, n++) {
		mpw_array(b, 4);
		mpw_str(b, f->path);
		mpw_bin(b, span_of(f->text));
		mpw_i64(b, f->mode ? f->mode : 0644);
		mpw_i64(b, f->uid ? f->uid : -1);
	}
	mpw_array_close(b, start, n);
}

static int apply_files(struct world *w, const char *name, const struct one_file *files, int64_t gid,
		       struct err *e)
{
	struct buf b = {0};
	mpw_array(&b, 1);
	mpw_map(&b, gid >= 0 ? 6 : 4);
	mpw_kv_str(&b, "name", name);
	mpw_kv_str(&b, "title", name);
	mpw_kv_str(&b, "kind", "files");
	mpw_str(&b, "files");
	put_files(&b, files);
	if (gid >= 0) {
		mpw_kv_i64(&b, "gid", gid);
		mpw_kv_bool(&b, "read_only", true);
	}
	int rc = volume_files_apply(w->dir, mp_of(span_buf(&b)), NULL, e);
	buf_fini(&b);
	return rc;
}

static void write_files(struct world *w, const struct one_file *files)
{
	struct err e = {0};
	cr_assert_eq(apply_files(w, "v", files, -1, &e), 0, "%s", e.text);
}

struct host {
	const char *path, *type;
	bool local, on_mismatch, open;
	int64_t gid;
	const atomic_bool *stop;
};

static int apply_host(struct world *w, struct host h, struct err *e)
{
	struct buf b = {0};
	mpw_array(&b, 1);
	mpw_map(&b, h.gid ? 9 : 7);
	mpw_kv_bool(&b, "open", h.open);
	mpw_kv_str(&b, "name", "v");
	mpw_kv_str(&b, "title", "pv1");
	mpw_kv_str(&b, "kind", "host");
	mpw_kv_str(&b, "path", h.path);
	mpw_kv_str(&b, "type", h.type);
	mpw_kv_bool(&b, "local", h.local);
	if (h.gid) {
		mpw_kv_i64(&b, "gid", h.gid);
		mpw_kv_bool(&b, "always", !h.on_mismatch);
	}
	int rc = volume_files_apply(w->dir, mp_of(span_buf(&b)), h.stop, e);
	buf_fini(&b);
	return rc;
}

/* ---- what is there */

static const char *text_at(struct world *w, const char *path)
{
	char text[4096];
	int fd = open(at(w, path), O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	return n < 0 ? NULL : arena_ndup(&w->a, text, (size_t)n);
}

static mode_t mode_at(struct world *w, const char *path)
{
	struct stat st;
	cr_assert_eq(lstat(at(w, path), &st), 0, "%s", path);
	return st.st_mode & 07777;
}

static gid_t group_at(struct world *w, const char *path)
{
	struct stat st;
	cr_assert_eq(lstat(at(w, path), &st), 0, "%s", path);
	return st.st_gid;
}

static const char *link_at(struct world *w, const char *path)
{
	char to[PATH_MAX];
	ssize_t n = readlink(at(w, path), to, sizeof to - 1);
	return n < 0 ? "" : arena_ndup(&w->a, to, (size_t)n);
}

/* How many entries a directory has. */
static int count_at(struct world *w, const char *path)
{
	int n = 0;
	DIR *d = opendir(at(w, path));
	cr_assert(d);
	for (struct dirent *x; (x = readdir(d));)
		n += strcmp(x->d_name, ".") && strcmp(x->d_name, "..");
	closedir(d);
	return n;
}

static void make_file(struct world *w, const char *path, const char *text)
{
	int fd = open(at(w, path), O_WRONLY | O_CREAT, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* ---- files */

Test(volume_files, are_links_to_what_is_shown)
{
	struct world w = world();
	write_files(&w, (struct one_file[]){{"a", "one", 0400, 0}, {"d/e/f", "two", 0755, 0}, {0}});
	cr_expect_str_eq(link_at(&w, "volumes/v/a"), "..data/a");
	cr_expect_str_eq(link_at(&w, "volumes/v/d"), "..data/d");
	cr_expect_str_eq(text_at(&w, "volumes/v/a"), "one");
	cr_expect_str_eq(text_at(&w, "volumes/v/d/e/f"), "two");
	cr_expect_eq(mode_at(&w, "volumes/v/..data/a"), 0400);
	cr_expect_eq(mode_at(&w, "volumes/v/..data/d/e/f"), 0755);
	cr_expect_eq(mode_at(&w, "volumes/v/..data/d"), 0755);
	cr_expect_eq(mode_at(&w, "volumes/v"), 0777);
	cr_expect_eq(count_at(&w, "volumes/v"), 4); /* a, d, ..data, the directory */
	end(&w);
}

Test(volume_files, that_are_the_same_are_not_written_again)
{
	struct world w = world();
	struct one_file files[] = {{"a", "one", 0, 0}, {"d/b", "", 0, 0}, {0}};
	write_files(&w, files);
	const char *was = link_at(&w, "volumes/v/..data");
	write_files(&w, files);
	cr_expect_str_eq(link_at(&w, "volumes/v/..data"), was);
	files[0].text = "eno";
	write_files(&w, files);
	cr_expect_str_neq(link_at(&w, "volumes/v/..data"), was);
	cr_expect_str_eq(text_at(&w, "volumes/v/a"), "eno");
	cr_expect_eq(count_at(&w, "volumes/v"), 4);
	end(&w);
}

Test(volume_files, that_are_gone_go_and_readers_keep_what_they_opened)
{
	struct world w = world();
	char text[10] = "";
	write_files(&w, (struct one_file[]){{"a", "one", 0, 0}, {"d/b", "x", 0, 0}, {"d/c", "y", 0, 0}, {0}});
	int fd = open(at(&w, "volumes/v/a"), O_RDONLY);
	write_files(&w, (struct one_file[]){{"d/b", "x", 0, 0}, {0}});
	cr_expect_eq(count_at(&w, "volumes/v"), 3);
	cr_expect_eq(count_at(&w, "volumes/v/d"), 1);
	cr_expect(read(fd, text, 9) == 3 && strcmp(text, "one") == 0);
	close(fd);
	write_files(&w, NULL);
	cr_expect_eq(count_at(&w, "volumes/v"), 2);
	end(&w);
}

Test(volume_files, what_a_crash_left_goes_with_the_next_write)
{
	struct world w = world();
	write_files(&w, (struct one_file[]){{"a", "one", 0, 0}, {0}});
	cr_assert_eq(mkdir(at(&w, "volumes/v/..2020_01_01_00_00_00.1"), 0755), 0);
	make_file(&w, "volumes/v/..2020_01_01_00_00_00.1/a", "half");
	cr_assert_eq(symlink("..2020_01_01_00_00_00.1", at(&w, "volumes/v/..data_tmp")), 0);
	write_files(&w, (struct one_file[]){{"a", "two", 0, 0}, {0}});
	cr_expect_str_eq(text_at(&w, "volumes/v/a"), "two");
	cr_expect_eq(count_at(&w, "volumes/v"), 3);
	end(&w);
}

Test(volume_files, of_bad_paths_are_refused_and_nothing_changes)
{
	static const char *const bad[] = {"", "/a", "../a", "a/../b", "..data", "a//b", "a/", "./a"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct world w = world();
		struct err e = {0};
		write_files(&w, (struct one_file[]){{"a", "one", 0, 0}, {0}});
		const char *was = link_at(&w, "volumes/v/..data");
		cr_expect_eq(apply_files(&w, "v", (struct one_file[]){{bad[i], "x", 0, 0}, {0}}, -1, &e),
			     ERR_INVALID, "%s", bad[i]);
		cr_expect_str_eq(link_at(&w, "volumes/v/..data"), was);
		end(&w);
	}
	struct world w = world();
	struct err e = {0};
	cr_expect_eq(apply_files(&w, "../v", NULL, -1, &e), ERR_INVALID);
	cr_expect_eq(apply_files(&w, "a/v", NULL, -1, &e), ERR_INVALID);
	end(&w);
}

Test(volume_files, get_the_group_and_the_user)
{
	struct world w = world();
	struct err e = {0};
	struct stat st;
	if (getuid()) {
		cr_skip("only root gives files away");
		return;
	}
	cr_assert_eq(apply_files(&w, "v", (struct one_file[]){{"a", "x", 0600, 1000}, {"d/b", "x", 0400, 0},
							       {0}}, 2000, &e), 0, "%s", e.text);
	cr_expect_eq(group_at(&w, "volumes/v/..data/a"), 2000);
	cr_expect_eq(mode_at(&w, "volumes/v/..data/a"), 0640);
	cr_expect(stat(at(&w, "volumes/v/a"), &st) == 0 && st.st_uid == 1000);
	cr_expect_eq(mode_at(&w, "volumes/v/d/b"), 0440);
	cr_expect_eq(mode_at(&w, "volumes/v/..data/d"), 02755);
	cr_expect_eq(mode_at(&w, "volumes/v"), 02777);
	cr_expect_eq(group_at(&w, "volumes/v"), 2000);
	cr_expect_eq(group_at(&w, "volumes/v/a"), 2000);
	end(&w);
}

/* ---- directories */

static int apply_dir(struct world *w, const char *kind, int64_t gid, struct err *e)
{
	struct buf b = {0};
	mpw_array(&b, 1);
	mpw_map(&b, gid >= 0 ? 4 : 3);
	mpw_kv_str(&b, "name", "v");
	mpw_kv_str(&b, "title", "v");
	mpw_kv_str(&b, "kind", kind);
	if (gid >= 0)
		mpw_kv_i64(&b, "gid", gid);
	int rc = volume_files_apply(w->dir, mp_of(span_buf(&b)), NULL, e);
	buf_fini(&b);
	return rc;
}

Test(volume_files, empty_directories_are_made_once)
{
	struct world w = world();
	struct err e = {0};
	cr_assert_eq(apply_dir(&w, "dir", -1, &e), 0, "%s", e.text);
	cr_expect_eq(mode_at(&w, "volumes/v"), 0777);
	cr_expect_eq(mode_at(&w, "volumes"), 0750);
	make_file(&w, "volumes/v/kept", "x");
	cr_assert_eq(chmod(at(&w, "volumes/v"), 0700), 0);
	cr_assert_eq(apply_dir(&w, "dir", 2000, &e), 0, "%s", e.text);
	cr_expect_str_eq(text_at(&w, "volumes/v/kept"), "x");
	cr_expect_eq(mode_at(&w, "volumes/v"), 0700, "its containers changed that");
	end(&w);
}

Test(volume_files, a_link_in_the_place_of_a_volume_is_not_followed)
{
	struct world w = world();
	struct err e = {0};
	cr_assert_eq(mkdir(at(&w, "volumes"), 0700), 0);
	cr_assert_eq(mkdir(at(&w, "elsewhere"), 0700), 0);
	cr_assert_eq(symlink("../elsewhere", at(&w, "volumes/v")), 0);
	cr_expect_eq(apply_dir(&w, "dir", 2000, &e), ERR_IO);
	cr_expect_eq(apply_files(&w, "v", (struct one_file[]){{"a", "x", 0, 0}, {0}}, -1, &e), ERR_IO);
	cr_expect_eq(mode_at(&w, "elsewhere"), 0700);
	cr_expect_eq(count_at(&w, "elsewhere"), 0);
	end(&w);
}

Test(volume_files, options_of_those_in_memory)
{
	struct buf b = {0};
	char options[VOLUME_OPTIONS_BYTES];
	mpw_map(&b, 2);
	mpw_kv_i64(&b, "size", 4096);
	mpw_kv_i64(&b, "gid", 2000);
	volume_memory_options(mp_of(span_buf(&b)), options);
	cr_expect_str_eq(options, "mode=3777,gid=2000,size=4096");
	b.len = 0;
	mpw_map(&b, 0);
	volume_memory_options(mp_of(span_buf(&b)), options);
	cr_expect_str_eq(options, "mode=1777");
	buf_fini(&b);
}

Test(volume_files, removal_takes_all_and_nothing_else)
{
	struct world w = world();
	struct err e = {0};
	write_files(&w, (struct one_file[]){{"a", "one", 0, 0}, {0}});
	make_file(&w, "outside", "x");
	cr_assert_eq(mkdir(at(&w, "volumes/e"), 0777), 0);
	cr_assert_eq(symlink(w.dir, at(&w, "volumes/e/out")), 0);
	cr_expect_eq(volume_files_remove(w.dir, &e), 0, "%s", e.text);
	cr_expect_str_eq(text_at(&w, "outside"), "x");
	cr_expect_eq(count_at(&w, ""), 1);
	cr_expect_eq(volume_files_remove(w.dir, &e), 0, "what is gone is gone");
	end(&w);
}

/* ---- paths of the host */

static void expect_host(struct world *w, const char *path, const char *type, const char *why)
{
	struct err e = {0};
	int rc = apply_host(w, (struct host){.path = path, .type = type}, &e);
	const char *want = why ? arena_printf(&w->a, "MountVolume.SetUp failed for volume \"pv1\" : %s", why)
			       : "";
	cr_expect_str_eq(e.text, want);
	cr_expect_eq(rc != 0, why != NULL);
}

Test(volume_files, types_of_paths_of_the_host)
{
	struct world w = world();
	struct stat st;
	make_file(&w, "file", "x");
	cr_assert_eq(mkdir(at(&w, "dir"), 0700), 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", w.dir);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(s, (struct sockaddr *)&address, sizeof address), 0);
	close(s);
	expect_host(&w, at(&w, "file"), "File", NULL);
	expect_host(&w, at(&w, "dir"), "Directory", NULL);
	expect_host(&w, at(&w, "socket"), "Socket", NULL);
	expect_host(&w, "/dev/null", "CharDevice", NULL);
	expect_host(&w, at(&w, "file"), "", NULL);
	expect_host(&w, at(&w, "file"), "Directory",
		    arena_printf(&w.a, "hostPath type check failed: %s/file is not a directory",
				 w.dir));
	expect_host(&w, at(&w, "dir"), "FileOrCreate",
		    arena_printf(&w.a, "hostPath type check failed: %s/dir is not a file",
				 w.dir));
	expect_host(&w, "/dev/null", "BlockDevice",
		    "hostPath type check failed: /dev/null is not a block device");
	expect_host(&w, at(&w, "no"), "Directory",
		    arena_printf(&w.a, "hostPath type check failed: %s/no is not a directory", w.dir));
	expect_host(&w, at(&w, "no"), "Socket",
		    arena_printf(&w.a, "hostPath type check failed: %s/no is not a socket file", w.dir));
	expect_host(&w, "/", "Tape", "Tape is an invalid volume type");
	expect_host(&w, "relative", "", "\"relative\" is no path");
	expect_host(&w, at(&w, "new/dir"), "DirectoryOrCreate", NULL);
	cr_expect(stat(at(&w, "new/dir"), &st) == 0 && S_ISDIR(st.st_mode));
	expect_host(&w, at(&w, "new/file"), "FileOrCreate", NULL);
	cr_expect(stat(at(&w, "new/file"), &st) == 0 && S_ISREG(st.st_mode));
	expect_host(&w, at(&w, "untyped"), "", NULL);
	cr_expect(stat(at(&w, "untyped"), &st) == 0 && S_ISDIR(st.st_mode));
	end(&w);
}

Test(volume_files, what_a_provisioner_gives_is_for_everybody)
{
	struct world w = world();
	struct err e = {0};
	struct host h = {.path = at(&w, "a/b"), .type = "DirectoryOrCreate", .open = true};
	cr_assert_eq(apply_host(&w, h, &e), 0, "%s", e.text);
	cr_expect_eq(mode_at(&w, "a/b"), 0777);
	cr_expect_eq(mode_at(&w, "a") & 022, 0);
	cr_assert_eq(chmod(at(&w, "a/b"), 0700), 0);
	cr_assert_eq(apply_host(&w, h, &e), 0, "%s", e.text);
	cr_expect_eq(mode_at(&w, "a/b"), 0700, "what is there is its owner's");
	end(&w);
}

Test(volume_files, local_volumes_must_be_there)
{
	struct world w = world();
	struct err e = {0};
	cr_expect_eq(apply_host(&w, (struct host){.path = at(&w, "no"), .type = "", .local = true}, &e),
		     ERR_NOT_FOUND);
	cr_expect_str_eq(e.text, arena_printf(&w.a, "MountVolume.NewMounter initialization failed for "
					      "volume \"pv1\" : path \"%s/no\" does not exist", w.dir));
	make_file(&w, "file", "x");
	cr_expect_eq(apply_host(&w, (struct host){.path = at(&w, "file"), .type = "", .local = true}, &e),
		     ERR_UNSUPPORTED);
	end(&w);
}

Test(volume_files, a_local_volume_is_given_to_its_group)
{
	struct world w = world();
	struct err e = {0};
	if (getuid()) {
		cr_skip("only root gives files away");
		return;
	}
	struct host h = {.path = at(&w, "d"), .type = "", .local = true, .gid = 2000};
	cr_assert_eq(mkdir(at(&w, "d"), 0700), 0);
	cr_assert_eq(mkdir(at(&w, "d/e"), 0700), 0);
	make_file(&w, "d/e/f", "x");
	make_file(&w, "outside", "x");
	cr_assert_eq(symlink("../outside", at(&w, "d/link")), 0);
	cr_assert_eq(apply_host(&w, h, &e), 0, "%s", e.text);
	cr_expect_eq(mode_at(&w, "d"), 02770);
	cr_expect_eq(mode_at(&w, "d/e"), 02770);
	cr_expect_eq(mode_at(&w, "d/e/f"), 0660);
	cr_expect_eq(group_at(&w, "d/e/f"), 2000);
	cr_expect_eq(group_at(&w, "d/link"), 2000);
	cr_expect_eq(mode_at(&w, "outside"), 0600, "a link leads nowhere");
	cr_expect_eq(group_at(&w, "outside"), getgid());
	/* given up, it is not done */
	atomic_bool stop = true;
	h.stop = &stop;
	cr_assert_eq(chmod(at(&w, "d"), 0700), 0);
	cr_expect_eq(apply_host(&w, h, &e), ERR_IO);
	cr_expect_eq(mode_at(&w, "d"), 0700);
	h.stop = NULL;
	cr_assert_eq(apply_host(&w, h, &e), 0);
	/* its root says that it was done */
	cr_assert_eq(chmod(at(&w, "d/e/f"), 0600), 0);
	h.on_mismatch = true;
	cr_assert_eq(apply_host(&w, h, &e), 0);
	cr_expect_eq(mode_at(&w, "d/e/f"), 0600);
	h.on_mismatch = false;
	cr_assert_eq(apply_host(&w, h, &e), 0);
	cr_expect_eq(mode_at(&w, "d/e/f"), 0660);
	end(&w);
}

/* ---- sub-paths */

static int open_sub(struct world *w, const char *path)
{
	int fd = subpath_open(at(w, "v"), path);
	if (fd >= 0)
		close(fd);
	return fd;
}

Test(subpath, is_found_or_made)
{
	struct world w = world();
	cr_assert_eq(mkdir(at(&w, "v"), 0700), 0);
	cr_assert_eq(chmod(at(&w, "v"), 02771), 0);
	cr_expect(open_sub(&w, "a/b/c") >= 0);
	cr_expect_eq(mode_at(&w, "v/a/b/c"), 02771);
	make_file(&w, "v/a/f", "x");
	cr_expect(open_sub(&w, "a/f") >= 0);
	cr_expect(open_sub(&w, "a//b/./c/") >= 0);
	cr_assert_eq(symlink("a/f", at(&w, "v/inside")), 0);
	cr_expect(open_sub(&w, "inside") >= 0);
	cr_expect_eq(open_sub(&w, "a/f/x"), -ENOTDIR);
	end(&w);
}

Test(subpath, never_leads_out_of_its_volume)
{
	struct world w = world();
	cr_assert_eq(mkdir(at(&w, "v"), 0700), 0);
	cr_assert_eq(mkdir(at(&w, "out"), 0700), 0);
	cr_assert_eq(symlink("../out", at(&w, "v/up")), 0);
	cr_assert_eq(symlink(at(&w, "out"), at(&w, "v/absolute")), 0);
	cr_assert_eq(symlink("../out/new", at(&w, "v/dangling")), 0);
	cr_assert_eq(symlink("/proc/self/root", at(&w, "v/magic")), 0);
	cr_expect_eq(open_sub(&w, "up"), -EXDEV);
	cr_expect_eq(open_sub(&w, "up/new"), -EXDEV);
	cr_expect_eq(open_sub(&w, "absolute"), -EXDEV);
	cr_expect_eq(open_sub(&w, "dangling"), -EXDEV);
	cr_expect_eq(open_sub(&w, "magic"), -EXDEV);
	cr_expect_eq(open_sub(&w, "../out"), -EXDEV);
	cr_expect_eq(open_sub(&w, "/out"), -EXDEV);
	cr_expect_eq(count_at(&w, "out"), 0);
	end(&w);
}

Test(subpath, is_mounted_where_it_is_wanted)
{
	struct world w = world();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		cr_skip("no mount namespace to be had");
		return;
	}
	cr_assert_eq(mkdir(at(&w, "v"), 0700), 0);
	cr_assert_eq(mkdir(at(&w, "v/d"), 0700), 0);
	make_file(&w, "v/d/f", "deep");
	cr_assert_eq(subpath_bind(at(&w, "v"), "d", at(&w, "place")), 0);
	cr_expect_str_eq(text_at(&w, "place/f"), "deep");
	cr_assert_eq(subpath_bind(at(&w, "v"), "d/f", at(&w, "file")), 0);
	cr_expect_str_eq(text_at(&w, "file"), "deep");
	umount(at(&w, "place"));
	umount(at(&w, "file"));
	end(&w);
}
