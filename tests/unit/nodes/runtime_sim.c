/* What simulated containers do. */
#include "nodes/runtime_sim.h"
#include "tests/unit/nodes/objects.h"

static struct sim_run plan_of(struct arena *a, const char *const *argv, const char *annotations,
			      uint32_t attempt, int want)
{
	struct sim_run r;
	struct err e = {0};
	struct mp m = {0};
	if (annotations)
		m = mp_of(object_of(a, annotations));
	cr_expect_eq(sim_run_plan(a, argv, m, "c", attempt, &r, &e), want, "%s", e.text);
	cr_expect_eq(e.text[0] != 0, want != 0);
	return r;
}

Test(runtime_sim, commands_end_as_they_say)
{
	static const struct {
		const char *argv[4];
		int64_t end_ms;
		int32_t code;
	} rows[] = {
		{{NULL}, SIM_NEVER, 0},
		{{"nginx", "-g", "x"}, SIM_NEVER, 0},
		{{"true"}, 0, 0},
		{{"/bin/false"}, 0, 1},
		{{"sleep", "5"}, 5000, 0},
		{{"sleep", "1.5"}, 1500, 0},
		{{"/bin/sleep", "2m"}, 120000, 0},
		{{"sleep", "1h", "1s"}, 3601000, 0},
		{{"sleep", "infinity"}, SIM_NEVER, 0},
		{{"exit", "3"}, 0, 3},
		{{"sh", "-c", "exit 3"}, 0, 3},
		{{"/bin/sh", "-c", "sleep 2; exit 7"}, 2000, 7},
		{{"bash", "-ec", "echo 'a; b' && sleep 1 && false"}, 1000, 1},
		{{"sh", "-c", "true || exit 9; exit 4"}, 0, 4},
		{{"sh", "-c", "false || exit 9; exit 4"}, 0, 9},
		{{"sh", "-c", "false && exit 9; echo x"}, 0, 0},
		{{"sh", "-c", "sleep 1\nsleep 2\n"}, 3000, 0},
		{{"sh", "-c", "false; exit $?"}, 0, 1},
		{{"sh", "-c", "exec sleep 3"}, 3000, 0},
		{{"sh", "-c", "sleep 1; serve"}, SIM_NEVER, 0},
		{{"sh", "-c", "while true; do sleep 1; done"}, SIM_NEVER, 0},
		{{"sh", "-c", "sleep 1 | cat"}, SIM_NEVER, 0},
		{{"sh", "-c", "sleep 100 & wait"}, SIM_NEVER, 0},
		{{"sh", "script.sh"}, SIM_NEVER, 0},
		{{"sh", "-c", ""}, 0, 0},
		{{"sh", "-c"}, SIM_NEVER, 0},
		{{"sleep", "99999999999999999999d"}, INT64_MAX / 4 / 86400000 * 86400000, 0},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sim_run r = plan_of(&a, rows[i].argv, NULL, 0, 0);
		cr_expect_eq(r.end_ms, rows[i].end_ms, "row %zu: %ld", i, (long)r.end_ms);
		if (r.end_ms != SIM_NEVER)
			cr_expect_eq(r.code, rows[i].code, "row %zu", i);
		cr_expect_eq(r.start_ms, 0);
		cr_expect_eq(r.ready_ms, 0);
		cr_expect_null(r.error);
	}
	arena_fini(&a);
}

Test(runtime_sim, term_ends_services_well_and_commands_by_signal)
{
	static const char *const none[] = {NULL}, *const sleeps[] = {"sleep", "9", NULL};
	struct arena a = {0};
	cr_expect_eq(plan_of(&a, none, NULL, 0, 0).term_code, 0);
	cr_expect_eq(plan_of(&a, none, NULL, 0, 0).term_ms, 0);
	cr_expect_eq(plan_of(&a, sleeps, NULL, 0, 0).term_code, 143);
	arena_fini(&a);
}

Test(runtime_sim, annotation_scripts_each_attempt)
{
	static const char *const argv[] = {"sleep", "9", NULL};
	static const char script[] =
		"{'sim.troupe':'exit 9','sim.troupe/c':'exit 1 after 2s; error no such image, "
		"really;run, start 500ms , ready 3s, term exit 5 after 1m'}";
	struct arena a = {0};
	struct sim_run r = plan_of(&a, argv, script, 0, 0);
	cr_expect_eq(r.end_ms, 2000);
	cr_expect_eq(r.code, 1);
	r = plan_of(&a, argv, script, 1, 0);
	cr_expect_str_eq(r.error, "no such image, really");
	for (uint32_t attempt = 2; attempt < 9; attempt += 3) {
		r = plan_of(&a, argv, script, attempt, 0);
		cr_expect_null(r.error);
		cr_expect_eq(r.end_ms, SIM_NEVER, "in place of the command");
		cr_expect_eq(r.start_ms, 500);
		cr_expect_eq(r.ready_ms, 3000);
		cr_expect_eq(r.term_ms, 60000);
		cr_expect_eq(r.term_code, 5);
	}
	r = plan_of(&a, argv, "{'sim.troupe':'ready never, term ignore','other':'x'}", 0, 0);
	cr_expect_eq(r.ready_ms, SIM_NEVER);
	cr_expect_eq(r.term_ms, SIM_NEVER);
	arena_fini(&a);
}

Test(runtime_sim, broken_annotation_says_where)
{
	static const char *const bad[] = {"{'sim.troupe':'walk'}", "{'sim.troupe':'exit'}",
					  "{'sim.troupe':'run, exit x'}",
					  "{'sim.troupe':'exit 1 in 5s'}",
					  "{'sim.troupe':'exit 1 after 5y'}",
					  "{'sim.troupe':'run run'}", "{'sim.troupe':'error'}",
					  "{'sim.troupe':'term'}", "{'sim.troupe':'run,,run'}"};
	static const char *const argv[] = {"sleep", "9", NULL};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sim_run r = plan_of(&a, argv, bad[i], 0, ERR_INVALID);
		cr_expect_eq(r.end_ms, 9000, "by its command then");
	}
	arena_fini(&a);
}

Test(runtime_sim, an_image_that_is_tagged_non_existent_is_not_there)
{
	static const struct {
		const char *image;
		bool there;
	} rows[] = {
		{"", true},
		{"web", true},
		{"web:1", true},
		{"non-existent", true},
		{"foo:non-existent-2", true},
		{":non-existent", false},
		{"foo:non-existent", false},
		{"registry:5000/a/foo:non-existent", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(sim_image_exists(span_of(rows[i].image)), rows[i].there, "%s",
			     rows[i].image);
}
