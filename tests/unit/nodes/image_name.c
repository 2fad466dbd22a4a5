/* What image names mean. */
#include <criterion/criterion.h>

#include "nodes/images/name.h"

static struct arena arena;

static const char *means(const char *text)
{
	struct image_name n;
	struct err e = {0};
	if (image_name_parse(&arena, span_of(text), &n, &e))
		return arena_dup(&arena, e.text);
	return image_name_text(&arena, &n);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(image_name, is_what_docker_makes_of_it)
{
	static const char *const rows[][2] = {
		{"busybox", "docker.io/library/busybox:latest"},
		{"busybox:1.29", "docker.io/library/busybox:1.29"},
		{"team/app", "docker.io/team/app:latest"},
		{"docker.io/busybox", "docker.io/library/busybox:latest"},
		{"index.docker.io/team/app:v1", "docker.io/team/app:v1"},
		{"localhost/app", "localhost/app:latest"},
		{"localhost:5000/app", "localhost:5000/app:latest"},
		{"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"},
		{"k8s.gcr.io/e2e-test-images/agnhost:2.21", "k8s.gcr.io/e2e-test-images/agnhost:2.21"},
		{"a/b/c__d--e.f", "docker.io/a/b/c__d--e.f:latest"},
		{"app@sha256:" HEX, "docker.io/library/app@sha256:" HEX},
		{"app:v2@sha256:" HEX, "docker.io/library/app@sha256:" HEX},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(means(rows[i][0]), rows[i][1]);
	arena_fini(&arena);
}

Test(image_name, that_is_none_is_refused)
{
	static const char *const rows[][2] = {
		{"", "invalid reference format"},
		{"Busybox", "repository name must be lowercase"},
		{"a b", "invalid reference format"},
		{"app:", "invalid reference format"},
		{"app:-x", "invalid reference format"},
		{"-app", "invalid reference format"},
		{"a..b", "invalid reference format"},
		{"a/", "invalid reference format"},
		{"app@sha256:12", "invalid reference format"},
		{"host:x/app", "invalid reference format"},
		{":latest", "invalid reference format"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *want = arena_printf(&arena, "image name \"%s\": %s", rows[i][0], rows[i][1]);
		cr_expect_str_eq(means(rows[i][0]), want);
	}
	arena_fini(&arena);
}
