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
	struct config_wish w = {"127.0.0.1:7443", 2, "sim", NULL, true, 0};
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
		struct config_wish w = {"127.0.0.1:7443", rows[i].nodes, rows[i].runtime, NULL, false, 0};
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
	cr_expect(strstr(refusal("store: {quota: 9223372036854775807GiB}\ncells: [{name: a}]"),
			 "c.yaml:1:9: quota"));
	cr_expect_str_eq(refusal("store: {quota: 5}\ncells: [{name: a}]"),
			 "c.yaml:1:9: quota is from 1048576 to 17592186044416");
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

static void expect_policy(const struct restart_policy *p, const struct restart_policy *want)
{
	cr_expect_eq(p->strategy, want->strategy);
	cr_expect_eq(p->intensity, want->intensity);
	cr_expect_eq(p->window_us, want->window_us);
	cr_expect_eq(p->backoff_min_us, want->backoff_min_us);
	cr_expect_eq(p->backoff_max_us, want->backoff_max_us);
}

Test(config, supervision_is_as_the_file_says_or_else_as_the_help_does)
{
	static const struct restart_policy own = {RESTART_REST_FOR_ONE, 7, 120000000, 5000,
						  1000000},
					   processes = {0, 5, 300000000, 10000, 5000000};
	struct err e = {0};
	cr_assert_eq(config_parse(&config, "c.yaml",
				  span_of("turn-limit: 250ms\ncells:\n- name: a\n- name: b\n"
					  "  restart: {strategy: rest-for-one, intensity: 7/2m, "
					  "backoff: 5ms..1s}\n"
					  "  actors: [{kind: gate, restart: temporary}]\n"), &e), 0,
		     "%s", e.text);
	expect_policy(&config.cells[0].restart, &restart_policy_default);
	expect_policy(&config.cells[1].restart, &own);
	expect_policy(&config.restart, &processes);
	cr_expect_eq(config.turn_limit_ms, 250);
	config_fini(&config);
	cr_assert_eq(config_parse(&config, "c.yaml", span_of("cells: [{name: a}]"), &e), 0);
	cr_expect_eq(config.turn_limit_ms, 10000);
	config_fini(&config);
}

Test(config, names_what_is_wrong_with_supervision)
{
	cr_expect_str_eq(refusal("cells: [{name: a, restart: {strategy: one-for-two}}]"),
			 "c.yaml:1:29: strategy is one of one-for-one|one-for-all|rest-for-one");
	cr_expect_str_eq(refusal("cells: [{name: a, restart: {intensty: 5/30s}}]"),
			 "c.yaml:1:29: unknown key 'intensty', did you mean 'intensity'?");
	static const char *const rates[] = {"5", "5/30", "x/30s", "5/s", "5/30s.", "-1/30s", "/30s"};
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		char text[100];
		snprintf(text, sizeof text, "restart: {intensity: \"%s\"}\ncells: [{name: a}]",
			 rates[i]);
		cr_expect_str_eq(refusal(text), "c.yaml:1:11: intensity is so many in a time, like 5/30s",
				 "%s", rates[i]);
	}
	cr_expect_str_eq(refusal("restart: {intensity: 5000/30s}\ncells: [{name: a}]"),
			 "c.yaml:1:11: intensity is at most 1000, in 1ms to 24h");
	cr_expect_str_eq(refusal("restart: {backoff: 10s}\ncells: [{name: a}]"),
			 "c.yaml:1:11: backoff is two times, like 100ms..30s");
	cr_expect_str_eq(refusal("restart: {backoff: 10s..1s}\ncells: [{name: a}]"),
			 "c.yaml:1:11: backoff goes up, from 1ms at least to 3600s at most");
	cr_expect_str_eq(refusal("turn-limit: 1ms\ncells: [{name: a}]"),
			 "c.yaml:1:1: turn-limit is from 100ms to 3600s");
	cr_expect_str_eq(refusal("turn-limit: soon\ncells: [{name: a}]"),
			 "c.yaml:1:1: turn-limit is a time like 250ms, 10s or 5m");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  actors: [{kind: gate, restart: often}]"),
			 "c.yaml:3:25: restart is one of permanent|transient|temporary");
}

