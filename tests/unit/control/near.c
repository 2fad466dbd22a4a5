/* What pods ask of the pods that are there. */
#include <criterion/criterion.h>

#include "actors/schema/json.h"
#include "actors/scheduler/choice.h"
#include "actors/scheduler/fit.h"
#include "actors/scheduler/near.h"

enum { PODS = 16 };

static struct arena arena;

static struct mp mp_from(const char *json)
{
	struct doc *d;
	struct buf b = {0}, text = {0};
	for (const char *p = json; *p; p++)
		buf_putc(&text, *p == '\'' ? '"' : *p);
	cr_assert_eq(json_parse(&arena, span_buf(&text), &d, NULL, NULL), 0, "%s", json);
	doc_to_mp(&b, d);
	struct span kept = {(uint8_t *)arena_ndup(&arena, b.data, b.len), b.len};
	buf_fini(&b);
	buf_fini(&text);
	return mp_of(kept);
}

/* Two nodes in zone a, one in b, one that is in none. */
static const char *const nodes_json[] = {
	"{'metadata':{'name':'n1','labels':{'host':'n1','zone':'a'}}}",
	"{'metadata':{'name':'n2','labels':{'host':'n2','zone':'a'}}}",
	"{'metadata':{'name':'n3','labels':{'host':'n3','zone':'b','disk':'ssd'}}}",
	"{'metadata':{'name':'n4','labels':{'host':'n4'}}}",
};
enum { NODES = sizeof nodes_json / sizeof *nodes_json };

struct world {
	struct near near;
	struct {
		struct mp object;
		struct near_asks *asks;
		const char *node;
	} pods[PODS];
	size_t count;
	const char *team; /* label of the namespace "other" */
};

static void each_placed(void *arg, void (*one)(void *with, struct mp pod, struct span node), void *with)
{
	struct world *w = arg;
	for (size_t i = 0; i < w->count; i++)
		if (w->pods[i].node)
			one(with, w->pods[i].object, span_of(w->pods[i].node));
}

static struct mp namespace_of(void *arg, struct span name)
{
	struct world *w = arg;
	return mp_from(span_is(name, "other") ? arena_printf(&arena, "{'metadata':{'labels':{'team':'%s'}}}", w->team)
					      : "{'metadata':{}}");
}

static void begin(struct world *w)
{
	*w = (struct world){.near = {.arg = w, .each_placed = each_placed, .namespace = namespace_of}, .team = "x"};
}

/* Of namespace "shop" unless `meta` says another. */
static struct mp pod(const char *meta, const char *spec)
{
	return mp_from(arena_printf(&arena, "{'metadata':{%s%s},'spec':{%s}}",
				    strstr(meta, "'namespace'") ? "" : "'namespace':'shop',", meta, spec));
}

#define APP(app) "'labels':{'app':'" app "'}"
#define TERM(app, key) "{'topologyKey':'" key "','labelSelector':{'matchLabels':{'app':'" app "'}}}"
#define REQUIRED "'requiredDuringSchedulingIgnoredDuringExecution'"
#define PREFERRED "'preferredDuringSchedulingIgnoredDuringExecution'"
#define ANTI(terms) "'affinity':{'podAntiAffinity':{" REQUIRED ":[" terms "]}}"
#define NEAR(terms) "'affinity':{'podAffinity':{" REQUIRED ":[" terms "]}}"
#define SPREAD(more)                                                                             \
	"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':"      \
	"'DoNotSchedule','labelSelector':{'matchLabels':{'app':'web'}}" more "}]"

static void put(struct world *w, const char *node, struct mp object)
{
	size_t i = w->count++;
	w->pods[i].object = object;
	w->pods[i].asks = near_asks_of(&w->near, object);
	w->pods[i].node = node;
	near_moved(&w->near, w->pods[i].asks, object, span_of(node), 1);
}

static void take(struct world *w, size_t i)
{
	near_moved(&w->near, w->pods[i].asks, w->pods[i].object, span_of(w->pods[i].node), -1);
	near_forget(&w->near, w->pods[i].asks);
	w->pods[i].node = NULL;
	w->pods[i].asks = NULL;
}

static void end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->pods[i].node)
			take(w, i);
	cr_expect_eq(w->near.terms.count, 0, "what nobody asks is not counted");
	near_fini(&w->near);
	arena_fini(&arena);
}

struct seen {
	unsigned faults[NODES];
	int64_t affinity[NODES], spread[NODES];
};

