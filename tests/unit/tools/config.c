/* The config file: what it says is what runs, and a slip is named. */
#include <criterion/criterion.h>

#include "tools/config.h"

static struct config config;

static const char *refusal(const char *text)
{
	static struct err e;
	e.text[0] = 0;
	cr_assert_neq(config_parse(&config, "c.yaml", span_of(text), &e), 0, "%s", text);
	config_fini(&config);
	return e.text;
}

Test(config, default_file_is_one_that_it_reads_itself)
{
	struct config_wish w = {"127.0.0.1:7443", 2, "sim", true};
	struct buf text = {0};
	struct err e = {0};
	config_default(&text, &w);
	cr_assert_eq(config_parse(&config, "c.yaml", span_buf(&text), &e), 0, "%s", e.text);
	cr_expect_str_eq(config_api_address(&config, &config.arena), "127.0.0.1:7443");
	cr_expect_eq(config.cell_count, 3);
	cr_expect(config.cells[1].own_process);
	cr_expect_eq(config.store_quota, 8ll << 30);
	cr_expect_eq(config.ring_bytes, 1 << 20);
	const char **names;
	cr_assert_eq(config_nodes(&config, &config.arena, &names), 2);
	cr_expect_str_eq(names[1], "n2");
	config_fini(&config);
	buf_fini(&text);
}

/* Pods that are processes share this machine's network, and so one proxy. */
Test(config, default_file_has_a_service_proxy_where_pods_are_processes)
{
	static const struct {
		int nodes;
		const char *runtime;
		bool wanted;
	} rows[] = {{2, "process", true}, {2, "sim", false}, {0, "process", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config_wish w = {"127.0.0.1:7443", rows[i].nodes, rows[i].runtime, false};
		struct buf text = {0};
		config_default(&text, &w);
		cr_assert_eq(config_parse(&config, "c.yaml", span_buf(&text), NULL), 0);
		const struct config_cell *last = &config.cells[config.cell_count - 1];
		const char *kind = last->actors[last->actor_count - 1].kind;
		cr_expect_eq(strcmp(kind, "service-proxy") == 0, rows[i].wanted, "row %zu", i);
		config_fini(&config);
		buf_fini(&text);
	}
}

Test(config, many_nodes_of_one_row_are_numbered)
{
	const char **names;
	cr_assert_eq(config_parse(&config, "c.yaml",
				  span_of("cells: [{name: a, actors: [{kind: node-agent, node: h1, "
					  "count: 3, runtime: sim}]}]"), NULL), 0);
	cr_assert_eq(config_nodes(&config, &config.arena, &names), 3);
	cr_expect_str_eq(names[2], "h3");
	config_fini(&config);
}

Test(config, names_place_and_near_match_of_a_slip)
{
	cr_expect_str_eq(refusal("cells: [{name: a}]\nclutser: x\n"),
			 "c.yaml:2:1: unknown key 'clutser', did you mean 'cluster'?");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  actors: [{kind: scheduler, servs: x}]\n"),
			 "c.yaml:3:30: unknown key 'servs', did you mean 'serves'?");
	cr_expect_str_eq(refusal("cells: [{name: a, process: alone}]"),
			 "c.yaml:1:19: process is one of shared|own");
	cr_expect_str_eq(refusal("broker: {ring: 1KiB}\ncells: [{name: a}]"),
			 "c.yaml:1:10: ring is from 65536 to 1073741824");
	cr_expect_str_eq(refusal("store: {quota: 5}\ncells: [{name: a}]"),
			 "c.yaml:1:9: quota is from 1048576 to 9223372036854775807");
	cr_expect_str_eq(refusal("cells: [{name: a, actors: [{kind: service-proxy, plane: nftables}]}]"),
			 "c.yaml:1:50: plane is one of userspace");
	cr_expect_str_eq(refusal("cells: [{name: a}, {name: a}]"),
			 "c.yaml:1:21: there are two cells a");
}

Test(config, refuses_what_could_not_run)
{
	cr_expect_str_eq(refusal("cluster: x"), "c.yaml:1:1: cells is missing: there must be one at least");
	cr_expect_str_eq(refusal("cells: [{name: a, process: own}]"),
			 "c.yaml:1:1: one cell must be shared: the store lives in the first of them");
}
