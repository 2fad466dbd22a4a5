/* What of a pod's placement and security is refused, in Kubernetes' words. */
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

TestSuite(pod_refusals, .init = set_up, .fini = tear_down);

/* The answer's message, without its beginning; "" of one that is made. `spec`
 * with ' for ". */
static const char *refusal(const char *spec)
{
	static int made;
	const char *head = arena_printf(&f.arena, "Pod \"p%d\" is invalid: ", ++made);
	char *json = arena_printf(&f.arena,
				  "{'metadata':{'name':'p%d'},'spec':{%s,'volumes':[{'name':'v','emptyDir':"
				  "{}}],'containers':[{'name':'c','image':'i','volumeMounts':[{'name':'v',"
				  "'mountPath':'/v'%s}]}]}}",
				  made, *spec == ',' ? "'hostname':'h'" : spec, *spec == ',' ? spec : "");
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default", json);
	if (f.code == 201)
		return "";
	const char *text = fake_at(&f, a, "message");
	return strncmp(text, head, strlen(head)) == 0 ? text + strlen(head) : text;
}

static void expect_all(const char *const (*rows)[2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *is = refusal(rows[i][0]);
		cr_expect_str_eq(is, rows[i][1], "%s: %s", rows[i][0], is);
	}
}

#define SPREAD(more)                                                                               \
	"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'" more "}]"
#define AT "spec.topologySpreadConstraints[0]"
#define LABELS ",'labelSelector':{'matchLabels':{'a':'b'}}"

