/* Volumes and mounts of a pod, as a kubelet plans them. */
#include "nodes/volumes/volume_plan.h"
#include "tests/unit/nodes/objects.h"

struct world {
	struct arena a;
	struct pod_env_facts facts;
	const char *claim, *volume; /* NULL: not there */
	const char *map;	    /* the config map "cm" */
	int absent, token;	    /* codes */
	struct volume_plan plan;
};

static int get(void *arg, enum volume_object kind, struct span ns, struct span name,
	       struct span *out)
{
	struct world *w = arg;
	const char *text = NULL;
	cr_expect(span_is(ns, kind == VOLUME_PERSISTENT ? "" : "shop"));
	if (kind == VOLUME_CONFIG_MAP && span_is(name, "cm"))
		text = w->map ? w->map : "{'data':{'b':'two','a':'one'},'binaryData':{'c':'AAH/'}}";
	else if (kind == VOLUME_SECRET && span_is(name, "sec"))
		text = "{'data':{'pw':'aHVudGVyMg=='}}";
	else if (kind == VOLUME_CLAIM && (span_is(name, "data") || span_is(name, "web-0-eph")))
		text = w->claim;
	else if (kind == VOLUME_PERSISTENT && span_is(name, "pv1"))
		text = w->volume;
	if (!text)
		return w->absent;
	*out = object_of(&w->a, text);
	return 0;
}

static int get_token(void *arg, struct mp pod, struct span audience, int64_t seconds,
		     struct span *out, struct err *e)
{
	struct world *w = arg;
	if (w->token)
		return err_set(e, w->token, "serviceaccounts \"robot\" not found");
	*out = span_of(arena_printf(&w->a, "%.*s %.*s %lld",
				    (int)mp_path_str(pod, "spec.serviceAccountName").len,
				    (const char *)mp_path_str(pod, "spec.serviceAccountName").data,
				    (int)audience.len, (const char *)audience.data,
				    (long long)seconds));
	return 0;
}

static struct world world(void)
{
	return (struct world){
		.claim = "{'metadata':{'name':'data','uid':'c-1'},'spec':{'volumeName':'pv1'},"
			 "'status':{'phase':'Bound'}}",
		.volume = "{'metadata':{'name':'pv1'},'spec':{'local':{'path':'/mnt/d'},"
			  "'claimRef':{'uid':'c-1'}}}",
		.absent = ERR_NOT_FOUND,
	};
}

static struct volume_source source(struct world *w)
{
	return (struct volume_source){.arg = w, .object = get, .token = get_token};
}

/* A pod with one volume, mounted, and `more` in its spec. */
static struct mp pod_with(struct world *w, const char *volume, const char *more)
{
	return mp_of(object_of(&w->a, arena_printf(&w->a,
		"{'metadata':{'name':'web-0','namespace':'shop','uid':'u-1','labels':{'b':'2','a':"
		"'x \\\"q\\\"'},'annotations':{'n':'l1\\nl2'}},'spec':{'serviceAccountName':'robot',"
		"'containers':[{'name':'main','volumeMounts':[{'name':'v','mountPath':'/v'}],"
		"'resources':{'limits':{'memory':'64Mi','cpu':'1500m'}}}],"
		"'volumes':[{'name':'v',%s},{'name':'unused','secret':{'secretName':'gone'}}]%s}}",
		volume, more)));
}

static int plan(struct world *w, const char *volume, const char *more)
{
	struct volume_source s = source(w);
	return volume_plan_make(&w->a, &s, &w->facts, pod_with(w, volume, more), &w->plan);
}

/* The one volume that the plan has, as text. */
static const char *made(struct world *w, const char *volume, const char *more)
{
	int rc = plan(w, volume, more);
	cr_assert_eq(rc, 0, "%s: %s", volume, w->plan.messages[0] ? w->plan.messages[0] : err_text(rc));
	struct mp list = mp_of(w->plan.list);
	size_t n;
	cr_assert_eq(mp_array(&list, &n), 0);
	cr_assert_eq(n, 1);
	return json_of(&w->a, list);
}

static void expect(const char *volume, const char *more, const char *want)
{
	struct world w = world();
	cr_expect_str_eq(made(&w, volume, more), want);
	arena_fini(&w.a);
}

