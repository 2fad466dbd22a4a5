/* Who goes when something runs out, and who does not come. */
#include "nodes/eviction.h"

#include "tests/unit/nodes/objects.h"

struct row {
	const char *name, *request, *priority;
	int64_t used;
};

static struct eviction_pod pod_of(struct arena *a, const struct row *r)
{
	struct eviction_pod p = {.owner = (void *)(uintptr_t)r->name};
	p.pod = mp_of(object_of(a, arena_printf(a,
		"{'spec':{'priority':%s,'containers':[{'name':'c','resources':{'requests':{'memory':'%s'}}}]}}",
		r->priority, r->request)));
	p.containers = mp_of(object_of(a, arena_printf(a, "[{'name':'c','working_set':%lld}]",
						       (long long)r->used)));
	return p;
}

Test(eviction, order)
{
	static const struct {
		struct row pods[3];
		const char *first;
	} rows[] = {
		/* who takes more than it asked for, before who does not */
		{{{"in", "100Mi", "0", 90 << 20}, {"over", "1Mi", "0", 2 << 20}}, "over"},
		/* ... also when it matters more */
		{{{"in", "100Mi", "0", 90 << 20}, {"over", "1Mi", "1000", 2 << 20}}, "over"},
		/* of those by priority */
		{{{"dear", "1Mi", "10", 90 << 20}, {"cheap", "1Mi", "5", 2 << 20}}, "cheap"},
		/* then by how much more */
		{{{"less", "50Mi", "0", 60 << 20}, {"more", "1Mi", "0", 40 << 20}}, "more"},
		/* and of those within what they asked for by how near they are to it */
		{{{"far", "100Mi", "0", 10 << 20}, {"near", "100Mi", "0", 90 << 20}}, "near"},
		/* the system's own never go */
		{{{"system", "0", "2000000000", 90 << 20}, {"in", "100Mi", "0", 1 << 20}}, "in"},
		{{{"system", "0", "2000001000", 90 << 20}}, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct eviction_pod pods[3];
		size_t n = 0;
		for (; n < 3 && rows[i].pods[n].name; n++)
			pods[n] = pod_of(&a, &rows[i].pods[n]);
		for (size_t turned = 0; turned < n; turned++) {
			struct eviction_pod first = pods[0];
			const struct eviction_pod *p = eviction_choose(EVICTION_MEMORY, pods, n);
			cr_expect_eq(p ? p->owner : NULL, (void *)(uintptr_t)rows[i].first, "row %zu", i);
			for (size_t k = 0; k + 1 < n; k++) /* whatever the order that they come in */
				pods[k] = pods[k + 1];
			pods[n - 1] = first;
		}
		arena_fini(&a);
	}
}

Test(eviction, a_pod_is_within_what_it_asked_for_as_a_whole)
{
	struct arena a = {0};
	struct row over = {"over", "50Mi", "1000", 60 << 20};
	struct eviction_pod whole = {.owner = "whole"}, pods[] = {whole, pod_of(&a, &over)};
	pods[0].pod = mp_of(object_of(&a, "{'spec':{'resources':{'requests':{'memory':'100Mi'}},'containers':[{'name':"
					  "'c','resources':{'requests':{'memory':'1Mi'}}}]}}"));
	pods[0].containers = mp_of(object_of(&a, "[{'name':'c','working_set':94371840}]"));
	cr_expect_str_eq(eviction_choose(EVICTION_MEMORY, pods, 2)->owner, "over");
	arena_fini(&a);
}

/* A pod with so many processes. */
static struct eviction_pod crowd(struct arena *a, const char *name, const char *priority, int processes)
{
	struct row r = {name, "1Gi", priority, 1 << 20};
	struct eviction_pod p = pod_of(a, &r);
	p.containers = mp_of(object_of(a, arena_printf(a, "[{'name':'c','processes':%d},{'name':'d','processes':1}]",
						       processes)));
	return p;
}

Test(eviction, processes_by_priority_then_by_their_number)
{
	struct arena a = {0};
	struct eviction_pod pods[] = {crowd(&a, "few", "0", 3), crowd(&a, "many", "0", 30),
				      crowd(&a, "dear", "5", 300)};
	const struct eviction_pod *p = eviction_choose(EVICTION_PIDS, pods, 3);
	cr_expect_str_eq(p->owner, "many");
	cr_expect_str_eq(eviction_message(&a, EVICTION_PIDS, p, 1638, 20),
			 "The node was low on resource: pids. Threshold quantity: 1638, available: 20. ");
	p = eviction_choose(EVICTION_PIDS, &pods[2], 1);
	cr_expect_str_eq(p->owner, "dear");
	arena_fini(&a);
}

Test(eviction, message_names_who_took_more)
{
	struct arena a = {0};
	struct row r = {"over", "1Mi", "0", 60 << 20};
	struct eviction_pod p = pod_of(&a, &r);
	cr_expect_str_eq(eviction_message(&a, EVICTION_MEMORY, &p, 100 << 20, 50 << 20),
			 "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
			 "Container c was using 60Mi, request is 1Mi, has larger consumption of memory. ");
	r = (struct row){"in", "100Mi", "0", 60 << 20};
	p = pod_of(&a, &r);
	cr_expect_str_eq(eviction_message(&a, EVICTION_MEMORY, &p, 100 << 20, 50 << 20),
			 "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ");
	arena_fini(&a);
}

/* A pod whose container has written that much, beside a volume. */
static struct eviction_pod writer(struct arena *a, const char *name, const char *asked, long long rootfs,
				  long long volume)
{
	struct eviction_pod p = {.owner = (void *)(uintptr_t)name};
	p.pod = mp_of(object_of(a, arena_printf(a,
		"{'spec':{'volumes':[{'name':'v','emptyDir':{}}],'containers':[{'name':'c','resources':"
		"{'requests':{'ephemeral-storage':'%s'}}}]}}", asked)));
	p.disk = mp_of(object_of(a, arena_printf(a,
		"{'containers':[{'name':'c','rootfs':{'used':%lld,'inodes_used':3},'logs':{'used':1024,"
		"'inodes_used':1}}],'volumes':[{'name':'v','used':%lld,'inodes_used':%lld}]}",
		rootfs, volume, volume / 1024)));
	return p;
}

Test(eviction, of_the_disk_what_volumes_hold_counts)
{
	struct arena a = {0};
	struct eviction_pod pods[] = {
		writer(&a, "rootfs", "1Mi", 40 << 20, 1 << 20),
		writer(&a, "volume", "1Mi", 1 << 20, 50 << 20),
		writer(&a, "asked for it", "100Mi", 60 << 20, 10 << 20),
	};
	const struct eviction_pod *p = eviction_choose(EVICTION_STORAGE, pods, 3);
	cr_expect_str_eq(p->owner, "volume");
	p = eviction_choose(EVICTION_INODES, pods, 1);
	cr_expect_str_eq(p->owner, "rootfs");
	cr_expect_str_eq(eviction_message(&a, EVICTION_STORAGE, &pods[0], 10 << 20, 1 << 20),
			 "The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: "
			 "1Mi. Container c was using 40961Ki, request is 1Mi, has larger consumption of "
			 "ephemeral-storage. ");
	cr_expect_str_eq(eviction_message(&a, EVICTION_INODES, &pods[0], 1050, 10),
			 "The node was low on resource: inodes. Threshold quantity: 1050, available: 10. ");
	arena_fini(&a);
}

Test(eviction, whom_a_node_under_pressure_takes)
{
	static const struct {
		const char *pod;
		bool memory, others, taken;
	} rows[] = {
		{"{'status':{'qosClass':'BestEffort'}}", false, false, true},
		{"{'status':{'qosClass':'BestEffort'}}", true, false, false},
		{"{'status':{'qosClass':'Burstable'}}", true, false, true},
		{"{'status':{'qosClass':'Burstable'}}", false, true, false},
		{"{'status':{'qosClass':'Burstable'}}", true, true, false},
		{"{'spec':{'priority':2000000000},'status':{'qosClass':'BestEffort'}}", true, true, true},
		{"{'spec':{'tolerations':[{'key':'node.kubernetes.io/memory-pressure','operator':'Exists',"
		 "'effect':'NoSchedule'}]},'status':{'qosClass':'BestEffort'}}", true, false, true},
		{"{'spec':{'tolerations':[{'operator':'Exists'}]},'status':{'qosClass':'BestEffort'}}", true, false,
		 true},
		{"{'spec':{'tolerations':[{'key':'node.kubernetes.io/disk-pressure','operator':'Exists'}]},"
		 "'status':{'qosClass':'BestEffort'}}", false, true, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct mp pod = mp_of(object_of(&a, rows[i].pod));
		cr_expect_eq(eviction_admits(pod, rows[i].memory, rows[i].others), rows[i].taken, "row %zu", i);
		arena_fini(&a);
	}
}