static struct seen look(struct world *w, struct mp object)
{
	struct seen s;
	struct near_node nodes[NODES];
	struct near_plan p;
	struct near_asks *asks = near_asks_of(&w->near, object);
	for (size_t i = 0; i < NODES; i++) {
		nodes[i].object = mp_from(nodes_json[i]);
		nodes[i].name = mp_path_str(nodes[i].object, "metadata.name");
	}
	near_plan_make(&p, &arena, &w->near, asks, object, nodes, NODES);
	for (size_t i = 0; i < NODES; i++) {
		s.faults[i] = near_fault(&p, nodes[i].object);
		s.affinity[i] = near_affinity(&p, nodes[i].object);
		s.spread[i] = near_spread(&p, nodes[i].object);
	}
	near_plan_fini(&p);
	near_forget(&w->near, asks);
	return s;
}

static void expect(struct world *w, struct mp object, unsigned n1, unsigned n2, unsigned n3, unsigned n4)
{
	struct seen s = look(w, object);
	unsigned want[NODES] = {n1, n2, n3, n4};
	for (size_t i = 0; i < NODES; i++)
		cr_expect_eq(s.faults[i], want[i], "n%zu: %u, not %u", i + 1, s.faults[i], want[i]);
}

Test(near, pods_keep_away_from_those_that_they_name)
{
	struct world w;
	begin(&w);
	put(&w, "n1", pod(APP("web"), ""));
	expect(&w, pod(APP("web"), ANTI(TERM("web", "host"))), FIT_ANTI_AFFINITY, 0, 0, 0);
	expect(&w, pod(APP("web"), ANTI(TERM("web", "zone"))), FIT_ANTI_AFFINITY, FIT_ANTI_AFFINITY, 0, 0);
	expect(&w, pod(APP("web"), ANTI(TERM("db", "zone"))), 0, 0, 0, 0);
	expect(&w, pod(APP("web"), ""), 0, 0, 0, 0);
	end(&w);
}

Test(near, pods_that_are_there_keep_others_away)
{
	struct world w;
	begin(&w);
	put(&w, "n1", pod(APP("web"), ANTI(TERM("db", "zone"))));
	expect(&w, pod(APP("db"), ""), FIT_OTHERS, FIT_OTHERS, 0, 0);
	expect(&w, pod(APP("web"), ""), 0, 0, 0, 0);
	take(&w, 0);
	expect(&w, pod(APP("db"), ""), 0, 0, 0, 0);
	end(&w);
}

Test(near, pods_stay_near_those_that_they_name)
{
	struct world w;
	begin(&w);
	unsigned no = FIT_AFFINITY;
	struct mp web = pod(APP("web"), NEAR(TERM("db", "zone")));
	expect(&w, web, no, no, no, no);
	put(&w, "n1", pod(APP("db"), ""));
	expect(&w, web, 0, 0, no, no);
	take(&w, 0);
	expect(&w, web, no, no, no, no);
	/* the first of those that want to be together; it needs the label all the same */
	struct mp first = pod(APP("web"), NEAR(TERM("web", "zone")));
	expect(&w, first, 0, 0, 0, no);
	put(&w, "n3", first);
	expect(&w, first, no, no, 0, no);
	end(&w);
}

Test(near, of_several_terms_one_pod_is_meant_by_all)
{
	struct world w;
	begin(&w);
	struct mp asks = pod(APP("x"), NEAR(TERM("db", "zone") "," "{'topologyKey':'host','labelSelector':{'matchLabels':"
					    "{'tier':'1'}}}"));
	put(&w, "n1", pod(APP("db"), ""));
	put(&w, "n1", pod("'labels':{'tier':'1'}", ""));
	expect(&w, asks, FIT_AFFINITY, FIT_AFFINITY, FIT_AFFINITY, FIT_AFFINITY);
	put(&w, "n2", pod("'labels':{'tier':'1','app':'db'}", ""));
	expect(&w, asks, FIT_AFFINITY, 0, FIT_AFFINITY, FIT_AFFINITY);
	end(&w);
}

