/* Whom a node takes. */
#include "nodes/admission.h"

#include "tests/unit/nodes/objects.h"

static const char allocatable[] = "{'cpu':'2','memory':'1Gi','ephemeral-storage':'10Gi','pods':'3'}";

#define ASKS(list) "{'spec':{'containers':[{'resources':{'requests':{" list "}}}]}}"
#define LISTENS(port) "{'spec':{'containers':[{'ports':[{" port "}]}]}}"

struct row {
	const char *pod, *others[4];
	const char *reason, *message; /* NULL: it is taken */
};

static void look(const struct row *r, const char *node)
{
	struct arena a = {0};
	struct mp others[4];
	const char *reason = "", *message = "";
	struct admission x = {.pod = mp_of(object_of(&a, r->pod)),
			      .allocatable = mp_of(object_of(&a, allocatable)),
			      .others = others};
	if (node)
		x.node = mp_of(object_of(&a, node));
	for (; x.count < 4 && r->others[x.count]; x.count++)
		others[x.count] = mp_of(object_of(&a, r->others[x.count]));
	bool refused = admission_refuses(&a, &x, &reason, &message);
	cr_expect_eq(refused, r->reason != NULL, "%s: %s", r->pod, message);
	if (r->reason) {
		cr_expect_str_eq(reason, r->reason);
		cr_expect_str_eq(message, r->message);
	}
	arena_fini(&a);
}

Test(admission, resources)
{
	static const struct row rows[] = {
		{ASKS(""), {NULL}, NULL, NULL},
		{ASKS("'cpu':'2'"), {NULL}, NULL, NULL},
		{ASKS("'cpu':'2100m'"), {NULL}, "OutOfcpu",
		 "Node didn't have enough resource: cpu, requested: 2100, used: 0, capacity: 2000"},
		{ASKS("'cpu':'1'"), {ASKS("'cpu':'1'")}, NULL, NULL},
		{ASKS("'cpu':'1'"), {ASKS("'cpu':'500m'"), ASKS("'cpu':'501m'")}, "OutOfcpu",
		 "Node didn't have enough resource: cpu, requested: 1000, used: 1001, capacity: 2000"},
		{ASKS("'memory':'2Gi'"), {NULL}, "OutOfmemory",
		 "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824"},
		{ASKS("'ephemeral-storage':'20Gi'"), {NULL}, "OutOfephemeral-storage",
		 "Node didn't have enough resource: ephemeral-storage, requested: 21474836480, used: 0, capacity: "
		 "10737418240"},
		{ASKS(""), {ASKS(""), ASKS("")}, NULL, NULL},
		{ASKS("'cpu':'9'"), {ASKS(""), ASKS(""), ASKS("")}, "OutOfpods",
		 "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"},
		/* who asks for nothing is no worse off where others have taken too much */
		{ASKS("'memory':'1'"), {ASKS("'cpu':'3'")}, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		look(&rows[i], NULL);
}

Test(admission, ports)
{
	static const char words[] = "Predicate NodePorts failed: node(s) didn't have free ports for the requested "
				    "pod ports";
	static const struct row rows[] = {
		{LISTENS("'hostPort':80"), {LISTENS("'hostPort':81")}, NULL, NULL},
		{LISTENS("'hostPort':80"), {LISTENS("'hostPort':80")}, "NodePorts", words},
		{LISTENS("'hostPort':80,'protocol':'UDP'"), {LISTENS("'hostPort':80,'protocol':'TCP'")}, NULL, NULL},
		{LISTENS("'hostPort':80,'hostIP':'127.0.0.1'"), {LISTENS("'hostPort':80")}, "NodePorts", words},
		{LISTENS("'hostPort':80,'hostIP':'127.0.0.1'"), {LISTENS("'hostPort':80,'hostIP':'127.0.0.2'")},
		 NULL, NULL},
		{LISTENS("'hostPort':80"), {"{'spec':{'initContainers':[{'restartPolicy':'Always','ports':[{'hostPort':80}]}]}}"},
		 "NodePorts", words},
		{LISTENS("'hostPort':80"), {"{'spec':{'initContainers':[{'ports':[{'hostPort':80}]}]}}"}, NULL, NULL},
		{LISTENS("'containerPort':80"), {LISTENS("'containerPort':80")}, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		look(&rows[i], NULL);
}

Test(admission, what_the_system_has_not)
{
	static const char confined[] = "{'spec':{'containers':[{'securityContext':{'appArmorProfile':{'type':"
				       "'RuntimeDefault'}}}]}}";
	static const struct {
		const char *pod;
		bool containers, apparmor;
		const char *reason;
	} rows[] = {
		{"{'spec':{}}", true, false, NULL},
		{"{'spec':{'os':{'name':'linux'}}}", true, false, NULL},
		{"{'spec':{'os':{'name':'windows'}}}", false, false, "PodOSNotSupported"},
		{confined, true, false, "AppArmor"},
		{confined, true, true, NULL},
		{confined, false, false, NULL},
		{"{'spec':{'securityContext':{'appArmorProfile':{'type':'Localhost'}}}}", true, false, "AppArmor"},
		{"{'spec':{'securityContext':{'appArmorProfile':{'type':'Unconfined'}}}}", true, false, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		const char *reason = NULL, *message = NULL;
		bool forbids = admission_forbids(mp_of(object_of(&a, rows[i].pod)), rows[i].containers,
						 rows[i].apparmor, &reason, &message);
		cr_expect_eq(forbids, rows[i].reason != NULL, "row %zu", i);
		if (forbids && rows[i].reason)
			cr_expect_str_eq(reason, rows[i].reason);
		arena_fini(&a);
	}
}

Test(admission, selectors)
{
	static const struct row row = {"{'spec':{'nodeSelector':{'disk':'ssd'}}}", {NULL}, "NodeAffinity",
				       "Predicate NodeAffinity failed: node(s) didn't match Pod's node "
				       "affinity/selector"};
	static const struct row fits = {"{'spec':{'nodeSelector':{'disk':'ssd'}}}", {NULL}, NULL, NULL};
	struct arena a = {0};
	look(&row, "{'metadata':{'name':'n1','labels':{'disk':'hdd'}}}");
	look(&fits, "{'metadata':{'name':'n1','labels':{'disk':'ssd'}}}");
	cr_expect(admission_needs_node(mp_of(object_of(&a, row.pod))));
	cr_expect_not(admission_needs_node(mp_of(object_of(&a, ASKS("'cpu':'1'")))));
	arena_fini(&a);
}

Test(admission, resources_that_change)
{
	static const struct row rows[] = {
		{ASKS("'cpu':'2'"), {NULL}, NULL, NULL},
		{ASKS("'cpu':'1'"), {ASKS("'cpu':'1500m'")}, "Deferred",
		 "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000"},
		{ASKS("'cpu':'3'"), {NULL}, "Infeasible",
		 "Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"},
		{ASKS("'cpu':'3','memory':'2Gi'"), {NULL}, "Infeasible",
		 "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct mp other = {0};
		const char *reason = "", *message = "";
		struct admission x = {.pod = mp_of(object_of(&a, rows[i].pod)),
				      .allocatable = mp_of(object_of(&a, allocatable)),
				      .others = &other};
		if (rows[i].others[0]) {
			other = mp_of(object_of(&a, rows[i].others[0]));
			x.count = 1;
		}
		cr_expect_eq(admission_defers(&a, &x, &reason, &message), rows[i].reason != NULL);
		if (rows[i].reason) {
			cr_expect_str_eq(reason, rows[i].reason);
			cr_expect_str_eq(message, rows[i].message);
		}
		arena_fini(&a);
	}
}