/* Its files as "path=text/mode ". */
static const char *files_of(struct world *w)
{
	struct mp list = mp_of(w->plan.list), files;
	size_t n, m, four;
	struct buf b = {0};
	cr_assert(mp_array(&list, &n) == 0 && n == 1 && mp_find(list, "files", &files));
	cr_assert_eq(mp_array(&files, &m), 0);
	for (; m > 0; m--) {
		struct span path, data;
		int64_t mode, uid;
		cr_assert(!mp_array(&files, &four) && !mp_str(&files, &path) && !mp_bin(&files, &data) &&
			  !mp_i64(&files, &mode) && !mp_i64(&files, &uid));
		buf_printf(&b, "%.*s=", (int)path.len, (const char *)path.data);
		buf_append(&b, data.data, data.len);
		buf_printf(&b, uid >= 0 ? "/%o/%d " : "/%o ", (unsigned)mode, (int)uid);
	}
	const char *out = arena_ndup(&w->a, b.data, b.len);
	buf_fini(&b);
	return out;
}

static void expect_files(const char *volume, const char *more, const char *want)
{
	struct world w = world();
	made(&w, volume, more);
	cr_expect_str_eq(files_of(&w), want, "%s: %s", volume, files_of(&w));
	arena_fini(&w.a);
}

/* It is not to be had, and this is said. */
static void expect_refused(struct world w, const char *volume, const char *want)
{
	cr_expect_eq(plan(&w, volume, ""), ERR_NOT_FOUND);
	cr_assert(w.plan.messages[0], "%s: nothing was said", volume);
	cr_expect_str_eq(w.plan.messages[0], want);
	cr_expect_null(w.plan.messages[1]);
	cr_expect_eq(w.plan.list.len, 0);
	arena_fini(&w.a);
}

Test(volume_plan, empty_directories)
{
	expect("'emptyDir':{}", "", "{'name':'v','title':'v','kind':'dir'}");
	expect("'emptyDir':{'medium':'Memory','sizeLimit':'1Mi'}", "",
	       "{'name':'v','title':'v','kind':'memory','size':1048576}");
	expect("'emptyDir':{'medium':'Memory'}", "",
	       "{'name':'v','title':'v','kind':'memory','size':67108864}");
	expect("'emptyDir':{'medium':'Memory'}", ",'resources':{'limits':{'memory':'2Mi'}}",
	       "{'name':'v','title':'v','kind':'memory','size':2097152}");
	expect("'emptyDir':{}", ",'securityContext':{'fsGroup':2000}",
	       "{'name':'v','title':'v','kind':'dir','gid':2000,'always':true,'read_only':false}");
	expect_refused(world(), "'emptyDir':{'medium':'Tape'}",
		       "MountVolume.SetUp failed for volume \"v\" : unknown storage medium \"Tape\"");
}

Test(volume_plan, host_paths_are_nobody_elses)
{
	expect("'hostPath':{'path':'/srv','type':'DirectoryOrCreate'}",
	       ",'securityContext':{'fsGroup':2000}",
	       "{'name':'v','title':'v','kind':'host','path':'/srv','type':'DirectoryOrCreate',"
	       "'local':false}");
	expect_refused(world(), "'hostPath':{'path':'/srv/../etc'}",
		       "MountVolume.SetUp failed for volume \"v\" : invalid HostPath `/srv/../etc`: "
		       "must not contain '..'");
}

Test(volume_plan, config_maps_and_secrets)
{
	struct world w = world();
	made(&w, "'configMap':{'name':'cm','items':[{'key':'c','path':'x'}]}", "");
	struct mp list = mp_of(w.plan.list), files;
	size_t n;
	struct span path, data;
	cr_assert(!mp_array(&list, &n) && mp_find(list, "files", &files) && !mp_array(&files, &n) &&
		  !mp_array(&files, &n) && !mp_str(&files, &path) && !mp_bin(&files, &data));
	cr_expect(data.len == 3 && memcmp(data.data, "\0\1\377", 3) == 0);
	arena_fini(&w.a);

	w = world();
	w.map = "{'data':{'b':'two','a':'one'}}";
	made(&w, "'configMap':{'name':'cm','defaultMode':256}", "");
	cr_expect_str_eq(files_of(&w), "a=one/400 b=two/400 ");
	arena_fini(&w.a);
	expect_files("'configMap':{'name':'cm','items':[{'key':'b','path':'d/./e'},"
		     "{'key':'a','path':'f','mode':511}]}", "", "d/e=two/644 f=one/777 ");
	expect_files("'secret':{'secretName':'sec','defaultMode':384}", "", "pw=hunter2/600 ");
	expect_files("'secret':{'secretName':'no','optional':true}", "", "");
	expect_files("'configMap':{'name':'cm','optional':true,'items':[{'key':'no','path':'x'}]}", "",
		     "");
}