Test(near, pods_are_spread_evenly)
{
	struct world w;
	begin(&w);
	unsigned label = FIT_SPREAD_LABEL, many = FIT_SPREAD;
	struct mp web = pod(APP("web"), SPREAD(""));
	expect(&w, web, 0, 0, 0, label);
	put(&w, "n1", web);
	expect(&w, web, many, many, 0, label);
	put(&w, "n3", web);
	expect(&w, web, 0, 0, 0, label);
	/* it is none of them: it makes nothing uneven */
	put(&w, "n3", web);
	expect(&w, pod(APP("other"), SPREAD("")), 0, 0, 0, label);
	expect(&w, web, 0, 0, many, label);
	/* who leaves does not count */
	put(&w, "n2", pod(APP("web") ",'deletionTimestamp':'2026-11-27T10:00:00Z'", ""));
	expect(&w, web, 0, 0, many, label);
	end(&w);
}

Test(near, spread_is_over_nodes_that_the_pod_could_be_on)
{
	struct world w;
	begin(&w);
	put(&w, "n3", pod(APP("web"), ""));
	struct mp ssd = pod(APP("web"), SPREAD("") ",'nodeSelector':{'disk':'ssd'}");
	expect(&w, ssd, 0, 0, 0, FIT_SPREAD_LABEL);
	struct mp any = pod(APP("web"), SPREAD(",'nodeAffinityPolicy':'Ignore'") ",'nodeSelector':{'disk':'ssd'}");
	expect(&w, any, 0, 0, FIT_SPREAD, FIT_SPREAD_LABEL);
	/* as long as there are not so many zones, an empty one counts */
	put(&w, "n1", pod(APP("web"), ""));
	expect(&w, pod(APP("web"), SPREAD(",'minDomains':3")), FIT_SPREAD, FIT_SPREAD, FIT_SPREAD, FIT_SPREAD_LABEL);
	end(&w);
}

Test(near, only_pods_of_the_same_revision_are_meant_where_it_says_so)
{
	struct world w;
	begin(&w);
#define REVISION(r) "'labels':{'app':'web','rev':'" r "'}"
	put(&w, "n1", pod(REVISION("1"), ""));
	expect(&w, pod(REVISION("1"), SPREAD(",'matchLabelKeys':['rev']")), FIT_SPREAD, FIT_SPREAD, 0, FIT_SPREAD_LABEL);
	expect(&w, pod(REVISION("2"), SPREAD(",'matchLabelKeys':['rev']")), 0, 0, 0, FIT_SPREAD_LABEL);
#define OTHERS "{'topologyKey':'host','labelSelector':{},'mismatchLabelKeys':['rev']}"
	expect(&w, pod(REVISION("1"), ANTI(OTHERS)), 0, 0, 0, 0);
	expect(&w, pod(REVISION("2"), ANTI(OTHERS)), FIT_ANTI_AFFINITY, 0, 0, 0);
	end(&w);
}

Test(near, namespaces_are_its_own_or_those_that_it_names)
{
	struct world w;
	begin(&w);
	put(&w, "n1", pod("'namespace':'other'," APP("web"), ""));
#define OF(namespaces) ANTI("{'topologyKey':'host','labelSelector':{'matchLabels':{'app':'web'}}" namespaces "}")
	expect(&w, pod(APP("web"), OF("")), 0, 0, 0, 0);
	expect(&w, pod(APP("web"), OF(",'namespaces':['third','other']")), FIT_ANTI_AFFINITY, 0, 0, 0);
	expect(&w, pod(APP("web"), OF(",'namespaceSelector':{}")), FIT_ANTI_AFFINITY, 0, 0, 0);
	/* none and an empty selector of pods: nobody, everybody */
	expect(&w, pod(APP("web"), ANTI("{'topologyKey':'host','namespaceSelector':{}}")), 0, 0, 0, 0);
	expect(&w, pod(APP("x"), ANTI("{'topologyKey':'host','namespaceSelector':{},'labelSelector':{}}")),
	       FIT_ANTI_AFFINITY, 0, 0, 0);
	end(&w);
}

Test(near, namespaces_are_known_by_their_labels)
{
	struct world w;
	begin(&w);
	put(&w, "n1", pod("'namespace':'other'," APP("web"), ""));
	struct mp asks = pod(APP("web"), OF(",'namespaceSelector':{'matchLabels':{'team':'y'}}"));
	struct near_asks *kept = near_asks_of(&w.near, asks);
	cr_expect_eq(w.near.of_namespaces, 1);
	expect(&w, asks, 0, 0, 0, 0);
	w.team = "y";
	near_namespaces_changed(&w.near);
	expect(&w, asks, FIT_ANTI_AFFINITY, 0, 0, 0);
	near_forget(&w.near, kept);
	cr_expect_eq(w.near.of_namespaces, 0);
	end(&w);
}

