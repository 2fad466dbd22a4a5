/* How much of the disk trees take, and a pod's directory. */
#include "nodes/oci/oci_disk.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/disk_walk.h"
#include "tests/unit/nodes/objects.h"

enum { BLOCK = 65536 };

static char dir[] = "/tmp/troupe-disk.XXXXXX";
static struct arena arena;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void begin(void)
{
	cr_assert(mkdtemp(dir));
}

static void end(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_fini(&arena);
}

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

/* `blocks` of 64 KiB, with the directories that it needs. */
static void put(const char *name, int blocks)
{
	char block[BLOCK];
	char *path = arena_dup(&arena, at(name));
	memset(block, 'x', sizeof block);
	for (char *c = path + strlen(dir) + 1; (c = strchr(c, '/')); *c++ = '/') {
		*c = 0;
		mkdir(path, 0755);
	}
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert(fd >= 0);
	for (int i = 0; i < blocks; i++)
		cr_assert_eq(write(fd, block, sizeof block), BLOCK);
	fsync(fd);
	close(fd);
}

/* Whole blocks; directories take less than one. */
static int64_t blocks_of(int64_t bytes)
{
	return bytes / BLOCK;
}

Test(disk_walk, counts_what_lies_there_once)
{
	struct disk_used u = {0};
	atomic_bool stop = true;
	begin();
	put("v/d/f", 16);
	cr_assert_eq(symlink("/usr", at("v/link")), 0);
	cr_assert(disk_walk(at("v"), NULL, &u));
	cr_expect_eq(blocks_of(u.bytes), 16, "%lld", (long long)u.bytes);
	cr_expect_eq(u.inodes, 4);
	cr_assert_eq(link(at("v/d/f"), at("v/again")), 0);
	u = (struct disk_used){0};
	cr_assert(disk_walk(at("v"), NULL, &u));
	cr_expect_eq(blocks_of(u.bytes), 16, "a second name takes nothing: %lld", (long long)u.bytes);
	struct disk_used was = u;
	cr_expect_not(disk_walk(at("v"), &stop, &u));
	cr_expect_not(disk_walk(at("nowhere"), NULL, &u));
	cr_expect_not(disk_walk(at("v/link"), NULL, &u), "no link is followed");
	cr_expect_eq(u.bytes, was.bytes, "what was given up adds nothing");
	end();
}

Test(oci_disk, a_pod)
{
	struct buf b = {0};
	struct disk_used all;
	atomic_bool stop = false;
	begin();
	put("logs/c/0.log", 1);
	put("logs/c/1.log", 1);
	put("logs/init/0.log", 3);
	put("bundles/c.1/upper/etc/x", 4);
	put("bundles/c.1/work/y", 8); /* overlayfs' own */
	put("volumes/v/f", 5);
	put("exits/c.0", 16); /* nobody's */
	cr_assert(oci_disk_look(dir, &stop, &b, &all));
	cr_expect_eq(blocks_of(all.bytes), 1 + 1 + 3 + 4 + 5);
	struct mp m = mp_of(span_buf(&b)), list;
	size_t n;
	cr_assert_eq(mp_check(span_buf(&b), NULL), 0);
	cr_assert(mp_find(m, "containers", &list) && mp_array(&list, &n) == 0);
	cr_assert_eq(n, 2);
	cr_expect(span_is(mp_path_str(list, "name"), "c"));
	cr_expect_eq(blocks_of(mp_path_int(list, "rootfs.used", 0)), 4);
	cr_expect_eq(mp_path_int(list, "rootfs.inodes_used", 0), 3);
	cr_expect_eq(blocks_of(mp_path_int(list, "logs.used", 0)), 2);
	mp_skip(&list);
	cr_expect(span_is(mp_path_str(list, "name"), "init"));
	cr_expect_eq(mp_path_int(list, "rootfs.used", -1), 0);
	cr_assert(mp_find(m, "volumes", &list) && mp_array(&list, &n) == 0);
	cr_assert_eq(n, 1);
	cr_expect(span_is(mp_path_str(list, "name"), "v"));
	cr_expect_eq(blocks_of(mp_path_int(list, "used", 0)), 5);
	b.len = 0;
	cr_expect(oci_disk_look(at("gone"), &stop, &b, &all), "a pod that goes meanwhile has nothing");
	stop = true;
	b.len = 0;
	cr_expect_not(oci_disk_look(dir, &stop, &b, &all));
	buf_fini(&b);
	end();
}
