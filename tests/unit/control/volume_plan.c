/* What claims and volumes are to do next, and what a provisioner makes of them. */
#include <criterion/criterion.h>

#include "actors/controllers/host_path_plan.h"
#include "tests/lib/made_object.h"

#define CLAIM(more, spec, status)                                                                  \
	"{'metadata':{'name':'c','namespace':'ns','uid':'u1'" more "},'spec':{'accessModes':"      \
	"['ReadWriteOnce'],'resources':{'requests':{'storage':'2Gi'}},'volumeMode':'Filesystem'"   \
	spec "},'status':{'phase':'Pending'" status "}}"
#define VOLUME(name, more, size, spec, phase)                                                      \
	"{'metadata':{'name':'" name "'" more "},'spec':{'capacity':{'storage':'" size             \
	"'},'accessModes':['ReadWriteOnce','ReadOnlyMany'],'volumeMode':'Filesystem',"              \
	"'persistentVolumeReclaimPolicy':'Retain'" spec "},'status':{'phase':'" phase "'}}"
#define KEPT ",'claimRef':{'namespace':'ns','name':'c','uid':'u1'}"
#define BOUND_NOTES ",'annotations':{'pv.kubernetes.io/bind-completed':'yes'}"
#define PROTECTED ",'finalizers':['kubernetes.io/pvc-protection']"

static struct claim_plan plan(struct arena *a, const char *claim, const char *named,
			      const char *found, const char *class)
{
	struct claim_plan p;
	struct claim_facts f = {.claim = made_mp(a, claim)};
	if (named)
		f.named = made_mp(a, named);
	if (found)
		f.found = made_mp(a, found);
	if (class)
		f.class = made_mp(a, class);
	claim_plan(a, &f, &p);
	return p;
}

static struct span at(const struct doc *d, const char *path)
{
	return doc_path_str(d, path);
}

static struct span note_at(const struct doc *d, const char *name)
{
	return doc_get_str(doc_path(d, "metadata.annotations"), name);
}

#define EXPECT_TEXT(span, text) \
	cr_expect(span_is(span, text), "%.*s", (int)(span).len, (const char *)(span).data)

/* ---- what fits */

Test(volume_match, the_smallest_that_is_large_enough_and_of_its_kind)
{
	struct arena a = {0};
	static const struct {
		const char *volume, *why;
	} rows[] = {
		{VOLUME("v", "", "2Gi", "", "Available"), NULL},
		{VOLUME("v", "", "1Gi", "", "Available"), "requested PV is too small"},
		{VOLUME("v", "", "2Gi", ",'storageClassName':'x'", "Available"),
		 "storageClassName does not match"},
	};
	struct mp claim = made_mp(&a, CLAIM("", "", ""));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = volume_mismatch(made_mp(&a, rows[i].volume), claim);
		cr_expect(why == rows[i].why || (why && rows[i].why && !strcmp(why, rows[i].why)), "%s",
			  why);
	}
	EXPECT_TEXT(span_of(volume_mismatch(
			    made_mp(&a, VOLUME("v", "", "2Gi", "", "Available")),
			    made_mp(&a, "{'spec':{'accessModes':['ReadWriteMany']}}"))),
		    "incompatible accessMode");
	struct mp two = made_mp(&a, VOLUME("b", "", "2Gi", "", "Available"));
	struct mp three = made_mp(&a, VOLUME("a", "", "3Gi", "", "Available"));
	struct mp first = made_mp(&a, VOLUME("a", "", "2Gi", "", "Available"));
	cr_expect(volume_is_better(two, three));
	cr_expect_not(volume_is_better(three, two));
	cr_expect(volume_is_better(first, two));
	arena_fini(&a);
}

Test(volume_match, is_free_until_it_is_kept_or_deleted)
{
	struct arena a = {0};
	cr_expect(volume_is_free(made_mp(&a, VOLUME("v", "", "2Gi", "", "Available"))));
	cr_expect_not(volume_is_free(made_mp(&a, VOLUME("v", "", "2Gi", KEPT, "Available"))));
	cr_expect_not(volume_is_free(made_mp(&a, VOLUME("v", "", "2Gi", "", "Pending"))));
	cr_expect_not(volume_is_free(
		made_mp(&a, VOLUME("v", ",'deletionTimestamp':'2030-01-01T00:00:00Z'", "2Gi", "",
				   "Available"))));
	arena_fini(&a);
}