Test(pod_refusals, of_spread)
{
	static const char *const rows[][2] = {
		{SPREAD(LABELS ",'minDomains':2,'nodeAffinityPolicy':'Ignore','nodeTaintsPolicy':'Honor',"
			       "'matchLabelKeys':['v']"), ""},
		{SPREAD(",'minDomains':0"),
		 AT ".minDomains: Invalid value: 0: must be greater than zero"},
		{"'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'z','whenUnsatisfiable':"
		 "'ScheduleAnyway','minDomains':1}]",
		 AT ".minDomains: Invalid value: 1: can only use minDomains if "
		    "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway"},
		{SPREAD(",'nodeTaintsPolicy':'No'"),
		 AT ".nodeTaintsPolicy: Unsupported value: \"No\": supported values: \"Honor\", \"Ignore\""},
		{SPREAD(",'matchLabelKeys':['v']"),
		 AT ".matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"},
		{SPREAD(LABELS ",'matchLabelKeys':['v','a']"),
		 AT ".matchLabelKeys[1]: Invalid value: \"a\": exists in both matchLabelKeys and "
		    "labelSelector"},
		{SPREAD("},{'maxSkew':2,'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'"),
		 AT ".{topologyKey, whenUnsatisfiable}: Duplicate value: \"{z, DoNotSchedule}\""},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

#undef AT
#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
#define NEAR(more) "'affinity':{'podAffinity':{'" REQUIRED "':[{'topologyKey':'h'" more "}]}}"
#define AT "spec.affinity.podAffinity." REQUIRED "[0]"
#define FIELDS(more)                                                                               \
	"'affinity':{'nodeAffinity':{'" REQUIRED "':{'nodeSelectorTerms':[{'matchFields':[{" more "}]}]}}}"
#define FIELD "spec.affinity.nodeAffinity." REQUIRED ".nodeSelectorTerms[0].matchFields[0]"

Test(pod_refusals, of_affinity)
{
	static const char *const rows[][2] = {
		{NEAR(LABELS ",'matchLabelKeys':['v'],'mismatchLabelKeys':['a'],'namespaces':['n']"), ""},
		{NEAR(",'mismatchLabelKeys':['a']"),
		 AT ".mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set"},
		{NEAR(LABELS ",'matchLabelKeys':['v'],'mismatchLabelKeys':['v']"),
		 AT ".matchLabelKeys[0]: Invalid value: \"v\": exists in both matchLabelKeys and "
		    "mismatchLabelKeys"},
		{NEAR(",'namespaces':['a.b']"), AT ".namespace: Invalid value: \"a.b\": must not contain dots"},
		{NEAR(",'namespaceSelector':{'matchExpressions':[{'key':'a','operator':'In'}]}"),
		 AT ".namespaceSelector.matchExpressions[0].values: Required value: must be specified when "
		    "`operator` is 'In' or 'NotIn'"},
		{FIELDS("'key':'metadata.name','operator':'In','values':['n1']"), ""},
		{FIELDS("'key':'spec.x','operator':'In','values':['n1']"),
		 FIELD ".key: Invalid value: \"spec.x\": not a valid field selector key"},
		{FIELDS("'key':'metadata.name','operator':'Exists'"),
		 FIELD ".operator: Invalid value: \"Exists\": not a valid selector operator"},
		{FIELDS("'key':'metadata.name','operator':'NotIn','values':['a','b']"),
		 FIELD ".values: Required value: must be only one value when `operator` is 'In' or 'NotIn' "
		       "for node field selector"},
		{"'schedulingGates':[{'name':'a'},{'name':'b'},{'name':'a'}]",
		 "spec.schedulingGates[2]: Duplicate value: \"a\""},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

#define CONTEXT(more) "'securityContext':{" more "}"
#define SYSCTL(names) CONTEXT("'sysctls':[" names "]")
#define SHAPE                                                                                      \
	"must have at most 253 characters and match regex "                                        \
	"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"

Test(pod_refusals, of_security)
{
	static const char *const rows[][2] = {
		{CONTEXT("'supplementalGroupsPolicy':'Strict','fsGroupChangePolicy':'Always',"
			 "'seLinuxChangePolicy':'Recursive'"), ""},
		{CONTEXT("'supplementalGroupsPolicy':'All'"),
		 "spec.securityContext.supplementalGroupsPolicy: Unsupported value: \"All\": supported "
		 "values: \"Merge\", \"Strict\""},
		{CONTEXT("'fsGroupChangePolicy':'Never'"),
		 "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"Never\": supported values: "
		 "\"Always\", \"OnRootMismatch\""},
		{CONTEXT("'seLinuxChangePolicy':'Never'"),
		 "spec.securityContext.seLinuxChangePolicy: Unsupported value: \"Never\": supported values: "
		 "\"MountOption\", \"Recursive\""},
		{SYSCTL("{'name':'net.ipv4.ip_local_port_range','value':'1'},{'name':'kernel/shm','value':'1'}"), ""},
		{SYSCTL("{'name':'','value':'1'}"), "spec.securityContext.sysctls[0].name: Required value"},
		{SYSCTL("{'name':'a..b','value':'1'}"),
		 "spec.securityContext.sysctls[0].name: Invalid value: \"a..b\": " SHAPE},
		{SYSCTL("{'name':'a.-b','value':'1'}"),
		 "spec.securityContext.sysctls[0].name: Invalid value: \"a.-b\": " SHAPE},
		{SYSCTL("{'name':'a_','value':'1'}"),
		 "spec.securityContext.sysctls[0].name: Invalid value: \"a_\": " SHAPE},
		{SYSCTL("{'name':'a.b','value':'1'},{'name':'a/b','value':'1'}"),
		 "spec.securityContext.sysctls[1].name: Duplicate value: \"a/b\""},
		{"'hostUsers':false,'hostPID':true,'hostIPC':true",
		 "[spec.hostPID: Forbidden: when `hostUsers` is false, spec.hostIPC: Forbidden: when "
		 "`hostUsers` is false]"},
		{"'os':{'name':'linux'}", ""},
		{"'os':{'name':'plan9'}",
		 "spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\""},
		{"'os':{'name':''}", "spec.os.name: Required value"},
		{",'recursiveReadOnly':'Enabled','readOnly':true", ""},
		{",'recursiveReadOnly':'Enabled'",
		 "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when "
		 "readOnly is true"},
		{",'recursiveReadOnly':'IfPossible','readOnly':true,'mountPropagation':'HostToContainer'",
		 "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when "
		 "mountPropagation is None or not specified"},
		{",'recursiveReadOnly':'Yes'",
		 "spec.containers[0].volumeMounts.recursiveReadOnly: Unsupported value: \"Yes\": supported "
		 "values: \"Disabled\", \"Enabled\", \"IfPossible\""},
	};
	expect_all(rows, sizeof rows / sizeof *rows);
}

#define CONTAINER "'containers':[{'name':'c','image':'i','resources':{'requests':{'cpu':'1'},'limits':{'cpu':'2','ephemeral-storage':'1Gi'}}}]"

/* A pod's own resources, beside those of one container. */
static const char *of_level(const char *resources)
{
	static int made;
	char *json = arena_printf(&f.arena, "{'metadata':{'name':'l%d'},'spec':{'resources':%s," CONTAINER "}}", ++made,
				  resources);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	const char *a = fake_do(&f, OBJ_CREATE, "pods/default", json);
	const char *text = f.code == 201 ? "" : fake_at(&f, a, "message"), *at = strstr(text, "invalid: ");
	return at ? at + strlen("invalid: ") : text;
}

Test(pod_refusals, of_what_a_pod_asks_for_as_a_whole)
{
	static const char *const rows[][2] = {
		{"{'requests':{'cpu':'1'}}", ""},
		{"{'limits':{'cpu':'2','memory':'1Gi'}}", ""},
		{"{'requests':{'memory':'1Gi'}}",
		 "spec.resources.requests[cpu]: Invalid value: \"0\": must be greater than or equal to "
		 "aggregate container requests of 1"},
		{"{'limits':{'cpu':'1500m'}}",
		 "spec.resources.containers[0][cpu].limits: Invalid value: \"2\": must be less than or equal "
		 "to pod limits of 1500m"},
		{"{'requests':{'cpu':'3'},'limits':{'cpu':'2'}}",
		 "spec.resources.requests: Invalid value: \"3\": must be less than or equal to cpu limit of 2"},
		{"{'requests':{'cpu':'1','ephemeral-storage':'1Gi'}}",
		 "spec.resources.requests[ephemeral-storage]: Unsupported value: \"ephemeral-storage\": "
		 "supported values: \"cpu\", \"hugepages-\", \"memory\""},
		{"{'requests':{'cpu':'1','hugepages-2Mi':'2Mi'}}",
		 "spec.resources.limits: Required value: Limit must be set for non overcommitable resources"},
		{"{'requests':{'cpu':'1'},'claims':[{'name':'x'}]}",
		 "spec.resources.claims: Forbidden: claims cannot be set for Resources at pod-level"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *is = of_level(rows[i][0]);
		cr_expect_str_eq(is, rows[i][1], "%s: %s", rows[i][0], is);
	}
}
