/* What a service and its slices mean for a proxy. */
#include "nodes/proxy/proxy_plan.h"
#include "tests/unit/nodes/objects.h"

enum { SLICES_MAX = 8 };

struct world {
	struct arena a;
	struct proxy_address node_ports_at[2];
	struct proxy_plan plan;
};

/* Plans for a Service's spec and the slices, NULL terminated. */
static struct world *plan(const char *spec, const char *const *slices)
{
	struct world *w = mem_alloc(sizeof *w);
	struct mp list[SLICES_MAX];
	size_t n = 0;
	for (; slices && slices[n]; n++)
		list[n] = mp_of(object_of(&w->a, slices[n]));
	char *service = arena_printf(&w->a, "{'metadata':{'name':'db','namespace':'shop'},'spec':%s}",
				     spec);
	proxy_address_parse(span_of("127.0.0.1"), 0, &w->node_ports_at[0]);
	proxy_plan_service(&w->a, w->node_ports_at, mp_of(object_of(&w->a, service)), list, n,
			   &w->plan);
	return w;
}

/* "127.96.0.1:80/TCP[1.1.1.1:8080 2.2.2.2:8080] ..." */
static const char *text(struct world *w)
{
	struct buf b = {0};
	char at[PROXY_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < w->plan.count; i++) {
		const struct proxy_listener *l = &w->plan.listeners[i];
		proxy_address_text(&l->at, at);
		buf_printf(&b, "%s%s/%s[", i ? " " : "", at, proxy_protocol_name(l->protocol));
		for (size_t k = 0; k < l->endpoint_count; k++) {
			proxy_address_text(&l->endpoints[k], at);
			buf_printf(&b, "%s%s", k ? " " : "", at);
		}
		buf_puts(&b, "]");
	}
	const char *out = arena_dup(&w->a, buf_text(&b));
	buf_fini(&b);
	return out;
}

static void done(struct world *w)
{
	arena_fini(&w->a);
	free(w);
}

#define EXPECT_PLAN(spec, want, ...)                                           \
	do {                                                                   \
		static const char *const slices[] = {__VA_ARGS__ __VA_OPT__(,) NULL}; \
		struct world *w_ = plan(spec, slices);                         \
		cr_expect_str_eq(text(w_), want);                              \
		done(w_);                                                      \
	} while (0)

#define ONE_PORT "'ports':[{'port':80}]"
#define SLICE(endpoints) "{'addressType':'IPv4','ports':[{'port':8080}],'endpoints':[" endpoints "]}"

Test(proxy_plan, endpoints_are_sorted_whatever_their_place)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}",
		    "127.96.0.10:80/TCP[9.0.0.1:8080 10.0.0.1:8080 10.0.0.2:8080]",
		    SLICE("{'addresses':['10.0.0.2']}"),
		    SLICE("{'addresses':['10.0.0.1']},{'addresses':['9.0.0.1']}"));
}

Test(proxy_plan, headless_external_name_and_addressless_services_have_no_listener)
{
	EXPECT_PLAN("{'clusterIP':'None'," ONE_PORT "}", "", SLICE("{'addresses':['10.0.0.2']}"));
	EXPECT_PLAN("{'type':'ExternalName','externalName':'x.y','clusterIP':'1.2.3.4'," ONE_PORT "}", "");
	EXPECT_PLAN("{" ONE_PORT "}", "");
	EXPECT_PLAN("{'clusterIP':''," ONE_PORT "}", "");
}

Test(proxy_plan, every_kind_of_address_has_its_listener)
{
	EXPECT_PLAN("{'type':'NodePort','clusterIP':'127.96.0.10','clusterIPs':['127.96.0.10','fd00::1'],"
		    "'externalIPs':['192.0.2.7','127.96.0.10'],'ports':[{'port':80,'nodePort':30080}]}",
		    "127.96.0.10:80/TCP[] [fd00::1]:80/TCP[] 192.0.2.7:80/TCP[] 127.0.0.1:30080/TCP[]");
}