Test(volume_match, a_volume_kept_by_name_is_the_claims_if_it_is_large_enough)
{
	struct arena a = {0};
	struct mp claim = made_mp(&a, CLAIM("", ",'storageClassName':'other'", ""));
#define BY_NAME ",'claimRef':{'namespace':'ns','name':'c'}"
	cr_expect(volume_will_be_of(made_mp(&a, VOLUME("v", "", "2Gi", BY_NAME, "Available")), claim));
	cr_expect_not(
		volume_will_be_of(made_mp(&a, VOLUME("v", "", "1Gi", BY_NAME, "Available")), claim));
	cr_expect(volume_will_be_of(made_mp(&a, VOLUME("v", "", "1Gi", KEPT, "Available")), claim),
		  "by its uid");
	arena_fini(&a);
}

/* ---- binding */

Test(volume_plan, a_claim_is_bound_in_three_writes_the_volume_first)
{
	struct arena a = {0};
	static const char free_one[] = VOLUME("v", "", "3Gi", "", "Available");
	struct claim_plan p = plan(&a, CLAIM("", "", ""), NULL, free_one, NULL);
	cr_assert(p.of_volume);
	EXPECT_TEXT(at(p.of_volume, "spec.claimRef.uid"), "u1");
	EXPECT_TEXT(at(p.of_volume, "spec.claimRef.kind"), "PersistentVolumeClaim");
	EXPECT_TEXT(note_at(p.of_volume, VOLUME_BOUND_BY_CONTROLLER), "yes");
	EXPECT_TEXT(at(p.of_volume, "metadata.finalizers[0]"), VOLUME_PROTECTION);
	static const char kept[] = VOLUME("v", ",'finalizers':['kubernetes.io/pv-protection']",
					  "3Gi", KEPT, "Available");
	p = plan(&a, CLAIM("", "", ""), NULL, kept, NULL);
	cr_expect_null(p.of_volume);
	cr_assert(p.of_claim);
	EXPECT_TEXT(at(p.of_claim, "spec.volumeName"), "v");
	EXPECT_TEXT(note_at(p.of_claim, VOLUME_BIND_COMPLETED), "yes");
	EXPECT_TEXT(note_at(p.of_claim, VOLUME_BOUND_BY_CONTROLLER), "yes");
	EXPECT_TEXT(at(p.of_claim, "metadata.finalizers[0]"), CLAIM_PROTECTION);
	p = plan(&a, CLAIM(BOUND_NOTES PROTECTED, ",'volumeName':'v'", ""), kept, NULL, NULL);
	cr_expect_null(p.of_volume);
	cr_expect_null(p.of_claim);
	cr_assert(p.status);
	EXPECT_TEXT(at(p.status, "status.phase"), "Bound");
	EXPECT_TEXT(at(p.status, "status.capacity.storage"), "3Gi");
	EXPECT_TEXT(at(p.status, "status.accessModes[1]"), "ReadOnlyMany");
	p = plan(&a,
		 CLAIM(BOUND_NOTES PROTECTED, ",'volumeName':'v'",
		       ",'phase':'Bound','capacity':{'storage':'3Gi'},'accessModes':['x']"),
		 kept, NULL, NULL);
	arena_fini(&a);
}

Test(volume_plan, who_kept_a_volume_by_name_is_not_noted_as_the_controller)
{
	struct arena a = {0};
	struct claim_plan p =
		plan(&a, CLAIM("", "", ""), NULL,
		     VOLUME("v", "", "3Gi", ",'claimRef':{'namespace':'ns','name':'c'}", "Available"),
		     NULL);
	EXPECT_TEXT(at(p.of_volume, "spec.claimRef.uid"), "u1");
	cr_expect_eq(note_at(p.of_volume, VOLUME_BOUND_BY_CONTROLLER).len, 0);
	p = plan(&a, CLAIM("", ",'volumeName':'v'", ""), VOLUME("v", "", "3Gi", KEPT, "Available"),
		 NULL, NULL);
	cr_assert(p.of_claim);
	cr_expect_eq(note_at(p.of_claim, VOLUME_BOUND_BY_CONTROLLER).len, 0);
	arena_fini(&a);
}