Test(volume_plan, what_is_missing_is_told_as_a_kubelet_does)
{
	expect_refused(world(), "'configMap':{'name':'no'}",
		       "MountVolume.SetUp failed for volume \"v\" : configmap \"no\" not found");
	expect_refused(world(), "'secret':{'secretName':'no'}",
		       "MountVolume.SetUp failed for volume \"v\" : secret \"no\" not found");
	expect_refused(world(), "'configMap':{'name':'cm','items':[{'key':'no','path':'x'}]}",
		       "MountVolume.SetUp failed for volume \"v\" : configmap references non-existent "
		       "config key: no");
	expect_refused(world(), "'secret':{'secretName':'sec','items':[{'key':'no','path':'x'}]}",
		       "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: "
		       "no");
	expect_refused(world(), "'projected':{'sources':[{'secret':{'name':'s1'}},{'configMap':{'name':"
		       "'m1'}}]}", "MountVolume.SetUp failed for volume \"v\" : [secret \"s1\" not found,"
		       " configmap \"m1\" not found]");
}

Test(volume_plan, paths_lead_nowhere_else)
{
	static const char *const paths[][2] = {
		{"/etc/x", "invalid path: must be relative path: /etc/x"},
		{"a/../../x", "invalid path: must not contain '..': a/../../x"},
		{"..data", "invalid path: must not start with '..': ..data"},
		{".", "invalid path: it names no file: ."},
	};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct world w = world();
		const char *volume = arena_printf(
			&w.a, "'configMap':{'name':'cm','items':[{'key':'a','path':'%s'}]}", paths[i][0]);
		expect_refused(w, volume, arena_printf(&w.a, "MountVolume.SetUp failed for volume \"v\" : "
						       "%s", paths[i][1]));
	}
}

Test(volume_plan, the_downward_api)
{
	expect_files("'downwardAPI':{'items':[{'path':'l','fieldRef':{'fieldPath':'metadata.labels'}},"
		     "{'path':'n','fieldRef':{'fieldPath':'metadata.annotations'}},"
		     "{'path':'one','fieldRef':{'fieldPath':'metadata.labels[\\u0027b\\u0027]'}},"
		     "{'path':'who','mode':256,'fieldRef':{'fieldPath':'metadata.name'}},"
		     "{'path':'cpu','resourceFieldRef':{'containerName':'main','resource':'limits.cpu',"
		     "'divisor':'1m'}}]}", "",
		     "cpu=1500/644 l=a=\"x \\\"q\\\"\"\nb=\"2\"/644 n=n=\"l1\\nl2\"/644 one=2/644 "
		     "who=web-0/400 ");
	expect_refused(world(), "'downwardAPI':{'items':[{'path':'x','fieldRef':{'fieldPath':"
		       "'spec.nosuch'}}]}",
		       "MountVolume.SetUp failed for volume \"v\" : unsupported fieldPath: spec.nosuch");
}

Test(volume_plan, the_api_access_of_every_pod)
{
	static const char volume[] =
		"'projected':{'defaultMode':420,'sources':[{'serviceAccountToken':{'expirationSeconds':"
		"3607,'path':'token'}},{'configMap':{'name':'cm','items':[{'key':'a','path':'ca.crt'}]}},"
		"{'downwardAPI':{'items':[{'path':'namespace','fieldRef':{'fieldPath':"
		"'metadata.namespace'}}]}}]}";
	expect_files(volume, "", "ca.crt=one/644 namespace=shop/644 token=robot  3607/644 ");
	expect_files(volume, ",'securityContext':{'runAsUser':1000}",
		     "ca.crt=one/644 namespace=shop/644 token=robot  3607/600/1000 ");
	expect_files(volume, ",'securityContext':{'fsGroup':7}",
		     "ca.crt=one/644 namespace=shop/644 token=robot  3607/600 ");
	expect_files("'projected':{'sources':[{'serviceAccountToken':{'audience':'vault','path':'t'}}]}",
		     "", "t=robot vault 3600/644 ");
	struct world w = world();
	w.token = ERR_NOT_FOUND;
	expect_refused(w, volume, "MountVolume.SetUp failed for volume \"v\" : failed to fetch token: "
		       "serviceaccounts \"robot\" not found");
}