Test(near, wishes_of_both_sides_add_up)
{
	struct world w;
	begin(&w);
#define LIKES(kind, weight, app, key)                                                            \
	"'" kind "':{" PREFERRED ":[{'weight':" weight ",'podAffinityTerm':" TERM(app, key) "}]}"
	put(&w, "n1", pod(APP("db"), "'affinity':{" LIKES("podAntiAffinity", "5", "web", "host") "}"));
	put(&w, "n2", pod(APP("db"), ""));
	struct seen s = look(&w, pod(APP("web"), "'affinity':{" LIKES("podAffinity", "10", "db", "zone") "}"));
	cr_expect_eq(s.affinity[0], 15, "two of them in its zone, and one that would rather not");
	cr_expect_eq(s.affinity[1], 20);
	cr_expect_eq(s.affinity[2], 0);
	cr_expect_eq(s.affinity[3], 0);
	cr_expect_eq(s.faults[3], 0, "a wish is no must");
	end(&w);
}

Test(near, softly_spread_pods_go_where_few_are)
{
	struct world w;
	begin(&w);
	struct mp soft = pod(APP("web"), "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'zone','whenUnsatisfiable':"
					 "'ScheduleAnyway','labelSelector':{'matchLabels':{'app':'web'}}}]");
	put(&w, "n1", soft);
	put(&w, "n2", soft);
	put(&w, "n3", soft);
	struct seen s = look(&w, soft);
	cr_expect_eq(s.spread[0], s.spread[1]);
	cr_expect_gt(s.spread[0], s.spread[2]);
	cr_expect_eq(s.spread[3], -1, "it has not the label");
	for (size_t i = 0; i < NODES; i++)
		cr_expect_eq(s.faults[i], 0);
	end(&w);
}

Test(near, a_pod_counts_anew_only_when_it_is_another_for_those_who_ask)
{
	struct mp was = pod(APP("web"), "'nodeName':'n1'");
	cr_expect(near_same(was, pod(APP("web"), "'nodeName':'n2'")));
	cr_expect_not(near_same(was, pod(APP("db"), "'nodeName':'n1'")));
	cr_expect_not(near_same(was, pod(APP("web") ",'deletionTimestamp':'2026-11-27T10:00:00Z'", "")));
	arena_fini(&arena);
}

/* ---- the best one */

static const char *best(const struct candidate *all, size_t count)
{
	const struct candidate *c = choice_best(all, count);
	return c ? arena_ndup(&arena, c->name.data, c->name.len) : "";
}

Test(choice, room_decides_where_there_are_no_wishes)
{
	struct candidate all[] = {{span_of("a"), 100, 1, 0, 0, 0, 0, 0},
				  {span_of("b"), 150, 9, 0, 0, 0, 0, 0},
				  {span_of("c"), 150, 3, 0, 0, 0, 0, 0},
				  {span_of("d"), 150, 3, 0, 0, 0, 0, 0}};
	cr_expect_str_eq(best(all, 4), "c", "of equals the one with fewer pods, then the first");
	all[0].images = 60;
	cr_expect_str_eq(best(all, 4), "a", "it has the images");
	cr_expect_null(choice_best(all, 0));
	arena_fini(&arena);
}

Test(choice, wishes_outweigh_a_little_room)
{
	struct candidate likes[] = {{span_of("a"), 150, 0, 0, 0, 0, 0, 0}, {span_of("b"), 100, 0, 10, 0, 0, 0, 0}};
	cr_expect_str_eq(best(likes, 2), "b", "its node affinity");
	struct candidate taint[] = {{span_of("a"), 150, 0, 0, 2, 0, 0, 0}, {span_of("b"), 100, 0, 0, 0, 0, 0, 0}};
	cr_expect_str_eq(best(taint, 2), "b", "a taint that says rather not");
	struct candidate far[] = {{span_of("a"), 150, 0, 0, 0, -5, 0, 0}, {span_of("b"), 100, 0, 0, 0, 0, 0, 0}};
	cr_expect_str_eq(best(far, 2), "b", "pods that it would rather not be near to");
	struct candidate spread[] = {{span_of("a"), 150, 0, 0, 0, 0, 300, 0}, {span_of("b"), 100, 0, 0, 0, 0, 100, 0},
				     {span_of("c"), 200, 0, 0, 0, 0, -1, 0}};
	cr_expect_str_eq(best(spread, 3), "b", "fewer of its like");
	arena_fini(&arena);
}