Test(config, controllers_are_switched_off_by_their_names)
{
	struct err e = {0};
	cr_assert_eq(config_parse(&config, "c.yaml",
				  span_of("cells: [{name: a, actors: [{kind: controllers, "
					  "without: [job, cronjob]}]}]"), &e), 0, "%s", e.text);
	const struct config_actor *a = &config.cells[0].actors[0];
	cr_expect(config_is_without(a, "job") && config_is_without(a, "cronjob"));
	cr_expect_not(config_is_without(a, "deployment"));
	config_fini(&config);
	cr_expect_str_eq(refusal("cells: [{name: a, actors: [{kind: controllers, without: [deploiment]}]}]"),
			 "c.yaml:1:58: there is no controller 'deploiment', did you mean 'deployment'?");
	cr_expect_str_eq(refusal("cells: [{name: a, actors: [{kind: controllers, without: [x]}]}]"),
			 "c.yaml:1:58: there is no controller 'x'");
	cr_expect_str_eq(refusal("cells: [{name: a, actors: [{kind: controllers, without: job}]}]"),
			 "c.yaml:1:48: without is a list");
}

/* The broker gives a name to whom it came from last: two would take it from
 * each other. */
Test(config, who_is_started_twice_has_a_name_of_his_own)
{
	struct err e = {0};
	cr_assert_eq(config_parse(&config, "c.yaml",
				  span_of("cells: [{name: a, actors: [{kind: controllers}, "
					  "{kind: deployment, name: deployment-2}]}, "
					  "{name: b, actors: [{kind: controllers, name: spare}]}]"), &e),
		     0, "%s", e.text);
	cr_expect_str_eq(config_controller_name(&config.cells[0].actors[0], "job", &config.arena), "job");
	cr_expect_str_eq(config_controller_name(&config.cells[1].actors[0], "job", &config.arena),
			 "spare/job");
	config_fini(&config);
	cr_expect_str_eq(refusal("cells:\n- name: a\n  actors: [{kind: controllers}, {kind: deployment}]"),
			 "c.yaml:3:33: there are two actors 'deployment': give one of them another name");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  actors: [{kind: scheduler}]\n"
				 "- {name: b, actors: [{kind: scheduler}]}"),
			 "c.yaml:4:22: there are two actors 'scheduler': give one of them another name");
}

Test(config, a_plugin_has_a_file_and_a_process_of_its_own)
{
	struct err e = {0};
	cr_assert_eq(config_parse(&config, "c.yaml",
				  span_of("cells: [{name: a}, {name: b, process: own, actors: [{kind: plugin, "
					  "file: /lib/team.so, config: {domain: x}}]}]"), &e), 0, "%s", e.text);
	cr_expect_str_eq(config.cells[1].actors[0].name, "team");
	cr_expect(config.cells[1].foreign);
	cr_expect_not(config.cells[0].foreign);
	cr_expect_eq(config.cells[1].actors[0].line->line, 1);
	config_fini(&config);
	cr_expect_str_eq(refusal("cells:\n- name: a\n  actors: [{kind: plugin, file: x.so}]"),
			 "c.yaml:3:12: a plugin has a process of its own: its cell needs `process: own`");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  process: own\n  actors: [{kind: plugin}]"),
			 "c.yaml:4:12: a plugin needs a file");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  process: own\n  actors: [{kind: plugin, fil: x.so}]"),
			 "c.yaml:4:27: unknown key 'fil', did you mean 'file'?");
	cr_expect_str_eq(refusal("cells:\n- name: a\n  process: own\n  actors: [{kind: plugn, file: x.so}]"),
			 "c.yaml:4:13: unknown actor kind 'plugn', did you mean 'plugin'?");
}

Test(config, default_file_of_a_second_cluster_on_the_machine)
{
	struct config_wish w = {"127.0.0.1:7443", 1, "oci", "/usr/bin/crun", false, 2};
	struct config c = {0};
	struct buf text = {0};
	struct err e = {0};
	config_default(&text, &w);
	cr_assert_eq(config_parse(&c, "c.yaml", span_buf(&text), &e), 0, "%s", e.text);
	cr_expect_eq(config_slot_of(&c), 2);
	char range[CONFIG_RANGE_MAX], first[CONFIG_RANGE_MAX];
	config_services(&c, range, first);
	cr_expect_str_eq(range, "10.98.0.0/16");
	cr_expect_str_eq(first, "10.98.0.1");
	cr_expect(strstr(buf_text(&text), "bridge: troupe2, subnet: 10.246.1.0/24"));
	config_fini(&c);
	buf_fini(&text);
}