Test(volume_plan, where_nothing_is_mounted_the_accounts_is_not_looked_at)
{
	static const char pod[] =
		"{'metadata':{'name':'p','namespace':'shop'},'spec':{'containers':[{'name':'c',"
		"'volumeMounts':[{'name':'kube-api-access-x1','mountPath':'/a'},{'name':'own',"
		"'mountPath':'/o'}]}],'volumes':[{'name':'kube-api-access-x1','projected':{'sources':"
		"[{'configMap':{'name':'kube-root-ca.crt'}}]}},{'name':'own','configMap':{'name':'%s'}}]}}";
	struct world w = world();
	struct volume_source s = source(&w);
	struct mp good = mp_of(object_of(&w.a, arena_printf(&w.a, pod, "cm"))),
		  bad = mp_of(object_of(&w.a, arena_printf(&w.a, pod, "no")));
	cr_expect_eq(volume_plan_make(&w.a, &s, &w.facts, good, &w.plan), ERR_NOT_FOUND);
	s.unmounted = true;
	cr_expect_eq(volume_plan_make(&w.a, &s, &w.facts, good, &w.plan), 0);
	cr_expect_eq(volume_plan_make(&w.a, &s, &w.facts, bad, &w.plan), ERR_NOT_FOUND);
	cr_expect_str_eq(w.plan.messages[0],
			 "MountVolume.SetUp failed for volume \"own\" : configmap \"no\" not found");
	cr_expect_null(w.plan.messages[1]);
	arena_fini(&w.a);
}

Test(volume_plan, waits_for_what_is_not_known_yet)
{
	struct world w = world();
	w.absent = ERR_AGAIN;
	cr_expect_eq(plan(&w, "'secret':{'secretName':'no'}", ""), ERR_AGAIN);
	cr_expect_null(w.plan.messages[0]);
	w.token = ERR_AGAIN;
	cr_expect_eq(plan(&w, "'projected':{'sources':[{'secret':{'name':'sec'}},{'serviceAccountToken':"
			  "{'path':'t'}}]}", ""), ERR_AGAIN);
	cr_expect_null(w.plan.messages[0]);
	w.claim = NULL;
	cr_expect_eq(plan(&w, "'persistentVolumeClaim':{'claimName':'data'}", ""), ERR_AGAIN);
	arena_fini(&w.a);
}

Test(volume_plan, claims_are_the_volumes_that_they_are_bound_to)
{
	static const char volume[] = "'persistentVolumeClaim':{'claimName':'data'}";
	expect(volume, "", "{'name':'v','title':'pv1','kind':'host','path':'/mnt/d','type':'',"
			   "'local':true}");
	expect(volume, ",'securityContext':{'fsGroup':7,'fsGroupChangePolicy':'OnRootMismatch'}",
	       "{'name':'v','title':'pv1','kind':'host','path':'/mnt/d','type':'','local':true,"
	       "'gid':7,'always':false,'read_only':false}");
	expect("'persistentVolumeClaim':{'claimName':'data','readOnly':true}",
	       ",'securityContext':{'fsGroup':7}",
	       "{'name':'v','title':'pv1','kind':'host','path':'/mnt/d','type':'','local':true}");
	struct world w = world();
	w.volume = "{'metadata':{'name':'pv1'},'spec':{'hostPath':{'path':'/x'},'claimRef':{'uid':'c-1'}}}";
	cr_expect_str_eq(made(&w, volume, ""), "{'name':'v','title':'pv1','kind':'host','path':'/x',"
			 "'type':'','local':false}");
	w.volume = "{'metadata':{'name':'pv1','annotations':{'pv.kubernetes.io/provisioned-by':"
		   "'troupe.io/host-path'}},'spec':{'hostPath':{'path':'/x'},'claimRef':{'uid':'c-1'}}}";
	cr_expect_str_eq(made(&w, volume, ""), "{'name':'v','title':'pv1','kind':'host','path':'/x',"
			 "'type':'','local':false,'open':true}");
	arena_fini(&w.a);
}

