/* What is odd and taken all the same: told to who asks to be told, in words. */
#include "tests/unit/objects/fake_store.h"

static struct fake f;

static void set_up(void)
{
	fake_init(&f);
}

static void tear_down(void)
{
	fake_fini(&f);
}

TestSuite(warnings, .init = set_up, .fini = tear_down);

/* What comes with a write of an object, written with ' for ". */
static const char *told(enum obj_verb verb, const char *where, const char *object)
{
	char *json = arena_dup(&f.arena, object);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	struct obj_request q = fake_request(&f, verb, where, json);
	q.advise = true;
	const char *a = fake_send(&f, &q);
	cr_expect_lt(f.code, 300, "%s: %s", object, a);
	return f.warnings;
}

#define POD(name, meta, spec, container)                                                           \
	"{'metadata':{'name':'" name "'" meta "},'spec':{" spec                                    \
	"'containers':[{'name':'c','image':'i'" container "}]}}"
#define TEMPLATE(spec, container)                                                                  \
	"'selector':{'matchLabels':{'a':'b'}},'template':{'metadata':{'labels':{'a':'b'}},'spec':{" spec  \
	"'containers':[{'name':'c','image':'i'" container "}]}}"
#define ENV_TWICE ",'env':[{'name':'A'},{'name':'A'}]"
#define NAME                                                                                       \
	"metadata.name: this is used in Pod names and hostnames, which can result in surprising "   \
	"behavior; a DNS label is recommended: [must not contain dots]"
#define HIDES                                                                                      \
	": hides previous definition of \"A\", which may be dropped when using apply"

struct row {
	const char *where, *object, *told;
};

static void expect_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *is = told(OBJ_CREATE, rows[i].where, rows[i].object);
		cr_expect_str_eq(is, rows[i].told, "row %zu: %s", i, is);
	}
}