Test(proxy_plan, an_external_address_is_marked_as_one)
{
	struct world *w = plan("{'clusterIP':'127.96.0.10','externalIPs':['192.0.2.7']," ONE_PORT "}",
			       NULL);
	cr_assert_eq(w->plan.count, 2);
	cr_expect_not(w->plan.listeners[0].external);
	cr_expect(w->plan.listeners[1].external);
	done(w);
}

Test(proxy_plan, ports_are_matched_by_name_and_protocol)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10','ports':[{'name':'web','port':80,'targetPort':'http'},"
		    "{'name':'dns','port':53,'protocol':'UDP'},{'name':'dns-tcp','port':53}]}",
		    "127.96.0.10:80/TCP[10.0.0.1:8080] 127.96.0.10:53/UDP[10.0.0.1:5353] "
		    "127.96.0.10:53/TCP[]",
		    "{'ports':[{'name':'dns','port':5353,'protocol':'UDP'},{'name':'web','port':8080},"
		    "{'name':'dns-tcp','port':1,'protocol':'UDP'}],'endpoints':[{'addresses':['10.0.0.1']}]}");
}

Test(proxy_plan, a_port_of_other_slices_may_be_another_number)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}",
		    "127.96.0.10:80/TCP[10.0.0.1:8080 10.0.0.2:9090]",
		    SLICE("{'addresses':['10.0.0.1']}"),
		    "{'ports':[{'name':'','port':9090}],'endpoints':[{'addresses':['10.0.0.2']}]}");
}

Test(proxy_plan, only_ready_endpoints_and_who_says_nothing_is_ready)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}",
		    "127.96.0.10:80/TCP[10.0.0.1:8080 10.0.0.3:8080]",
		    SLICE("{'addresses':['10.0.0.1'],'conditions':{}},"
			  "{'addresses':['10.0.0.2'],'conditions':{'ready':false}},"
			  "{'addresses':['10.0.0.3'],'conditions':{'ready':true}},"
			  "{'addresses':['10.0.0.4'],'conditions':{'ready':false,'serving':true,"
			  "'terminating':true}}"));
}

Test(proxy_plan, those_that_serve_while_they_end_stand_in_when_none_is_ready)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}",
		    "127.96.0.10:80/TCP[10.0.0.4:8080]",
		    SLICE("{'addresses':['10.0.0.2'],'conditions':{'ready':false,'serving':true}},"
			  "{'addresses':['10.0.0.3'],'conditions':{'ready':false,'serving':false,"
			  "'terminating':true}},"
			  "{'addresses':['10.0.0.4'],'conditions':{'ready':false,'serving':true,"
			  "'terminating':true}}"));
}

Test(proxy_plan, an_endpoint_in_two_slices_is_one_and_ready_where_one_says_so)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}",
		    "127.96.0.10:80/TCP[10.0.0.1:8080 10.0.0.2:8080]",
		    SLICE("{'addresses':['10.0.0.1'],'conditions':{'ready':false}},"
			  "{'addresses':['10.0.0.2']}"),
		    SLICE("{'addresses':['10.0.0.1']},{'addresses':['10.0.0.2']}"));
}

Test(proxy_plan, families_do_not_mix)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10','clusterIPs':['127.96.0.10','fd00::1']," ONE_PORT "}",
		    "127.96.0.10:80/TCP[10.0.0.1:8080] [fd00::1]:80/TCP[[fd00::2]:8080]",
		    SLICE("{'addresses':['10.0.0.1']}"),
		    "{'addressType':'IPv6','ports':[{'port':8080}],'endpoints':[{'addresses':['fd00::2']}]}",
		    "{'addressType':'FQDN','ports':[{'port':8080}],'endpoints':[{'addresses':['a.b']}]}");
}