Test(config, default_file_of_a_second_cluster_of_several_nodes)
{
	struct config_wish w = {"127.0.0.1:7443", 3, "oci", "/usr/bin/crun", false, 2};
	struct config c = {0};
	struct buf text = {0};
	struct err e = {0};
	config_default(&text, &w);
	cr_assert_eq(config_parse(&c, "c.yaml", span_buf(&text), &e), 0, "%s", e.text);
	cr_expect_eq(config_slot_of(&c), 2);
	cr_expect_str_eq(c.nodes_range, "172.28.0.0/16");
	cr_expect_str_eq(c.nodes_bridge, "troupe-nodes2");
	cr_expect(strstr(buf_text(&text), "node: n3, runtime: oci, program: \"/usr/bin/crun\", subnet: 10.246.3.0/24}"));
	config_fini(&c);
	buf_fini(&text);
	w.slot = 0;
	config_default(&text, &w);
	cr_assert_eq(config_parse(&c, "c.yaml", span_buf(&text), &e), 0, "%s", e.text);
	cr_expect_eq(config_slot_of(&c), 0);
	cr_expect_str_eq(c.nodes_range, "172.30.0.0/16");
	cr_expect_str_eq(c.nodes_bridge, "troupe-nodes");
	config_fini(&c);
	buf_fini(&text);
}

Test(config, all_slots_are_apart_and_have_names_that_fit)
{
	for (unsigned i = 0; i < CONFIG_SLOTS; i++)
		for (unsigned k = 0; k < i; k++) {
			struct config_slot x = config_slot(i), y = config_slot(k);
			cr_expect_str_neq(x.nodes_range, y.nodes_range);
			cr_expect_str_neq(x.nodes_bridge, y.nodes_bridge);
			cr_expect_str_neq(x.pods, y.pods);
			cr_expect_str_neq(x.services, y.services);
		}
	struct config_slot last = config_slot(CONFIG_SLOTS - 1);
	cr_expect_str_eq(last.nodes_range, "172.19.0.0/16", "Docker's own network is 172.17");
	cr_expect_str_eq(last.nodes_bridge, "troupe-nodes11", "at most 15 bytes");
	cr_expect_str_eq(last.pods, "10.255.0.0/16");
}

Test(config, the_net_between_nodes_is_a_range_and_a_bridge)
{
	cr_expect_str_eq(refusal("nodes: {range: 172.29.0.1/16}\ncells: [{name: a}]"),
			 "c.yaml:1:9: range: 172.29.0.1/16 is no range like 172.29.0.0/16, of 16 to 29 bits");
	cr_expect_str_eq(refusal("nodes: {range: 10.0.0.0/8}\ncells: [{name: a}]"),
			 "c.yaml:1:9: range: 10.0.0.0/8 is no range like 172.29.0.0/16, of 16 to 29 bits");
	cr_expect_str_eq(refusal("nodes: {range: here}\ncells: [{name: a}]"),
			 "c.yaml:1:9: range: here is no range like 172.29.0.0/16, of 16 to 29 bits");
	cr_expect_str_eq(refusal("nodes: {bridge: a-name-of-sixteen}\ncells: [{name: a}]"),
			 "c.yaml:1:9: bridge: 'a-name-of-sixteen' is no name of a bridge");
	cr_expect_str_eq(refusal("nodes: {rang: 172.29.0.0/16}\ncells: [{name: a}]"),
			 "c.yaml:1:9: unknown key 'rang', did you mean 'range'?");
}

Test(config, labels_of_a_node_are_such_as_it_may_give_itself)
{
	static const struct {
		const char *labels, *why;
	} rows[] = {
		{"x", "4:6: labels is a map, like {disk: ssd}"},
		{"{disk: 5}", "4:15: the value of 'disk' is a text: set it in quotes"},
		{"{disk: a/b}", "4:15: 'a/b' is no label's value: "},
		{"{a/b/c: x}", "4:15: 'a/b/c' is no label: "},
		{"{kubernetes.io/hostname: x}", "4:15: 'kubernetes.io/hostname' is what a node's agent says"},
		{"{node-role.kubernetes.io/master: x}",
		 "4:15: no node may give itself 'node-role.kubernetes.io/master': it is Kubernetes' own"},
		{"{k8s.io/x: x}", "4:15: no node may give itself 'k8s.io/x': it is Kubernetes' own"},
	};
	static const char head[] = "cells:\n- name: a\n  actors:\n  - {labels: ";
	char text[400], want[400];
	struct err e = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(text, sizeof text, "%s%s, kind: node-agent}", head, rows[i].labels);
		snprintf(want, sizeof want, "c.yaml:%s", rows[i].why);
		const char *why = refusal(text);
		cr_expect_eq(strncmp(why, want, strlen(want)), 0, "'%s' instead of '%s'", why, want);
	}
	snprintf(text, sizeof text, "%s{disk: ssd, topology.kubernetes.io/zone: a, kubelet.kubernetes.io/x: '1', "
		 "notkubernetes.io/y: ''}, kind: node-agent}", head);
	cr_assert_eq(config_parse(&config, "c.yaml", span_of(text), &e), 0, "%s", e.text);
	cr_expect_eq(doc_get(config.cells[0].actors[0].options, "labels")->count, 4);
	config_fini(&config);
}