Test(volume_plan, claims_that_have_none_say_so)
{
	static const char volume[] = "'persistentVolumeClaim':{'claimName':'data'}";
#define BEFORE "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], " \
	       "failed to process volumes=[v]: "
#define CLAIM BEFORE "error processing PVC shop/data: "
	struct world w = world();
	w.claim = "{'metadata':{'name':'data','uid':'c-1'},'status':{'phase':'Pending'}}";
	expect_refused(w, volume, CLAIM "PVC is not bound");
	w = world();
	w.claim = NULL;
	expect_refused(w, volume, CLAIM "failed to fetch PVC from API server: persistentvolumeclaims "
		       "\"data\" not found");
	w = world();
	w.claim = "{'metadata':{'deletionTimestamp':'x'}}";
	expect_refused(w, volume, CLAIM "PVC is being deleted");
	w = world();
	w.volume = NULL;
	expect_refused(w, volume, CLAIM "failed to fetch PV pv1 from API server: persistentvolumes "
		       "\"pv1\" not found");
	w = world();
	w.volume = "{'metadata':{'name':'pv1'},'spec':{'claimRef':{'uid':'c-2'}}}";
	expect_refused(w, volume, CLAIM "found PV object pv1 but its pv.Spec.ClaimRef.UID c-2 does not "
		       "point to claim.UID c-1");
	w = world();
	w.volume = "{'metadata':{'name':'pv1'},'spec':{'volumeMode':'Block','claimRef':{'uid':'c-1'}}}";
	expect_refused(w, volume, BEFORE "volume v has volumeMode Block, but is specified in volumeMounts");
	w = world();
	w.volume = "{'metadata':{'name':'pv1'},'spec':{'nfs':{},'claimRef':{'uid':'c-1'}}}";
	expect_refused(w, volume, BEFORE "failed to get Plugin from volumeSpec for volume \"pv1\" err=no "
		       "volume plugin matched");
	expect_refused(world(), "'nfs':{'server':'s','path':'/'}", BEFORE "failed to get Plugin from "
		       "volumeSpec for volume \"v\" err=no volume plugin matched");
	expect_refused(world(), "'ephemeral':{'volumeClaimTemplate':{}}", BEFORE "error processing PVC "
		       "shop/web-0-v: failed to fetch PVC from API server: persistentvolumeclaims "
		       "\"web-0-v\" not found");
}

Test(volume_plan, too_many_volumes_are_refused_in_words)
{
	struct world w = world();
	struct buf b = {0};
	struct volume_source s = source(&w);
	buf_puts(&b, "{'metadata':{},'spec':{'containers':[],'volumes':[{'name':'v0'}");
	for (int i = 1; i < 513; i++)
		buf_printf(&b, ",{'name':'v%d'}", i);
	buf_puts(&b, "]}}");
	struct span pod = object_of(&w.a, buf_text(&b));
	cr_expect_eq(volume_plan_make(&w.a, &s, &w.facts, mp_of(pod), &w.plan), ERR_NOT_FOUND);
	cr_expect_str_eq(w.plan.messages[0], "Unable to attach or mount volumes: 513 are more than the "
					     "512 that a pod may have on this node");
	buf_fini(&b);
	arena_fini(&w.a);
}

Test(volume_plan, files_alone_are_what_is_refreshed)
{
	struct world w = world();
	made(&w, "'secret':{'secretName':'sec'}", "");
	cr_expect(span_eq(volume_plan_files(&w.a, w.plan.list), w.plan.list) ||
		  span_is(span_of(json_of(&w.a, mp_of(volume_plan_files(&w.a, w.plan.list)))),
			  json_of(&w.a, mp_of(w.plan.list))));
	made(&w, "'emptyDir':{}", "");
	cr_expect_str_eq(json_of(&w.a, mp_of(volume_plan_files(&w.a, w.plan.list))), "[]");
	arena_fini(&w.a);
}

/* ---- mounts */

