#include "broker/base/words.h"

#include <pthread.h>
#include <string.h>

/* By number. On disk: a number keeps its word for ever. New words come at the
 * end, while there is room (255); the first 128 take one byte. */
static const char *const words[] = {
	".", "f:metadata", "f:labels", "f:annotations", "f:spec", "f:name", "f:app", "f:status",
	"f:type", "f:containers", "f:image", "f:imagePullPolicy", "f:resources",
	"f:terminationMessagePath", "f:terminationMessagePolicy", "f:dnsPolicy",
	"f:restartPolicy", "f:schedulerName", "f:securityContext",
	"f:terminationGracePeriodSeconds", "f:observedGeneration", "f:ports", "f:selector",
	"f:template", "f:ownerReferences", "f:protocol", "f:containerPort",
	"f:lastTransitionTime", "f:data", "f:generateName", "f:conditions", "f:replicas",
	"f:value", "f:port", "f:kubectl.kubernetes.io/last-applied-configuration",
	"f:revisionHistoryLimit", "f:rollingUpdate", "f:availableReplicas", "f:readyReplicas",
	"f:startTime", "f:controller-revision-hash", "f:tolerations", "f:failureThreshold",
	"f:periodSeconds", "f:successThreshold", "f:timeoutSeconds", "f:cpu", "f:memory",
	"f:pod-template-hash", "f:message", "f:reason", "f:env", "f:livenessProbe", "f:exec",
	"f:command", "f:readinessProbe", "f:httpGet", "f:path", "f:scheme", "f:limits",
	"f:requests", "f:volumeMounts", "f:mountPath", "f:nodeSelector", "f:volumes",
	"f:emptyDir", "f:updateStrategy", "f:maxSurge", "f:maxUnavailable",
	"f:deployment.kubernetes.io/revision", "f:updatedReplicas", "f:suspend",
	"f:lastProbeTime", "f:enableServiceLinks", "f:nodeName",
	"k:{\"type\":\"ContainersReady\"}", "k:{\"type\":\"Initialized\"}",
	"k:{\"type\":\"PodReadyToStartContainers\"}", "k:{\"type\":\"PodScheduled\"}",
	"k:{\"type\":\"Ready\"}", "f:containerStatuses", "f:hostIP", "f:hostIPs", "f:phase",
	"f:podIP", "f:podIPs", "f:ip", "f:args", "f:serviceAccount", "f:serviceAccountName",
	"f:initContainers", "f:initContainerStatuses", "f:startupProbe", "f:configMap",
	"f:secret", "f:secretName", "f:defaultMode", "f:items", "f:key", "f:readOnly",
	"f:hostPath", "f:valueFrom", "f:fieldRef", "f:apiVersion", "f:fieldPath",
	"f:configMapKeyRef", "f:secretKeyRef", "f:optional", "f:envFrom", "f:finalizers",
	"f:kubernetes.io/hostname", "f:kubernetes.io/arch", "f:kubernetes.io/os",
	"f:controller-uid", "f:job-name", "f:batch.kubernetes.io/controller-uid",
	"f:batch.kubernetes.io/job-name", "f:holderIdentity", "f:leaseDurationSeconds",
	"f:renewTime", "f:subPath", "f:hostPort",
	[128] = "f:rbac.authorization.kubernetes.io/autoupdate", "f:kubernetes.io/bootstrapping",
	"f:rules", "f:roleRef", "f:subjects", "f:ca.crt", "f:kubernetes.io/metadata.name",
	"f:namespace", "f:token", "f:kubernetes.io/service-account.name",
	"f:kubernetes.io/service-account.uid", "f:secrets", "f:kubernetes.io/description",
	"f:pod-template-generation", "f:affinity", "f:nodeAffinity", "f:podAffinity",
	"f:podAntiAffinity", "f:requiredDuringSchedulingIgnoredDuringExecution",
	"f:preferredDuringSchedulingIgnoredDuringExecution", "f:topologySpreadConstraints",
	"f:aggregationRule", "f:clusterRoleSelectors", "f:internalTrafficPolicy",
	"f:externalTrafficPolicy", "f:targetPort", "f:nodePort", "f:sessionAffinity",
	"f:clusterIP", "f:clusterIPs", "f:ipFamilies", "f:ipFamilyPolicy", "f:revision",
	"f:lastUpdateTime", "f:description", "f:preemptionPolicy", "f:priorityClassName",
	"f:subsets", "f:endpoints.kubernetes.io/managed-by",
	"f:endpoints.kubernetes.io/last-change-trigger-time", "f:apps.kubernetes.io/pod-index",
	"f:statefulset.kubernetes.io/pod-name", "f:hostname", "f:subdomain", "f:component",
	"f:provider", "f:deprecated.daemonset.template.generation", "f:currentNumberScheduled",
	"f:desiredNumberScheduled", "f:numberAvailable", "f:numberReady",
	"f:updatedNumberScheduled", "f:numberUnavailable", "f:numberMisscheduled",
	"k:{\"type\":\"Available\"}", "k:{\"type\":\"Progressing\"}",
	"f:progressDeadlineSeconds", "f:strategy", "f:deployment.kubernetes.io/desired-replicas",
	"f:deployment.kubernetes.io/max-replicas", "f:fullyLabeledReplicas",
	"f:persistentVolumeClaimRetentionPolicy", "f:whenDeleted", "f:whenScaled",
	"f:podManagementPolicy", "f:serviceName", "f:partition", "f:collisionCount",
	"f:currentReplicas", "f:currentRevision", "f:updateRevision", "f:maxReplicas",
	"f:minReplicas", "f:metrics", "f:scaleTargetRef", "f:kind", "f:concurrencyPolicy",
	"f:failedJobsHistoryLimit", "f:successfulJobsHistoryLimit", "f:jobTemplate",
	"f:schedule", "f:active", "f:ready", "f:succeeded", "f:failed", "f:terminating",
	"f:uncountedTerminatedPods", "f:backoffLimit", "f:completionMode", "f:completions",
	"f:parallelism", "f:podReplacementPolicy", "f:completionTime", "f:addressType",
	"f:endpoints", "f:endpointslice.kubernetes.io/managed-by",
	"f:kubernetes.io/service-name", "k:{\"type\":\"DisruptionAllowed\"}", "f:currentHealthy",
	"f:desiredHealthy", "f:disruptionsAllowed", "f:expectedPods", "f:minAvailable",
	"f:provisioner", "f:reclaimPolicy", "f:volumeBindingMode", "f:matchLabels",
	"f:volumeClaimTemplates", "f:persistentVolumeClaim", "f:claimName", "f:accessModes",
	"f:storageClassName", "f:volumeName", "f:capacity", "f:storage", "f:claimRef",
	"f:allocatable", "f:addresses", "f:nodeInfo", "f:images", "f:taints", "f:unschedulable",
	"f:projected", "f:sources", "f:downwardAPI", "f:serviceAccountToken",
};

enum { WORDS = sizeof words / sizeof *words, SLOTS = 1024 };
_Static_assert(WORDS <= 256, "a number is a byte");

/* Number plus one of the word, by its hash; the next free slot when it is taken. */
static uint16_t slots[SLOTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t slot_of(struct span text)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < text.len; i++)
		h = (h ^ text.data[i]) * 16777619u;
	return (h ^ h >> 16) % SLOTS;
}

static void fill(void)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (!words[i])
			continue;
		size_t at = slot_of(span_of(words[i]));
		while (slots[at])
			at = (at + 1) % SLOTS;
		slots[at] = (uint16_t)(i + 1);
	}
}

struct span word_text(uint64_t number)
{
	return number < WORDS && words[number] ? span_of(words[number]) : (struct span){0};
}

int word_number(struct span text)
{
	pthread_once(&once, fill);
	for (size_t at = slot_of(text); slots[at]; at = (at + 1) % SLOTS)
		if (span_is(text, words[slots[at] - 1]))
			return slots[at] - 1;
	return -1;
}