/* What YAML takes for something else, and what would otherwise fail far from its line: when the
 * node registers, or when something listens. */
Test(config, refuses_values_that_nobody_could_use)
{
	static const struct {
		const char *actor, *why;
	} rows[] = {
		{"{node: n, kind: node-agent}", "4:6: node is a text: set it in quotes"},
		{"{node: 1, kind: node-agent}", "4:6: node is a text: set it in quotes"},
		{"{node: N1, kind: node-agent}", "4:6: 'N1' is no node's name: a lowercase RFC 1123 subdomain"},
		{"{cpu: 4x, kind: node-agent}",
		 "4:6: cpu is a quantity like 4, 500m, 512Mi or 8Gi, not '4x'"},
		{"{memory: 8GiB, kind: node-agent}",
		 "4:6: memory is a quantity like 4, 500m, 512Mi or 8Gi, not '8GiB'"},
		{"{memory: yes, kind: node-agent}", "4:6: memory is a quantity like 4, 500m, 512Mi or 8Gi"},
		{"{cpu: -4, kind: node-agent}", "4:6: cpu is more than nothing"},
		{"{listen: 6443, kind: api}", "4:6: listen is IPV4:PORT, like 127.0.0.1:6443"},
		{"{listen: 'localhost:6443', kind: api}", "4:6: listen is IPV4:PORT, like 127.0.0.1:6443"},
		{"{listen: '127.0.0.1:66443', kind: api}", "4:6: listen is IPV4:PORT, like 127.0.0.1:6443"},
		{"{listen: '127.0.0.1:0', kind: api}", "4:6: listen is IPV4:PORT, like 127.0.0.1:6443"},
		{"{node-port-address: 1.2.3, kind: service-proxy}",
		 "4:6: node-port-address is addresses with commas between, like 127.0.0.1"},
		{"{audit: full, kind: api}", "4:6: audit is one of off|metadata"},
		{"{restart: yes, kind: gate}", "4:6: restart is one of permanent|transient|temporary"},
		{"{kind: node-agent}\n  - {kind: node-agent}", "5:5: there are two nodes 'n1'"},
		{"{kind: node-agent, count: 3}\n  - {kind: node-agent, node: n2}", "5:5: there are two nodes 'n2'"},
		{"{kind: api}\n  - {kind: api, name: b}", "5:5: another API listens on 127.0.0.1:6443 already"},
	};
	char text[400], want[200], longest[300];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(text, sizeof text, "cells:\n- name: a\n  actors:\n  - %s\n", rows[i].actor);
		snprintf(want, sizeof want, "c.yaml:%s", rows[i].why);
		const char *why = refusal(text);
		cr_expect_eq(strncmp(why, want, strlen(want)), 0, "'%s' instead of '%s'", why, want);
	}
	memset(longest, 'x', 129);
	longest[129] = 0;
	snprintf(text, sizeof text, "cells: [{name: %s}]", longest);
	cr_expect_str_eq(refusal(text), "c.yaml:1:10: a cell's name has at most 63 bytes");
	snprintf(text, sizeof text, "cells: [{name: a, actors: [{kind: scheduler, name: %s}]}]", longest);
	cr_expect_str_eq(refusal(text), "c.yaml:1:28: an actor's name has at most 128 bytes");
}

Test(config, takes_a_number_for_a_quantity)
{
	static const char *const rows[][2] = {{"4", "4"}, {"1.5", "1.5"}, {"500m", "500m"}, {"'2'", "2"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[200];
		struct err e = {0};
		snprintf(text, sizeof text, "cells: [{name: a, actors: [{kind: node-agent, cpu: %s}]}]", rows[i][0]);
		cr_assert_eq(config_parse(&config, "c.yaml", span_of(text), &e), 0, "%s", e.text);
		cr_expect(span_is(doc_get_str(config.cells[0].actors[0].options, "cpu"), rows[i][1]));
		config_fini(&config);
	}
}
