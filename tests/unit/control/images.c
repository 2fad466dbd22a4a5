/* Nodes that have a pod's images. */
#include "actors/scheduler/images.h"

#include <criterion/criterion.h>

#include "tests/unit/nodes/objects.h"

static struct arena arena;

static struct mp mp_from(const char *json)
{
	return mp_of(object_of(&arena, json));
}

static struct mp node_with(const char *names, const char *bytes)
{
	return mp_from(arena_printf(&arena, "{'status':{'images':[{'names':[%s],'sizeBytes':%s}]}}", names, bytes));
}

static int score(const struct images *s, const struct node_images *n, const char *image, size_t nodes)
{
	struct images_look l;
	struct mp pod = mp_from(arena_printf(&arena, "{'spec':{'containers':[{'image':'%s'}]}}", image));
	images_look(&l, &arena, s, pod, nodes);
	return images_score(&l, n);
}

Test(images, many_bytes_that_need_not_come_are_better)
{
	struct images s = {0};
	struct node_images big = {0}, small = {0}, none = {0};
	images_of_node(&s, &big, node_with("'r.io/big:1','r.io/big@sha256:00','r.io/big:1'", "524288000"));
	images_of_node(&s, &small, node_with("'r.io/small:1'", "1048576"));
	cr_expect_eq(score(&s, &big, "r.io/big:1", 1), 48, "of 23 to 1000 MiB");
	cr_expect_eq(score(&s, &big, "r.io/big@sha256:00", 1), 48);
	cr_expect_eq(score(&s, &big, "r.io/big:1", 2), 23, "half of the nodes have it");
	cr_expect_eq(score(&s, &small, "r.io/big:1", 2), 0);
	cr_expect_eq(score(&s, &small, "r.io/small:1", 1), 0, "it is soon there");
	cr_expect_eq(score(&s, &none, "r.io/big:1", 1), 0);
	images_of_node(&s, &small, node_with("'r.io/big:1'", "524288000"));
	cr_expect_eq(score(&s, &big, "r.io/big:1", 2), 48, "both have it by now");
	images_of_node(&s, &big, node_with("", "1"));
	cr_expect_eq(score(&s, &big, "r.io/big:1", 2), 0, "it was collected");
	images_of_node(&s, &big, (struct mp){0});
	images_of_node(&s, &small, (struct mp){0});
	cr_expect_eq(s.all.count, 0);
	images_fini(&s);
	arena_fini(&arena);
}

Test(images, have_several_names)
{
	struct images s = {0};
	struct node_images n = {0};
	images_of_node(&s, &n, mp_from("{'status':{'images':["
				       "{'names':['docker.io/library/web:latest'],'sizeBytes':2000000000},"
				       "{'names':['docker.io/team/app:2'],'sizeBytes':2000000000},"
				       "{'names':['host:5000/own:latest'],'sizeBytes':2000000000},"
				       "{'names':['short:latest'],'sizeBytes':2000000000}]}}"));
	static const char *const there[] = {"web", "web:latest", "docker.io/library/web", "team/app:2", "host:5000/own", "short"};
	static const char *const not_there[] = {"web:1", "team/app", "host/own", "", "app:2"};
	for (size_t i = 0; i < sizeof there / sizeof *there; i++)
		cr_expect_eq(score(&s, &n, there[i], 1), 100, "%s", there[i]);
	for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
		cr_expect_eq(score(&s, &n, not_there[i], 1), 0, "%s", not_there[i]);
	images_of_node(&s, &n, (struct mp){0});
	images_fini(&s);
	arena_fini(&arena);
}

Test(images, of_all_containers_count)
{
	struct images s = {0};
	struct node_images n = {0};
	struct images_look l;
	images_of_node(&s, &n, node_with("'a:1'", "1048576000"));
	images_look(&l, &arena, &s, mp_from("{'spec':{'initContainers':[{'image':'a:1'}],'containers':[{'image':'b'}]}}"), 1);
	cr_expect_eq(images_score(&l, &n), 49, "half of what is needed");
	images_of_node(&s, &n, (struct mp){0});
	images_fini(&s);
	arena_fini(&arena);
}