Test(volume_plan, a_claim_that_waits_says_why_in_kubernetes_words)
{
	struct arena a = {0};
	static const struct {
		const char *claim, *named, *class, *reason, *message;
	} rows[] = {
		{CLAIM("", "", ""), NULL, NULL, "FailedBinding",
		 "no persistent volumes available for this claim and no storage class is set"},
		{CLAIM("", ",'storageClassName':'s'", ""), NULL, NULL, "ProvisioningFailed",
		 "storageclass.storage.k8s.io \"s\" not found"},
		{CLAIM("", ",'storageClassName':'s'", ""), NULL,
		 "{'provisioner':'e.io/p','volumeBindingMode':'WaitForFirstConsumer'}",
		 "WaitForFirstConsumer", "waiting for first consumer to be created before binding"},
		{CLAIM("", ",'storageClassName':'s'", ""), NULL,
		 "{'provisioner':'kubernetes.io/no-provisioner','volumeBindingMode':'Immediate'}",
		 "ProvisioningFailed", "no volume plugin matched name: kubernetes.io/no-provisioner"},
		{CLAIM("", ",'volumeName':'v'", ""),
		 VOLUME("v", "", "3Gi", ",'claimRef':{'namespace':'ns','name':'other','uid':'u2'}",
			"Bound"),
		 NULL, "FailedBinding", "volume \"v\" already bound to a different claim."},
		{CLAIM("", ",'volumeName':'v'", ""), VOLUME("v", "", "1Gi", "", "Available"), NULL,
		 "VolumeMismatch", "Cannot bind to requested volume \"v\": requested PV is too small"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct claim_plan p = plan(&a, rows[i].claim, rows[i].named, NULL, rows[i].class);
		cr_assert(p.event.reason, "row %zu", i);
		cr_expect_str_eq(p.event.reason, rows[i].reason);
		cr_expect_str_eq(p.event.message, rows[i].message);
		cr_expect(!p.of_volume && !p.of_claim && !p.status, "row %zu", i);
	}
	arena_fini(&a);
}

Test(volume_plan, a_provisioner_is_asked_once_and_when_a_node_is_selected)
{
	struct arena a = {0};
	static const char class[] = "{'provisioner':'e.io/p','volumeBindingMode':'WaitForFirstConsumer'}";
#define SELECTED "'volume.kubernetes.io/selected-node':'n1'"
	struct claim_plan p = plan(&a, CLAIM(",'annotations':{" SELECTED "}", ",'storageClassName':'s'", ""),
				   NULL, NULL, class);
	cr_assert(p.of_claim);
	EXPECT_TEXT(note_at(p.of_claim, VOLUME_PROVISIONER), "e.io/p");
	EXPECT_TEXT(note_at(p.of_claim, VOLUME_PROVISIONER_BETA), "e.io/p");
	cr_expect_str_eq(p.event.reason, "ExternalProvisioning");
	p = plan(&a,
		 CLAIM(",'annotations':{" SELECTED ",'volume.kubernetes.io/storage-provisioner':'e.io/p'}",
		       ",'storageClassName':'s'", ""),
		 NULL, NULL, class);
	cr_expect_null(p.of_claim);
	arena_fini(&a);
}

Test(volume_plan, a_claim_without_a_class_is_given_the_default_one_when_there_is_one)
{
	struct arena a = {0};
	struct claim_plan p;
	struct claim_facts f = {.claim = made_mp(&a, CLAIM("", "", "")),
				.default_class = span_of("standard")};
	claim_plan(&a, &f, &p);
	EXPECT_TEXT(at(p.of_claim, "spec.storageClassName"), "standard");
	f.claim = made_mp(&a, CLAIM("", ",'storageClassName':''", ""));
	claim_plan(&a, &f, &p);
	cr_expect_null(p.of_claim, "none, on purpose");
	arena_fini(&a);
}

Test(volume_plan, a_bound_claim_is_lost_with_its_volume_and_only_when_that_is_sure)
{
	struct arena a = {0};
	static const char bound[] = CLAIM(BOUND_NOTES, ",'volumeName':'v'", "");
	struct claim_plan p = plan(&a, bound, NULL, NULL, NULL);
	cr_expect(p.final);
	EXPECT_TEXT(at(p.status, "status.phase"), "Lost");
	cr_expect_str_eq(p.event.reason, "ClaimLost");
	p = plan(&a, bound,
		 VOLUME("v", "", "3Gi", ",'claimRef':{'namespace':'ns','name':'o','uid':'u2'}", "Bound"),
		 NULL, NULL);
	cr_expect_str_eq(p.event.reason, "ClaimMisbound");
	p = plan(&a, bound, VOLUME("v", "", "3Gi", "", "Available"), NULL, NULL);
	cr_expect_not(p.final, "somebody took the reference away: it comes back");
	EXPECT_TEXT(at(p.of_volume, "spec.claimRef.uid"), "u1");
	arena_fini(&a);
}

/* ---- volumes */

static struct volume_plan plan_of(struct arena *a, const char *volume, const char *claim)
{
	struct volume_plan p;
	volume_plan(a, made_mp(a, volume), claim ? made_mp(a, claim) : (struct mp){0},
		    made_us("12:00:00"), &p);
	return p;
}

Test(volume_plan, a_volume_says_what_it_is)
{
	struct arena a = {0};
	static const struct {
		const char *volume, *claim, *phase;
		bool final;
	} rows[] = {
		{VOLUME("v", "", "1Gi", "", "Pending"), NULL, "Available", false},
		{VOLUME("v", "", "1Gi", ",'claimRef':{'namespace':'ns','name':'c'}", "Pending"), NULL,
		 "Available", false},
		{VOLUME("v", "", "1Gi", KEPT, "Available"), CLAIM("", ",'volumeName':'v'", ""), "Bound",
		 false},
		{VOLUME("v", "", "1Gi", KEPT, "Bound"), NULL, "Released", true},
		{VOLUME("v", "", "1Gi", KEPT, "Bound"),
		 "{'metadata':{'name':'c','namespace':'ns','uid':'u2'},'spec':{'volumeName':'v'}}",
		 "Released", true},
		{VOLUME("v", "", "1Gi", ",'persistentVolumeReclaimPolicy':'Recycle'" KEPT, "Released"),
		 NULL, NULL, true},
	};
	for (size_t i = 0; i + 1 < sizeof rows / sizeof *rows; i++) {
		struct volume_plan p = plan_of(&a, rows[i].volume, rows[i].claim);
		cr_assert(p.status, "row %zu", i);
		EXPECT_TEXT(at(p.status, "status.phase"), rows[i].phase);
		EXPECT_TEXT(at(p.status, "status.lastPhaseTransitionTime"), "2030-01-01T12:00:00Z");
		cr_expect_eq(p.final, rows[i].final, "row %zu", i);
	}
	struct volume_plan p = plan_of(&a, VOLUME("v", "", "1Gi", KEPT, "Available"), CLAIM("", "", ""));
	cr_expect(!p.status && !p.patch, "the claim is about to name it");
	arena_fini(&a);
}

#define POLICY(p)                                                                                  \
	"{'metadata':{'name':'v'},'spec':{'persistentVolumeReclaimPolicy':'" p "'" KEPT            \
	"},'status':{'phase':'Released'}}"

Test(volume_plan, a_released_one_that_nobody_here_can_reclaim_has_failed)
{
	struct arena a = {0};
	struct volume_plan p = plan_of(&a, POLICY("Recycle"), NULL);
	EXPECT_TEXT(at(p.status, "status.phase"), "Failed");
	cr_expect_str_eq(p.event.reason, "VolumeFailedRecycle");
	p = plan_of(&a, POLICY("Delete"), NULL);
	EXPECT_TEXT(at(p.status, "status.phase"), "Failed");
	EXPECT_TEXT(at(p.status, "status.message"),
		    "error getting deleter volume plugin for volume \"v\": no deletable volume plugin "
		    "matched");
	cr_expect_str_eq(p.event.reason, "VolumeFailedDelete");
	p = plan_of(&a, POLICY("Retain"), NULL);
	cr_expect(!p.status && !p.event.reason);
	arena_fini(&a);
}

Test(volume_plan, a_spare_one_is_given_back_as_it_was_kept)
{
	struct arena a = {0};
	static const char elsewhere[] = CLAIM("", ",'volumeName':'other'", "");
	struct volume_plan p = plan_of(
		&a, VOLUME("v", ",'annotations':{'pv.kubernetes.io/bound-by-controller':'yes'}", "1Gi",
			   KEPT, "Available"),
		elsewhere);
	cr_assert(p.patch);
	cr_expect(doc_is(doc_path(p.patch, "spec.claimRef"), DOC_NULL));
	p = plan_of(&a, VOLUME("v", "", "1Gi", KEPT, "Available"), elsewhere);
	cr_expect(doc_is(doc_path(p.patch, "spec.claimRef.uid"), DOC_NULL));
	arena_fini(&a);
}

/* ---- the provisioner */

#define ASKED(more)                                                                                \
	CLAIM(",'annotations':{'volume.kubernetes.io/storage-provisioner':'troupe.io/host-path'" more \
	      "}", ",'storageClassName':'s'", "")
#define CLASS(mode)                                                                                \
	"{'metadata':{'name':'s'},'provisioner':'troupe.io/host-path','reclaimPolicy':'Delete',"    \
	"'volumeBindingMode':'" mode "'}"

Test(host_path, makes_a_volume_when_it_is_asked_and_not_before)
{
	struct arena a = {0};
	struct mp now = made_mp(&a, CLASS("Immediate")), later = made_mp(&a, CLASS("WaitForFirstConsumer"));
	cr_expect_not(host_path_is_asked(made_mp(&a, CLAIM("", "", "")), now));
	cr_expect(host_path_is_asked(made_mp(&a, ASKED("")), now));
	cr_expect_not(host_path_is_asked(made_mp(&a, ASKED("")), later));
	cr_expect(host_path_is_asked(made_mp(&a, ASKED("," SELECTED)), later));
	struct mp claim = made_mp(&a, ASKED("," SELECTED));
	struct doc *v = host_path_volume(&a, claim, later, "/d/volumes", span_of("n1"));
	EXPECT_TEXT(at(v, "metadata.name"), "pvc-u1");
	EXPECT_TEXT(at(v, "spec.hostPath.path"), "/d/volumes/pvc-u1");
	EXPECT_TEXT(at(v, "spec.hostPath.type"), "DirectoryOrCreate");
	EXPECT_TEXT(at(v, "spec.claimRef.uid"), "u1");
	EXPECT_TEXT(at(v, "spec.capacity.storage"), "2Gi");
	EXPECT_TEXT(at(v, "spec.persistentVolumeReclaimPolicy"), "Delete");
	EXPECT_TEXT(at(v, "spec.storageClassName"), "s");
	EXPECT_TEXT(note_at(v, VOLUME_PROVISIONED_BY), HOST_PATH_PROVISIONER);
	EXPECT_TEXT(at(v, "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]"),
		    "n1");
	v = host_path_volume(&a, claim, now, "/d/volumes", (struct span){0});
	cr_expect_null(doc_path(v, "spec.nodeAffinity"), "any node");
	arena_fini(&a);
}

Test(host_path, refuses_what_a_directory_is_not)
{
	struct arena a = {0};
	cr_expect_null(host_path_refusal(made_mp(&a, CLAIM("", "", ""))));
	cr_expect_str_eq(host_path_refusal(made_mp(&a, CLAIM("", ",'selector':{'matchLabels':{}}", ""))),
			 "claim.Spec.Selector is not supported");
	cr_expect(host_path_refusal(made_mp(&a, "{'spec':{'volumeMode':'Block'}}")));
	arena_fini(&a);
}

#define OURS(more, policy, phase)                                                                  \
	"{'metadata':{'name':'v','annotations':{'pv.kubernetes.io/provisioned-by':'troupe.io/host-path'}" \
	more "},'spec':{'persistentVolumeReclaimPolicy':'" policy "','hostPath':{'path':'/d/v'}" KEPT  \
	"},'status':{'phase':'" phase "'}}"
#define DELETED ",'deletionTimestamp':'2030-01-01T00:00:00Z'"

Test(host_path, removes_a_volume_when_its_claim_is_gone_and_never_before)
{
	struct arena a = {0};
	static const struct {
		const char *volume, *claim;
		enum host_path_end end;
	} rows[] = {
		{OURS("", "Delete", "Released"), NULL, HOST_PATH_REMOVED},
		{OURS("", "Delete", "Bound"), NULL, HOST_PATH_STAYS},
		{OURS("", "Delete", "Released"), CLAIM("", ",'volumeName':'v'", ""), HOST_PATH_STAYS},
		{OURS("", "Delete", "Released"), CLAIM("", "", ""), HOST_PATH_STAYS},
		{OURS("", "Delete", "Released"), CLAIM("", ",'volumeName':'w'", ""), HOST_PATH_REMOVED},
		{OURS("", "Retain", "Released"), NULL, HOST_PATH_STAYS},
		{OURS(DELETED, "Retain", "Released"), NULL, HOST_PATH_LET_GO},
		{OURS(DELETED, "Delete", "Available"), NULL, HOST_PATH_REMOVED},
		{OURS(DELETED ",'finalizers':['kubernetes.io/pv-protection']", "Delete", "Released"), NULL,
		 HOST_PATH_STAYS},
		{POLICY("Delete"), NULL, HOST_PATH_STAYS},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_eq(host_path_end_of(made_mp(&a, rows[i].volume),
					      rows[i].claim ? made_mp(&a, rows[i].claim)
							    : (struct mp){0}),
			     rows[i].end, "row %zu", i);
	struct mp v = made_mp(&a, rows[0].volume);
	cr_expect(host_path_is_own(v, "/d"));
	cr_expect_not(host_path_is_own(v, "/"));
	cr_expect_not(host_path_is_own(v, "/d/v"));
	arena_fini(&a);
}
