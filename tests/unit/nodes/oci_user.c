/* Who a container runs as. */
#include "nodes/oci/oci_user.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/pause/remove.h"
#include "tests/unit/nodes/objects.h"

static char root[64];
static const char *layers[3];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

static void setup(void)
{
	char path[128];
	strcpy(root, "/tmp/oci-user-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	static char low[80], high[80];
	snprintf(low, sizeof low, "%s/low", root);
	snprintf(high, sizeof high, "%s/high", root);
	layers[0] = low;
	layers[1] = high;
	for (int i = 0; i < 2; i++) {
		mkdir(layers[i], 0755);
		snprintf(path, sizeof path, "%s/etc", layers[i]);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof path, "%s/etc/passwd", low);
	put(path, "old:x:7:7::/:/bin/sh\n");
	snprintf(path, sizeof path, "%s/etc/passwd", high);
	put(path, "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/:/bin/sh\nbroken\nother:x:50:51::/:\n");
	snprintf(path, sizeof path, "%s/etc/group", low);
	put(path, "wheel:x:10:root,web\nlogs:x:44:web\nempty:x:45:\n");
}

static void teardown(void)
{
	remove_tree(root);
}

static int find(const char *user, const char *pod, const char *container, struct oci_user *out,
		struct err *e)
{
	struct arena a = {0};
	struct image image = {.user = user, .layers = layers};
	struct oci_container c = {.pod = mp_of(object_of(&a, pod)),
				  .container = mp_of(object_of(&a, container))};
	int rc = oci_user_find(&c, &image, "web_default(u1)", out, e);
	arena_fini(&a);
	return rc;
}

static const char *text_of(const struct oci_user *u)
{
	static char text[200];
	int n = snprintf(text, sizeof text, "%lld:%lld", (long long)u->uid, (long long)u->gid);
	for (size_t i = 0; i < u->group_count; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " %lld", (long long)u->groups[i]);
	return text;
}

TestSuite(oci_user, .init = setup, .fini = teardown);

Test(oci_user, the_pods_word_is_over_the_images)
{
	static const struct {
		const char *image, *pod, *container, *is;
	} rows[] = {
		{"", "{}", "{}", "0:0 0 10"},
		{"web", "{}", "{}", "33:34 34 10 44"},
		{"33", "{}", "{}", "33:34 34 10 44"},
		{"web:logs", "{}", "{}", "33:44 44 10"},
		{"web:99", "{}", "{}", "33:99 99 10 44"},
		{"1234", "{}", "{}", "1234:0 0"},
		{"web", "{'securityContext':{'runAsUser':50}}", "{}", "50:51 51"},
		{"web", "{'securityContext':{'runAsUser':50}}", "{'securityContext':{'runAsUser':33}}", "33:34 34 10 44"},
		{"web", "{'securityContext':{'runAsGroup':7}}", "{}", "33:7 7 10 44"},
		{"web", "{'securityContext':{'supplementalGroups':[5,44],'fsGroup':6}}", "{}", "33:34 34 10 44 6 5"},
		{"web", "{'securityContext':{'supplementalGroups':[5,44],'fsGroup':6,'supplementalGroupsPolicy':'Strict'}}",
		 "{}", "33:34 34 6 5 44"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct oci_user u;
		struct err e = {0};
		cr_expect_eq(find(rows[i].image, rows[i].pod, rows[i].container, &u, &e), 0, "%s", e.text);
		cr_expect_str_eq(text_of(&u), rows[i].is, "row %zu", i);
	}
}

Test(oci_user, who_is_not_in_the_image)
{
	struct oci_user u;
	struct err e = {0};
	cr_expect_eq(find("old", "{}", "{}", &u, &e), ERR_NOT_FOUND, "the upper layer's file hides the lower one's");
	cr_expect_str_eq(e.text, "unable to find user old: no matching entries in passwd file");
	cr_expect_eq(find("web:nobody", "{}", "{}", &u, &e), ERR_NOT_FOUND);
	cr_expect_str_eq(e.text, "unable to find group nobody: no matching entries in group file");
}

Test(oci_user, root_where_none_may_be)
{
	static const struct {
		const char *image, *container, *words; /* NULL: it may */
	} rows[] = {
		{"33", "{'securityContext':{'runAsNonRoot':true}}", NULL},
		{"", "{'name':'c','securityContext':{'runAsNonRoot':true}}",
		 "container has runAsNonRoot and image will run as root (pod: \"web_default(u1)\", container: c)"},
		{"web", "{'name':'c','securityContext':{'runAsNonRoot':true}}",
		 "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is "
		 "non-root (pod: \"web_default(u1)\", container: c)"},
		{"web", "{'name':'c','securityContext':{'runAsNonRoot':true,'runAsUser':33}}", NULL},
		{"33", "{'name':'c','securityContext':{'runAsNonRoot':true,'runAsUser':0}}",
		 "container's runAsUser breaks non-root policy (pod: \"web_default(u1)\", container: c)"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct oci_user u;
		struct err e = {0};
		int rc = find(rows[i].image, "{}", rows[i].container, &u, &e);
		cr_expect_eq(rc, rows[i].words ? ERR_INVALID : 0, "row %zu", i);
		if (rows[i].words)
			cr_expect_str_eq(e.text, rows[i].words);
	}
}

Test(oci_user, a_link_leads_nowhere_else)
{
	char path[128], outside[128];
	struct oci_user u;
	struct err e = {0};
	snprintf(outside, sizeof outside, "%s/outside", root);
	put(outside, "web:x:1:1::/:\n");
	snprintf(path, sizeof path, "%s/etc/passwd", layers[1]);
	unlink(path);
	cr_assert_eq(symlink(outside, path), 0);
	/* Seen from the layer's root there is no such file, so the lower one's counts. */
	cr_expect_eq(find("web", "{}", "{}", &u, &e), ERR_NOT_FOUND);
	cr_expect_eq(find("old", "{}", "{}", &u, &e), 0);
}