static int mounts(struct world *w, const char *volume, const char *mount, const char **out,
		  struct err *e)
{
	static const char *const env[] = {"EMPTY=", "POD=web-0", NULL};
	struct volume_source s = source(w);
	struct span list;
	int rc = volume_mounts_make(&w->a, &s, pod_with(w, volume, ""),
				    mp_of(object_of(&w->a, arena_printf(&w->a,
					"{'name':'main','volumeMounts':[{'name':'v',%s}]}", mount))),
				    env, &list, e);
	*out = rc ? "" : json_of(&w->a, mp_of(list));
	return rc;
}

static void expect_mount(const char *volume, const char *mount, const char *want)
{
	struct world w = world();
	struct err e = {0};
	const char *got;
	cr_expect_eq(mounts(&w, volume, mount, &got, &e), 0, "%s", e.text);
	cr_expect_str_eq(got, want);
	arena_fini(&w.a);
}

static void expect_no_mount(const char *mount, const char *want)
{
	struct world w = world();
	struct err e = {0};
	const char *got;
	cr_expect_eq(mounts(&w, "'emptyDir':{}", mount, &got, &e), ERR_INVALID);
	cr_expect_str_eq(e.text, want);
	arena_fini(&w.a);
}

Test(volume_mounts, where_they_are_and_how)
{
	expect_mount("'emptyDir':{}", "'mountPath':'/d'",
		     "[{'volume':'v','source':'volumes/v','subpath':'','target':'/d','read_only':false,"
		     "'recursive':false,'propagation':'None'}]");
	expect_mount("'hostPath':{'path':'/srv'}", "'mountPath':'d','readOnly':true,'mountPropagation':"
		     "'HostToContainer'",
		     "[{'volume':'v','source':'/srv','subpath':'','target':'/d','read_only':true,"
		     "'recursive':false,'propagation':'HostToContainer'}]");
	expect_mount("'secret':{'secretName':'sec'}", "'mountPath':'/d','recursiveReadOnly':'Enabled'",
		     "[{'volume':'v','source':'volumes/v','subpath':'','target':'/d','read_only':true,"
		     "'recursive':true,'propagation':'None'}]");
	expect_mount("'persistentVolumeClaim':{'claimName':'data','readOnly':true}",
		     "'mountPath':'/d','mountPropagation':'Bidirectional'",
		     "[{'volume':'v','source':'/mnt/d','subpath':'','target':'/d','read_only':true,"
		     "'recursive':false,'propagation':'Bidirectional'}]");
}

Test(volume_mounts, a_claim_that_is_about_to_go_stays_mounted)
{
	struct world w = world();
	struct err e = {0};
	const char *got;
	w.claim = "{'metadata':{'uid':'c-1','deletionTimestamp':'x'},'spec':{'volumeName':'pv1'},"
		  "'status':{'phase':'Bound'}}";
	cr_expect_eq(mounts(&w, "'persistentVolumeClaim':{'claimName':'data'}", "'mountPath':'/d'",
			    &got, &e), 0, "%s", e.text);
	arena_fini(&w.a);
}

Test(volume_mounts, sub_paths)
{
	expect_mount("'emptyDir':{}", "'mountPath':'/d','subPathExpr':'logs/$(POD)'",
		     "[{'volume':'v','source':'volumes/v','subpath':'logs/web-0','target':'/d',"
		     "'read_only':false,'recursive':false,'propagation':'None'}]");
	expect_no_mount("'mountPath':'/d','subPath':'/etc'",
			"error SubPath `/etc` must not be an absolute path");
	expect_no_mount("'mountPath':'/d','subPathExpr':'a/../../$(POD)'",
			"unable to provision SubPath `a/../../web-0`: must not contain '..'");
	expect_no_mount("'mountPath':'/d','subPathExpr':'$(NO)/$(EMPTY)'",
			"missing value for NO, EMPTY");
}

Test(volume_mounts, of_a_volume_that_the_pod_has_not)
{
	struct world w = world();
	struct err e = {0};
	struct span list;
	struct volume_source s = source(&w);
	cr_expect_eq(volume_mounts_make(&w.a, &s, pod_with(&w, "'emptyDir':{}", ""),
					mp_of(object_of(&w.a, "{'name':'main','volumeMounts':[{'name':"
							"'x','mountPath':'/x'}]}")), NULL, &list, &e),
		     ERR_NOT_FOUND);
	cr_expect_str_eq(e.text, "cannot find volume \"x\" to mount into container \"main\"");
	arena_fini(&w.a);
}