Test(warnings, of_pods)
{
	static const struct row rows[] = {
		{"pods/default", POD("a", "", "", ""), ""},
		{"pods/default", POD("a.b", "", "", ""),
		 "metadata.name: this is used in the Pod's hostname, which can result in surprising "
		 "behavior; a DNS label is recommended: [must not contain dots]"},
		{"pods/default", POD("env", "", "", ENV_TWICE), "spec.containers[0].env[1]" HIDES},
		{"pods/default",
		 POD("env-again", "", "", ",'env':[{'name':'A','value':'1'},{'name':'A','value':'$(A)2'}]"), ""},
		{"pods/default",
		 POD("env-itself", "", "", ",'env':[{'name':'A','value':'1'},{'name':'A','value':'$(A)'}]"),
		 "spec.containers[0].env[1]" HIDES},
		{"pods/default",
		 POD("ports", "", "'initContainers':[{'name':'d','image':'i','ports':[{'containerPort':1}]}],",
		     ",'ports':[{'containerPort':1},{'containerPort':1,'protocol':'UDP'},"
		     "{'containerPort':1,'hostPort':1}]"),
		 "spec.containers[0].ports[0]: duplicate port definition with spec.initContainers[0].ports[0], "
		 "spec.containers[0].ports[2]: overlapping port definition with "
		 "spec.initContainers[0].ports[0], spec.containers[0].ports[2]: overlapping port "
		 "definition with spec.containers[0].ports[0]"},
		{"pods/default",
		 POD("host-ports", "", "",
		     ",'ports':[{'containerPort':1,'hostPort':2},{'containerPort':1,'hostPort':2,'hostIP':'1.1.1.1'}]"),
		 "spec.containers[0].ports[1]: dangerously ambiguous port definition with "
		 "spec.containers[0].ports[0]"},
		{"pods/default",
		 POD("sizes", "", "", ",'resources':{'limits':{'memory':'1500m'},'requests':{'memory':'1'}}"),
		 "spec.containers[0].resources.limits[memory]: fractional byte value \"1500m\" is invalid, "
		 "must be an integer"},
		{"pods/default", POD("labels", "", "'nodeSelector':{'beta.kubernetes.io/os':'linux'},", ""),
		 "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
		 "\"kubernetes.io/os\" instead"},
		{"pods/default",
		 POD("spread", "",
		     "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':"
		     "'ScheduleAnyway'}],", ""),
		 "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching "
		 "no pod"},
		{"pods/default",
		 POD("far", "",
		     "'affinity':{'podAntiAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1,"
		     "'podAffinityTerm':{'topologyKey':'h'}}]}},", ""),
		 "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]."
		 "podAffinityTerm.labelSelector: a null labelSelector results in matching no pod"},
		{"pods/default", POD("secrets", "", "'imagePullSecrets':[{'name':'s'},{'name':'s'}],", ""),
		 "spec.imagePullSecrets[1].name: duplicate name \"s\""},
		{"pods/default", POD("repo", "", "'volumes':[{'name':'g','gitRepo':{'repository':'x'}}],", ""),
		 "spec.volumes[0].gitRepo: deprecated in v1.11"},
		{"pods/default",
		 POD("old", ",'annotations':{'scheduler.alpha.kubernetes.io/critical-pod':''}", "", ""),
		 "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; "
		 "use the \"priorityClassName\" field instead"},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

Test(warnings, of_what_makes_pods)
{
	static const struct row rows[] = {
		{"deployments/default", "{'metadata':{'name':'a.b'},'spec':{" TEMPLATE("", ENV_TWICE) "}}",
		 NAME ", spec.template.spec.containers[0].env[1]" HIDES},
		{"daemonsets/default", "{'metadata':{'name':'a.b'},'spec':{" TEMPLATE("", ENV_TWICE) "}}",
		 "spec.template.spec.containers[0].env[1]" HIDES},
		{"statefulsets/default",
		 "{'metadata':{'name':'a'},'spec':{'revisionHistoryLimit':-1," TEMPLATE("", "") "}}",
		 "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= "
		 "0 is recommended"},
		{"cronjobs/default",
		 "{'metadata':{'name':'a.b'},'spec':{'schedule':'* * * * *','jobTemplate':{'spec':{'template':"
		 "{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'i'" ENV_TWICE "}]}}}}}}",
		 NAME ", spec.jobTemplate.spec.template.spec.containers[0].env[1]" HIDES},
		{"jobs/default",
		 "{'metadata':{'name':'big'},'spec':{'completionMode':'Indexed','completions':100001,"
		 "'parallelism':10001,'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c',"
		 "'image':'i'}]}}}}",
		 "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism "
		 "higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number "
		 "of indexes fail"},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

Test(warnings, of_services_and_volumes)
{
	static const struct row rows[] = {
		{"services/default",
		 "{'metadata':{'name':'head'},'spec':{'clusterIP':'None','externalIPs':['1.1.1.1'],"
		 "'sessionAffinity':'ClientIP','ports':[{'port':1}]}}",
		 "spec.externalIPs is ignored for headless services, spec.SessionAffinity is ignored for "
		 "headless services"},
		{"services/default",
		 "{'metadata':{'name':'name','annotations':{'service.kubernetes.io/topology-aware-hints':'Auto'}},"
		 "'spec':{'externalName':'x','ports':[{'port':1}]}}",
		 "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
		 "service.kubernetes.io/topology-mode instead, spec.externalName is ignored when spec.type is "
		 "not \"ExternalName\""},
		{"ingresses/default",
		 "{'metadata':{'name':'i','annotations':{'kubernetes.io/ingress.class':'x'}},'spec':{"
		 "'defaultBackend':{'service':{'name':'a','port':{'number':1}}}}}",
		 "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
		 "'spec.ingressClassName' instead"},
		{"persistentvolumes",
		 "{'metadata':{'name':'v'},'spec':{'accessModes':['ReadWriteOnce'],'capacity':{'storage':'1'},"
		 "'persistentVolumeReclaimPolicy':'Recycle','hostPath':{'path':'/x'}}}",
		 "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
		 "recommended approach is to use dynamic provisioning."},
		{"persistentvolumeclaims/default",
		 "{'metadata':{'name':'c','annotations':{'volume.beta.kubernetes.io/storage-class':'x'}},'spec':{"
		 "'accessModes':['ReadWriteOnce'],'resources':{'requests':{'storage':'1500m'}}}}",
		 "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "
		 "\"storageClassName\" attribute instead, spec.resources.requests[storage]: fractional byte "
		 "value \"1500m\" is invalid, must be an integer"},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

/* Who changes something else is not told again; nor is who does not ask. */
Test(warnings, are_for_who_asks_and_changes_the_spec)
{
	static const char made[] = "{'metadata':{'name':'d'},'spec':{" TEMPLATE("", ENV_TWICE) "}}";
	cr_expect_str_neq(told(OBJ_CREATE, "deployments/default", made), "");
	cr_expect_str_eq(told(OBJ_PATCH_MERGE, "deployments/default/d", "{'metadata':{'labels':{'x':'y'}}}"), "");
	cr_expect_str_eq(told(OBJ_PATCH_MERGE, "deployments/default/d", "{'spec':{'replicas':2}}"),
			 "spec.template.spec.containers[0].env[1]" HIDES);
	fake_do(&f, OBJ_PATCH_MERGE, "deployments/default/d", "{\"spec\":{\"replicas\":3}}");
	cr_expect_eq(f.code, 200);
	cr_expect_str_eq(f.warnings, "");
}