Test(proxy_plan, affinity_has_its_time_or_three_hours)
{
	static const struct {
		const char *spec;
		uint32_t seconds;
	} rows[] = {
		{"{'clusterIP':'1.2.3.4'," ONE_PORT "}", 0},
		{"{'clusterIP':'1.2.3.4','sessionAffinity':'None'," ONE_PORT "}", 0},
		{"{'clusterIP':'1.2.3.4','sessionAffinity':'ClientIP'," ONE_PORT "}", 10800},
		{"{'clusterIP':'1.2.3.4','sessionAffinity':'ClientIP','sessionAffinityConfig':"
		 "{'clientIP':{'timeoutSeconds':7}}," ONE_PORT "}", 7},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w = plan(rows[i].spec, NULL);
		cr_expect_eq(w->plan.listeners[0].affinity_s, rows[i].seconds, "%s", rows[i].spec);
		done(w);
	}
}

Test(proxy_plan, what_makes_no_sense_is_left_out)
{
	EXPECT_PLAN("{'clusterIP':'no address'," ONE_PORT "}", "");
	EXPECT_PLAN("{'clusterIP':'127.96.0.10','ports':[{'port':0},{'port':70000},{'port':80},{'port':80}]}",
		    "127.96.0.10:80/TCP[]");
	EXPECT_PLAN("{'clusterIP':'127.96.0.10','ports':'x'}", "");
	EXPECT_PLAN("{'clusterIP':'127.96.0.10'," ONE_PORT "}", "127.96.0.10:80/TCP[]",
		    SLICE("{'addresses':[]},{'addresses':['x']},{},7"),
		    "{'ports':[{'port':-1}],'endpoints':[{'addresses':['10.0.0.1']}]}", "{}");
}

Test(proxy_plan, a_listener_is_not_its_own_endpoint)
{
	EXPECT_PLAN("{'clusterIP':'127.96.0.10','ports':[{'port':8080}]}",
		    "127.96.0.10:8080/TCP[127.96.0.9:8080]",
		    SLICE("{'addresses':['127.96.0.10']},{'addresses':['127.96.0.9']}"));
}

Test(proxy_plan, too_many_endpoints_are_cut_and_counted)
{
	struct arena a = {0};
	struct buf b = {0};
	struct proxy_plan p;
	struct proxy_address none = {0};
	buf_puts(&b, "{'ports':[{'port':1}],'endpoints':[");
	for (int i = 0; i < PROXY_ENDPOINTS_MAX + 3; i++)
		buf_printf(&b, "%s{'addresses':['10.0.%d.%d']}", i ? "," : "", i / 250, i % 250);
	buf_puts(&b, "]}");
	struct mp slice = mp_of(object_of(&a, buf_text(&b)));
	proxy_plan_service(&a, &none, mp_of(object_of(&a, "{'spec':{'clusterIP':'1.2.3.4'," ONE_PORT "}}")),
			   &slice, 1, &p);
	cr_assert_eq(p.count, 1);
	cr_expect_eq(p.listeners[0].endpoint_count, PROXY_ENDPOINTS_MAX);
	cr_expect_eq(p.listeners[0].left_out, 3);
	buf_fini(&b);
	arena_fini(&a);
}

Test(proxy_plan, node_ports_are_on_each_address_of_the_node)
{
	struct arena a = {0};
	struct proxy_plan p;
	struct proxy_address node[3] = {{0}};
	char at[PROXY_ADDRESS_TEXT_MAX];
	proxy_address_parse(span_of("127.0.0.1"), 0, &node[0]);
	proxy_address_parse(span_of("10.244.1.1"), 0, &node[1]);
	proxy_plan_service(&a, node,
			   mp_of(object_of(&a, "{'spec':{'type':'NodePort','clusterIP':'1.2.3.4',"
					       "'ports':[{'port':80,'nodePort':30080}]}}")),
			   NULL, 0, &p);
	cr_assert_eq(p.count, 3);
	proxy_address_text(&p.listeners[1].at, at);
	cr_expect_str_eq(at, "127.0.0.1:30080");
	proxy_address_text(&p.listeners[2].at, at);
	cr_expect_str_eq(at, "10.244.1.1:30080");
	arena_fini(&a);
}
