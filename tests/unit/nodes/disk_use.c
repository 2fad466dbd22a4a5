/* What pods use of the disk, and who uses more than it may. */
#include "nodes/disk_use.h"

#include "tests/unit/nodes/objects.h"

static const char pod[] =
	"{'spec':{'volumes':[{'name':'dir','emptyDir':{%s}},{'name':'mem','emptyDir':{'medium':'Memory'}},"
	"{'name':'cm','configMap':{'name':'x'}},{'name':'sec','secret':{'secretName':'x'}}],"
	"'containers':[{'name':'a','resources':{'limits':{%s}}},{'name':'b','resources':{'limits':{%s}}}],"
	"'initContainers':[{'name':'i','resources':{'limits':{%s}}}]}}";
static const char disk[] =
	"{'containers':[{'name':'a','rootfs':{'used':1000,'inodes_used':1},'logs':{'used':200,'inodes_used':2}},"
	"{'name':'b','rootfs':{'used':30,'inodes_used':4},'logs':{'used':4,'inodes_used':8}}],"
	"'volumes':[{'name':'dir','used':50000,'inodes_used':16},{'name':'mem','used':700000,'inodes_used':1},"
	"{'name':'cm','used':6000,'inodes_used':32},{'name':'sec','used':900000,'inodes_used':1},"
	"{'name':'unknown','used':900000,'inodes_used':1}]}";

Test(disk_use, sums)
{
	struct arena a = {0};
	struct mp p = mp_of(object_of(&a, arena_printf(&a, pod, "", "", "", "")));
	struct mp d = mp_of(object_of(&a, disk));
	struct disk_used all = disk_use_pod(p, d);
	cr_expect_eq(all.bytes, 57234, "what lies on the disk and is the pod's own: %lld", (long long)all.bytes);
	cr_expect_eq(all.inodes, 63);
	cr_expect_eq(disk_use_rootfs(d, span_of("a")).bytes, 1000);
	cr_expect_eq(disk_use_logs(d, span_of("b")).inodes, 8);
	cr_expect_eq(disk_use_logs(d, span_of("none")).bytes, 0);
	cr_expect_eq(disk_use_pod(p, (struct mp){0}).bytes, 0, "nothing is known yet");
	arena_fini(&a);
}

Test(disk_use, excess)
{
#define OF_POD(limit) "Pod ephemeral local storage usage exceeds the total limit of containers " limit ". "
	static const struct {
		const char *dir, *a, *b, *init, *want;
	} rows[] = {
		{"", "", "", "", NULL},
		{"'sizeLimit':'50000'", "", "", "", NULL},
		{"'sizeLimit':'48Ki'", "", "", "", "Usage of EmptyDir volume \"dir\" exceeds the limit \"48Ki\". "},
		{"'sizeLimit':'0'", "", "", "", NULL},
		{"", "'ephemeral-storage':'57234'", "", "", NULL},
		{"", "'ephemeral-storage':'57233'", "", "", OF_POD("57233")},
		{"", "'ephemeral-storage':'50Ki'", "'ephemeral-storage':'1Ki'", "", OF_POD("51Ki")},
		{"", "'ephemeral-storage':'50Ki'", "'ephemeral-storage':'10Ki'", "", NULL},
		/* a large init container gives all of them room; each still has its own */
		{"", "'ephemeral-storage':'1200'", "", "'ephemeral-storage':'1Mi'", NULL},
		{"", "'ephemeral-storage':'1199'", "", "'ephemeral-storage':'1Mi'",
		 "Container a exceeded its local ephemeral storage limit \"1199\". "},
		{"", "'cpu':'1'", "'ephemeral-storage':'0'", "", NULL},
		/* the volume is told first */
		{"'sizeLimit':'1'", "'ephemeral-storage':'1'", "", "",
		 "Usage of EmptyDir volume \"dir\" exceeds the limit \"1\". "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct mp p = mp_of(object_of(&a, arena_printf(&a, pod, rows[i].dir, rows[i].a, rows[i].b,
							       rows[i].init)));
		const char *got = disk_use_excess(&a, p, mp_of(object_of(&a, disk)));
		cr_expect_str_eq(got ? got : "nothing", rows[i].want ? rows[i].want : "nothing", "row %zu: %s", i,
				 got ? got : "nothing");
		arena_fini(&a);
	}
}
