"""What each kind is made of, for corpus.py."""
from corpus import DROP, JSON, MERGE, NS, STRATEGIC, TABLE, Kind, put

LABELS = {"app": "web"}
SELECTOR = {"matchLabels": LABELS}
C = {"name": "c", "image": "nginx"}
POD = {"containers": [C]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD}
RICH_C = {
    "name": "c", "image": "nginx:1.19", "command": ["a"], "args": ["b"], "workingDir": "/w",
    "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 53, "protocol": "UDP"}],
    "env": [{"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}],
    "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}],
    "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": "100m"}},
    "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True}],
    "livenessProbe": {"httpGet": {"port": "http"}},
    "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 3},
    "lifecycle": {"preStop": {"exec": {"command": ["x"]}}},
    "securityContext": {"runAsUser": 5, "capabilities": {"add": ["NET_ADMIN"]}}}
RICH_POD = {
    "containers": [RICH_C], "initContainers": [{"name": "i", "image": "busybox:latest"}],
    "volumes": [{"name": "v", "configMap": {"name": "m"}}, {"name": "e"},
                {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
    "nodeSelector": {"disk": "ssd"}, "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["h"]}],
    "terminationGracePeriodSeconds": 5, "serviceAccountName": "default",
    "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname",
                                          "labelSelector": {"matchLabels": {"a": "b"}}}}]}}}
RICH_TEMPLATE = {"metadata": {"labels": LABELS, "annotations": {"x": "y"}}, "spec": RICH_POD}


def of_template(at, spec=None):
    """Faults of a pod template, wherever it stands."""
    s = spec or at + ".spec."
    return [
        (s + "containers", []), (s + "containers", DROP), (s + "containers.0.name", "A_b"),
        (s + "containers.0.name", DROP), (s + "containers.0.image", DROP),
        (s + "containers.1", dict(C, name="c")), (s + "containers.0.ports.0.containerPort", 70000),
        (s + "containers.0.ports.0.protocol", "ICMP"), (s + "containers.0.env.0.name", "1=2"),
        (s + "containers.0.volumeMounts.0.name", "none"),
        (s + "containers.0.volumeMounts.0.mountPath", DROP),
        (s + "containers.0.imagePullPolicy", "Sometimes"),
        (s + "containers.0.resources.requests.cpu", "2"),
        (s + "containers.0.resources.limits.cpu", "-1"),
        (s + "containers.0.livenessProbe", {}),
        (s + "containers.0.livenessProbe.periodSeconds", -1),
        (s + "dnsPolicy", "Mine"), (s + "volumes.0.name", "e"), (s + "volumes.0.name", "B_d"),
        (s + "volumes.1.hostPath", {}), (s + "tolerations.0.effect", "Never"),
        (s + "terminationGracePeriodSeconds", -1), (s + "nodeSelector", {"a b": "c"}),
        (s + "containers.0.ports.0.containerPort", "http"), (s + "containers.0.command", "a"),
        (s + "containers.0.env.1.valueFrom.fieldRef.fieldPath", "spec.none"),
    ]


WORKLOAD_FAULTS = [
    ("spec.selector", DROP), ("spec.selector", {}), ("spec.selector.matchLabels", {"app": "other"}),
    ("spec.selector.matchLabels", {"a b": "c"}),
    ("spec.selector.matchExpressions", [{"key": "a", "operator": "Is"}]),
    ("spec.selector.matchExpressions", [{"key": "a", "operator": "In"}]),
    ("spec.selector.matchExpressions", [{"key": "app", "operator": "Exists", "values": ["x"]}]),
    ("spec.template.metadata.labels", DROP), ("spec.template.spec.restartPolicy", "Never"),
    ("spec.template.spec.restartPolicy", "Maybe"), ("spec.template.spec.activeDeadlineSeconds", 5),
    ("spec.template", DROP),
]
SHARES = ["10", "10%", "110%", -1, "x%", 0]

HPA_METRICS = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {
        "type": "Utilization", "averageUtilization": 50}}},
    {"type": "Pods", "pods": {"metric": {"name": "p"}, "target": {
        "type": "AverageValue", "averageValue": "1k"}}},
    {"type": "Object", "object": {"metric": {"name": "o", "selector": {"matchLabels": {"a": "b"}}},
                                  "describedObject": {"kind": "Service", "name": "s"},
                                  "target": {"type": "Value", "value": "10"}}},
    {"type": "External", "external": {"metric": {"name": "e"}, "target": {
        "type": "AverageValue", "averageValue": "30"}}}]
JOB = {"template": {"spec": dict(POD, restartPolicy="Never")}}
RICH_JOB = {"parallelism": 2, "completions": 3, "activeDeadlineSeconds": 9, "backoffLimit": 1,
            "template": {"metadata": {"labels": {"own": "x"}},
                         "spec": dict(RICH_POD, restartPolicy="OnFailure")}}
SERVICE_BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
PV = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
PVC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

KINDS = [
    Kind("v1", "pods", "Pod", {"spec": POD}, {"spec": RICH_POD},
         faults=of_template("spec", "spec.") + [
             ("spec.restartPolicy", "Maybe"), ("spec.activeDeadlineSeconds", 0),
             ("spec.initContainers.0.name", "c"), ("spec.priorityClassName", "A_b"),
             ("spec.hostname", "A_b"), ("spec.securityContext", {"runAsUser": -1}),
             ("spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight", 0),
             ("spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0."
              "podAffinityTerm.topologyKey", "")],
         changes=[{"spec": {"activeDeadlineSeconds": 5}}, {"spec": {"restartPolicy": "Never"}},
                  {"spec": {"nodeName": "n"}}, {"spec": {"terminationGracePeriodSeconds": 9}}],
         status={"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}],
                 "conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [
                     {"name": "c", "ready": True, "restartCount": 2, "image": "nginx:1.19",
                      "imageID": "x", "state": {"running": {"startedAt": "2021-01-01T00:00:00Z"}}}]}),
    Kind("v1", "nodes", "Node", {}, {"spec": {"podCIDR": "10.1.0.0/24", "unschedulable": True,
                                              "taints": [{"key": "k", "effect": "NoSchedule"}]}},
         faults=[("spec.taints.0.effect", "Odd"), ("spec.taints.0.key", "a b"),
                 ("spec.taints.0.value", "a b"), ("spec.taints.1", {"key": "k", "effect": "NoSchedule"}),
                 ("spec.podCIDR", "x")],
         changes=[{"spec": {"unschedulable": None}}, {"spec": {"providerID": "p"}}],
         status={"capacity": {"cpu": "2000m", "memory": "1024Mi"},
                 "conditions": [{"type": "Ready", "status": "True"}],
                 "addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]}, namespaced=False),
    Kind("v1", "namespaces", "Namespace", {}, {"spec": {"finalizers": ["example.com/x"]}},
         faults=[("spec.finalizers", ["odd"]), ("spec.finalizers", ["a/b/c"])],
         changes=[{"spec": {"finalizers": []}}], status={"phase": "Active"}, namespaced=False),
    Kind("v1", "configmaps", "ConfigMap", {}, {"data": {"a": "1"}, "binaryData": {"b": "AAEC"}},
         faults=[("data", {"a b": "c"}), ("data", {"b": "c"}), ("binaryData", {"x": "!"}),
                 ("data", {"..": "x"}), ("data", {"a": 1}), ("immutable", "yes")],
         changes=[{"data": {"a": "2"}}, {"immutable": True}, {"data": {"a": "3"}},
                  {"immutable": False}]),
    Kind("v1", "secrets", "Secret", {}, {"type": "example.com/x", "data": {"a": "MQ=="},
                                         "stringData": {"t": "text"}},
         faults=[("data", {"a b": "MQ=="}), ("data", {"a": "!"}), ("type", "kubernetes.io/tls"),
                 ("type", "kubernetes.io/basic-auth"), ("type", "kubernetes.io/ssh-auth"),
                 ("type", "kubernetes.io/dockerconfigjson"), ("type", "kubernetes.io/dockercfg"),
                 ("type", "kubernetes.io/service-account-token")],
         changes=[{"stringData": {"a": "2"}}, {"type": "Other"}]),
    Kind("v1", "serviceaccounts", "ServiceAccount", {},
         {"secrets": [{"name": "s"}], "imagePullSecrets": [{"name": "i"}],
          "automountServiceAccountToken": False},
         faults=[("secrets", "x"), ("automountServiceAccountToken", "no")],
         changes=[{"secrets": []}]),
    Kind("v1", "limitranges", "LimitRange", {"spec": {"limits": []}},
         {"spec": {"limits": [
             {"type": "Container", "max": {"cpu": "2", "memory": "1Gi"}, "min": {"cpu": "100m"},
              "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "250m"},
              "maxLimitRequestRatio": {"cpu": "4"}},
             {"type": "Pod", "max": {"cpu": "4"}},
             {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}}]}},
         faults=[("spec.limits.0.type", "Thing"), ("spec.limits.0.type", ""),
                 ("spec.limits.1.type", "Container"), ("spec.limits.0.min.cpu", "3"),
                 ("spec.limits.0.default.cpu", "3"), ("spec.limits.0.defaultRequest.cpu", "50m"),
                 ("spec.limits.0.defaultRequest.cpu", "1"), ("spec.limits.0.max", {"a b": "1"}),
                 ("spec.limits.0.max", {"pods": "1"}), ("spec.limits.1.default", {"cpu": "1"}),
                 ("spec.limits.1.defaultRequest", {"cpu": "1"}), ("spec.limits.2.min", {}),
                 ("spec.limits.0.maxLimitRequestRatio.cpu", "0.5"),
                 ("spec.limits.0.maxLimitRequestRatio.cpu", "30"),
                 ("spec.limits.0.max.cpu", "x"), ("spec.limits.0.max.cpu", 1)],
         changes=[{"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1000m"}}]}}]),
    Kind("v1", "resourcequotas", "ResourceQuota", {},
         {"spec": {"hard": {"pods": "10", "limits.cpu": "2", "requests.memory": "1Gi"},
                   "scopes": ["NotBestEffort"]}},
         faults=[("spec.hard", {"thing": "1"}), ("spec.hard", {"pods": "1.5"}),
                 ("spec.hard", {"pods": "-1"}), ("spec.hard", {"a b": "1"}),
                 ("spec.hard", {"example.com/x": "1"}), ("spec.hard", {"storage": "1"}),
                 ("spec.scopes", ["Some"]), ("spec.scopes", ["BestEffort"]),
                 ("spec.scopes", ["BestEffort", "NotBestEffort"]),
                 ("spec.scopes", ["Terminating", "NotTerminating"]),
                 ("spec.scopeSelector", {"matchExpressions": [
                     {"scopeName": "PriorityClass", "operator": "In"}]}),
                 ("spec.scopeSelector", {"matchExpressions": [
                     {"scopeName": "PriorityClass", "operator": "Exists", "values": ["a"]}]}),
                 ("spec.scopeSelector", {"matchExpressions": [
                     {"scopeName": "PriorityClass", "operator": "Is"}]}),
                 ("spec.scopeSelector", {"matchExpressions": [
                     {"scopeName": "Terminating", "operator": "In", "values": ["a"]}]}),
                 ("spec.scopeSelector", {"matchExpressions": [
                     {"scopeName": "Some", "operator": "Exists"}]})],
         changes=[{"spec": {"hard": {"pods": "20"}}}, {"spec": {"scopes": ["Terminating"]}},
                  {"spec": {"scopes": None}}],
         status={"hard": {"pods": "10", "limits.cpu": "2000m"}, "used": {"pods": "3"}},
         bad_status=[{"used": {"thing": "1"}}, {"used": {"pods": "-1"}}, {"hard": {"pods": "x"}}]),
    Kind("v1", "podtemplates", "PodTemplate", {"template": TEMPLATE}, {"template": RICH_TEMPLATE},
         faults=of_template("template"), changes=[{"template": {"metadata": {"labels": {"b": "c"}}}}]),
    Kind("v1", "persistentvolumes", "PersistentVolume", {"spec": PV},
         {"spec": dict(PV, storageClassName="slow", mountOptions=["ro"], volumeMode="Block",
                       persistentVolumeReclaimPolicy="Delete",
                       claimRef={"namespace": "a", "name": "b"},
                       nodeAffinity={"required": {"nodeSelectorTerms": [{"matchExpressions": [
                           {"key": "k", "operator": "In", "values": ["v"]}]}]}})},
         faults=[("spec.accessModes", []), ("spec.accessModes", ["Some"]), ("spec.capacity", DROP),
                 ("spec.capacity", {"cpu": "1"}), ("spec.capacity.storage", "0"),
                 ("spec.capacity.storage", "-1"), ("spec.persistentVolumeReclaimPolicy", "Keep"),
                 ("spec.hostPath", DROP), ("spec.hostPath.path", ""), ("spec.nfs", {"server": "a", "path": "/"}),
                 ("spec.storageClassName", "A_b"), ("spec.volumeMode", "Tape"),
                 ("spec.nodeAffinity.required", DROP),
                 ("spec.nodeAffinity.required.nodeSelectorTerms", []),
                 ("spec.nodeAffinity.required.nodeSelectorTerms.0.matchExpressions.0.operator", "Is")],
         changes=[{"spec": {"hostPath": {"path": "/y"}}}, {"spec": {"volumeMode": "Filesystem"}},
                  {"spec": {"nodeAffinity": None}}, {"spec": {"capacity": {"storage": "2Gi"}}},
                  {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}],
         status={"phase": "Bound", "reason": "x"}, namespaced=False),
    Kind("v1", "persistentvolumeclaims", "PersistentVolumeClaim", {"spec": PVC},
         {"spec": dict(PVC, storageClassName="slow", volumeMode="Block", selector=SELECTOR)},
         faults=[("spec.accessModes", []), ("spec.accessModes", ["Some"]), ("spec.resources", {}),
                 ("spec.resources.requests.storage", "0"), ("spec.storageClassName", "A_b"),
                 ("spec.volumeMode", "Tape"), ("spec.selector.matchLabels", {"a b": "c"}),
                 ("spec.dataSource", {"kind": "Pod", "name": "x"}), ("spec.dataSource", {})],
         changes=[{"spec": {"volumeName": "v"}}, {"spec": {"volumeName": "w"}},
                  {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
                  {"spec": {"accessModes": ["ReadOnlyMany"]}}, {"spec": {"volumeMode": "Filesystem"}}],
         status={"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}),
    Kind("v1", "replicationcontrollers", "ReplicationController", {"spec": {"template": TEMPLATE}},
         {"spec": {"replicas": 2, "selector": LABELS, "minReadySeconds": 1, "template": RICH_TEMPLATE}},
         faults=[("spec.selector", {"app": "other"}), ("spec.replicas", -1),
                 ("spec.minReadySeconds", -1), ("spec.template", DROP),
                 ("spec.template.spec.restartPolicy", "Never"), ("spec.replicas", "2")],
         changes=[{"spec": {"replicas": 3}}, {"spec": {"selector": {"app": "other"}}}],
         status={"replicas": 2, "readyReplicas": 1},
         bad_status=[{"replicas": -1}, {"replicas": 1, "readyReplicas": 2}], scale=True),
    Kind("v1", "services", "Service", {"spec": {"ports": [{"port": 80}]}},
         {"spec": {"selector": LABELS, "clusterIP": "None", "sessionAffinity": "ClientIP",
                   "ports": [{"name": "a", "port": 80, "targetPort": "http"},
                             {"name": "b", "port": 53, "protocol": "UDP"}]}},
         faults=[("spec.ports", DROP), ("spec.ports.0.port", 0), ("spec.ports.0.name", DROP),
                 ("spec.ports.1.name", "a"), ("spec.ports.0.protocol", "ICMP"),
                 ("spec.ports.0.targetPort", "not so"), ("spec.type", "Odd"),
                 ("spec.sessionAffinity", "Yes"), ("spec.clusterIP", "x"),
                 ("spec.selector", {"a b": "c"}), ("spec.externalIPs", ["x"])],
         changes=[{"spec": {"sessionAffinity": "None"}}], verbs=False),
    Kind("v1", "endpoints", "Endpoints", {},
         {"subsets": [{"addresses": [{"ip": "10.0.0.1", "hostname": "h"}],
                       "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}]}]},
         faults=[("subsets.0.addresses", []), ("subsets.0.addresses.0.ip", "x"),
                 ("subsets.0.addresses.0.ip", "127.0.0.1"), ("subsets.0.addresses.0.hostname", "A_b"),
                 ("subsets.0.ports.0.port", 0), ("subsets.0.ports.0.name", DROP),
                 ("subsets.0.ports.0.protocol", "ICMP")],
         changes=[{"subsets": []}]),
    Kind("apps/v1", "deployments", "Deployment", {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
         {"spec": {"replicas": 2, "selector": SELECTOR, "template": RICH_TEMPLATE, "paused": True,
                   "minReadySeconds": 1, "revisionHistoryLimit": 3, "progressDeadlineSeconds": 100,
                   "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": "30%"}}}},
         faults=WORKLOAD_FAULTS + of_template("spec.template") + [
             ("spec.replicas", -1), ("spec.replicas", "1"), ("spec.minReadySeconds", -1),
             ("spec.progressDeadlineSeconds", 1), ("spec.progressDeadlineSeconds", -1),
             ("spec.revisionHistoryLimit", -1), ("spec.strategy.type", "Odd"),
             ("spec.strategy.type", "Recreate"),
             ("spec.strategy.rollingUpdate", {"maxSurge": 0, "maxUnavailable": 0})] + [
             ("spec.strategy.rollingUpdate.maxUnavailable", s) for s in SHARES] + [
             ("spec.strategy.rollingUpdate.maxSurge", s) for s in SHARES],
         changes=[{"spec": {"replicas": 3}}, {"spec": {"selector": {"matchLabels": {"app": "x"}}}},
                  {"spec": {"selector": {"matchLabels": {"app": "web", "a": "b"}},
                            "template": {"metadata": {"labels": {"a": "b"}}}}},
                  {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}},
                  {"metadata": {"annotations": {"counts": "yes"}}}],
         status={"replicas": 3, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 1,
                 "conditions": [{"type": "Available", "status": "True"}]},
         bad_status=[{"replicas": -1}, {"replicas": 1, "updatedReplicas": 2},
                     {"replicas": 3, "readyReplicas": 1, "availableReplicas": 2}],
         scale=True),
    Kind("apps/v1", "replicasets", "ReplicaSet", {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
         {"spec": {"replicas": 2, "minReadySeconds": 1, "template": RICH_TEMPLATE, "selector": {
             "matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}}},
         faults=WORKLOAD_FAULTS + [("spec.replicas", -1), ("spec.minReadySeconds", -1)],
         changes=[{"spec": {"replicas": 3}}, {"spec": {"selector": {"matchExpressions": None}}}],
         status={"replicas": 2, "fullyLabeledReplicas": 1, "readyReplicas": 1},
         bad_status=[{"replicas": -1}, {"replicas": 1, "readyReplicas": 2}], scale=True),
    Kind("apps/v1", "daemonsets", "DaemonSet", {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
         {"spec": {"selector": SELECTOR, "template": RICH_TEMPLATE, "minReadySeconds": 1,
                   "updateStrategy": {"rollingUpdate": {"maxUnavailable": "20%"}}}},
         faults=WORKLOAD_FAULTS + [("spec.updateStrategy.type", "Odd"), ("spec.minReadySeconds", -1),
                                   ("spec.revisionHistoryLimit", -1)] + [
             ("spec.updateStrategy.rollingUpdate.maxUnavailable", s) for s in SHARES],
         changes=[{"spec": {"template": {"metadata": {"annotations": {"n": "2"}}}}},
                  {"spec": {"updateStrategy": {"type": "OnDelete"}}},
                  {"spec": {"selector": {"matchLabels": {"app": "x"}}}}],
         status={"currentNumberScheduled": 1, "numberMisscheduled": 0, "desiredNumberScheduled": 2,
                 "numberReady": 1}, bad_status=[{"numberReady": -1}, {"numberAvailable": -2}]),
    Kind("apps/v1", "statefulsets", "StatefulSet",
         {"spec": {"serviceName": "s", "selector": SELECTOR, "template": TEMPLATE}},
         {"spec": {"serviceName": "s", "selector": SELECTOR, "template": RICH_TEMPLATE, "replicas": 2,
                   "podManagementPolicy": "Parallel", "volumeClaimTemplates": [
                       {"metadata": {"name": "d"}, "spec": PVC}],
                   "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}},
         faults=WORKLOAD_FAULTS + [("spec.podManagementPolicy", "Odd"), ("spec.replicas", -1),
                                   ("spec.updateStrategy.type", "Odd"),
                                   ("spec.updateStrategy.type", "OnDelete"),
                                   ("spec.updateStrategy.rollingUpdate.partition", -1)],
         changes=[{"spec": {"replicas": 3}}, {"spec": {"serviceName": "t"}},
                  {"spec": {"template": {"metadata": {"annotations": {"n": "2"}}}}},
                  {"spec": {"podManagementPolicy": "OrderedReady"}}],
         status={"replicas": 2, "readyReplicas": 1, "currentReplicas": 1},
         bad_status=[{"replicas": -1}, {"replicas": 1, "readyReplicas": 2}], scale=True),
    Kind("apps/v1", "controllerrevisions", "ControllerRevision", {"data": {"a": 1}, "revision": 1},
         {"data": {"spec": {"x": ["y"]}}, "revision": 7},
         faults=[("data", DROP), ("revision", -1), ("revision", "1")],
         changes=[{"revision": 8}, {"data": {"a": 2}}]),
    Kind("batch/v1", "jobs", "Job", {"spec": JOB}, {"spec": RICH_JOB},
         faults=of_template("spec.template") + [
             ("spec.parallelism", -1), ("spec.completions", -1), ("spec.backoffLimit", -1),
             ("spec.activeDeadlineSeconds", -1), ("spec.ttlSecondsAfterFinished", -1),
             ("spec.template.spec.restartPolicy", "Always"),
             ("spec.template.spec.restartPolicy", "Maybe"),
             ("spec.selector", {"matchLabels": {"a": "b"}}), ("spec.manualSelector", True),
             ("spec.template.metadata.labels", {"job-name": "other"}),
             ("spec.template.metadata.labels", {"controller-uid": "other"})],
         changes=[{"spec": {"parallelism": 5}}, {"spec": {"completions": 9}},
                  {"spec": {"template": {"metadata": {"labels": {"z": "z"}}}}},
                  {"spec": {"selector": {"matchLabels": {"a": "b"}}}}, {"spec": {"backoffLimit": 3}}],
         status={"active": 1, "succeeded": 2, "startTime": "2021-01-01T00:00:00Z",
                 "completionTime": "2021-01-01T00:01:30Z"},
         bad_status=[{"active": -1}, {"failed": -1}]),
    Kind("batch/v1beta1", "cronjobs", "CronJob",
         {"spec": {"schedule": "*/5 * * * *", "jobTemplate": {"spec": JOB}}},
         {"spec": {"schedule": "0 9-17/2 * jan-mar mon", "concurrencyPolicy": "Forbid", "suspend": True,
                   "startingDeadlineSeconds": 10, "successfulJobsHistoryLimit": 2,
                   "failedJobsHistoryLimit": 0,
                   "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": RICH_JOB}}},
         faults=[("spec.schedule", s) for s in (DROP, "", "x", "* * * *", "60 * * * *", "* 24 * * *",
                                                "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
                                                "*/0 * * * *", "@hourly", "@never", "@every 5m",
                                                "1-2-3 * * * *", "1/2/3 * * * *", "a * * * *")] + [
             ("spec.concurrencyPolicy", "Odd"), ("spec.startingDeadlineSeconds", -1),
             ("spec.successfulJobsHistoryLimit", -1), ("spec.failedJobsHistoryLimit", -1),
             ("spec.jobTemplate.spec.selector", SELECTOR),
             ("spec.jobTemplate.spec.manualSelector", True),
             ("spec.jobTemplate.spec.template.spec.restartPolicy", "Always"),
             ("spec.jobTemplate.spec.parallelism", -1), ("spec.jobTemplate", DROP)],
         changes=[{"spec": {"suspend": False}}, {"spec": {"schedule": "bad"}}],
         status={"lastScheduleTime": "2021-01-01T00:00:00Z", "active": [{"kind": "Job", "name": "j"}]}),
    Kind("autoscaling/v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler",
         {"spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}},
         {"spec": {"minReplicas": 2, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
                   "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}},
         faults=[("spec.maxReplicas", 0), ("spec.maxReplicas", 1), ("spec.minReplicas", 0),
                 ("spec.minReplicas", -1), ("spec.scaleTargetRef.kind", ""),
                 ("spec.scaleTargetRef.name", ""), ("spec.scaleTargetRef.name", ".."),
                 ("spec.scaleTargetRef.kind", "a/b"), ("spec.targetCPUUtilizationPercentage", 0)],
         changes=[{"spec": {"maxReplicas": 5}}, {"spec": {"targetCPUUtilizationPercentage": None}}],
         status={"currentReplicas": 1, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 40},
         bad_status=[{"currentReplicas": -1, "desiredReplicas": 0}]),
    Kind("policy/v1beta1", "poddisruptionbudgets", "PodDisruptionBudget",
         {"spec": {"minAvailable": 1, "selector": SELECTOR}},
         {"spec": {"maxUnavailable": "30%", "selector": SELECTOR}},
         faults=[("spec.minAvailable", 1)] + [("spec.maxUnavailable", s) for s in SHARES] + [
             ("spec.selector.matchLabels", {"a b": "c"}),
             ("spec.selector.matchExpressions", [{"key": "a", "operator": "Is"}])],
         changes=[{"spec": {"maxUnavailable": 2}}, {"spec": {"selector": {"matchLabels": {"app": "x"}}}}],
         status={"disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
         bad_status=[{"disruptionsAllowed": -1}]),
    Kind("rbac.authorization.k8s.io/v1", "roles", "Role", {},
         {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"],
                     "resourceNames": ["a"]}]},
         faults=[("rules.0.verbs", []), ("rules.0.apiGroups", []), ("rules.0.resources", []),
                 ("rules.0.nonResourceURLs", ["/x"]), ("rules.0", {"verbs": ["get"],
                                                                  "nonResourceURLs": ["/x"]})],
         changes=[{"rules": []}], names=False),
    Kind("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", {},
         {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}],
          "aggregationRule": {"clusterRoleSelectors": [SELECTOR]}},
         faults=[("rules.0.verbs", []), ("rules.0.resources", ["pods"]),
                 ("aggregationRule.clusterRoleSelectors", []),
                 ("aggregationRule.clusterRoleSelectors.0.matchLabels", {"a b": "c"})],
         changes=[{"aggregationRule": None}], names=False, namespaced=False),
    Kind("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding",
         {"roleRef": {"kind": "ClusterRole", "name": "r"}},
         {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
          "subjects": [{"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"},
                       {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]},
         faults=[("roleRef.kind", "Pod"), ("roleRef.name", ""), ("roleRef.apiGroup", "x"),
                 ("roleRef", DROP), ("subjects.0.name", ""), ("subjects.0.kind", "Pod"),
                 ("subjects.0.apiGroup", "x"), ("subjects.2.apiGroup", "x"),
                 ("subjects.2.name", "A_b"), ("roleRef.name", "a/b")],
         changes=[{"roleRef": {"name": "other"}}, {"subjects": None}], names=False),
    Kind("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding",
         {"roleRef": {"kind": "ClusterRole", "name": "r"}},
         {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
          "subjects": [{"kind": "User", "name": "u"},
                       {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]},
         faults=[("roleRef.kind", "Role"), ("subjects.1.namespace", DROP), ("roleRef.name", "")],
         changes=[{"roleRef": {"name": "other"}}], names=False, namespaced=False),
    Kind("networking.k8s.io/v1", "ingresses", "Ingress", {"spec": {"defaultBackend": SERVICE_BACKEND}},
         {"spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a.b"], "secretName": "s"}],
                   "rules": [{"host": "a.b", "http": {"paths": [
                       {"path": "/x", "pathType": "Prefix", "backend": SERVICE_BACKEND},
                       {"pathType": "ImplementationSpecific", "backend": {
                           "service": {"name": "s", "port": {"name": "http"}}}}]}},
                             {"host": "*.c.d", "http": {"paths": [
                                 {"path": "/", "pathType": "Exact", "backend": {"resource": {
                                     "apiGroup": "x.y", "kind": "K", "name": "n"}}}]}}]}},
         faults=[("spec", {}), ("spec.rules.0.host", "A_b"), ("spec.rules.0.host", "1.2.3.4"),
                 ("spec.rules.1.host", "*"), ("spec.rules.0.http.paths", []),
                 ("spec.rules.0.http.paths.0.pathType", DROP),
                 ("spec.rules.0.http.paths.0.pathType", "Odd"),
                 ("spec.rules.0.http.paths.0.path", "x"), ("spec.rules.0.http.paths.0.path", "/a//b"),
                 ("spec.rules.0.http.paths.0.path", "/a/.."), ("spec.rules.0.http.paths.1.path", "x"),
                 ("spec.rules.0.http.paths.0.backend", {}),
                 ("spec.rules.0.http.paths.0.backend.service.name", ""),
                 ("spec.rules.0.http.paths.0.backend.service.name", "A_b"),
                 ("spec.rules.0.http.paths.0.backend.service.port", {}),
                 ("spec.rules.0.http.paths.0.backend.service.port.name", "x"),
                 ("spec.rules.0.http.paths.0.backend.service.port.number", 70000),
                 ("spec.rules.0.http.paths.1.backend.service.port.name", "_"),
                 ("spec.rules.1.http.paths.0.backend.resource.kind", ""),
                 ("spec.rules.1.http.paths.0.backend.resource.name", ""),
                 ("spec.rules.1.http.paths.0.backend.resource.apiGroup", "A_b"),
                 ("spec.rules.1.http.paths.0.backend.service", SERVICE_BACKEND["service"]),
                 ("spec.tls.0.hosts.0", "A_b"), ("spec.tls.0.secretName", "A_b"),
                 ("spec.ingressClassName", "A_b")],
         changes=[{"spec": {"ingressClassName": None}}, {"spec": {"rules": None}}],
         status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "very.long.name.example"}]}}),
    Kind("networking.k8s.io/v1", "ingressclasses", "IngressClass", {"spec": {"controller": "a.b/c"}},
         {"spec": {"controller": "a.b/c", "parameters": {"apiGroup": "x.y", "kind": "K", "name": "n"}}},
         faults=[("spec.controller", "x"), ("spec.controller", ""), ("spec.controller", "A_b/c"),
                 ("spec.parameters.kind", ""), ("spec.parameters.name", ""),
                 ("spec.parameters.apiGroup", "A_b")],
         changes=[{"spec": {"controller": "d.e/f"}}, {"spec": {"parameters": None}}], namespaced=False),
    Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", {"spec": {"podSelector": {}}},
         {"spec": {"podSelector": SELECTOR, "policyTypes": ["Ingress", "Egress"],
                   "ingress": [{"from": [{"podSelector": SELECTOR, "namespaceSelector": {}},
                                         {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                                "ports": [{"port": 80}, {"port": "http", "protocol": "UDP"}]}],
                   "egress": [{"to": [{"namespaceSelector": SELECTOR}]}]}},
         faults=[("spec.podSelector.matchLabels", {"a b": "c"}), ("spec.policyTypes", ["Odd"]),
                 ("spec.policyTypes", ["Ingress", "Egress", "Ingress"]),
                 ("spec.ingress.0.from.0", {}),
                 ("spec.ingress.0.from.0.ipBlock", {"cidr": "10.0.0.0/8"}),
                 ("spec.ingress.0.from.1.ipBlock", {"cidr": ""}),
                 ("spec.ingress.0.from.1.ipBlock.cidr", "x"),
                 ("spec.ingress.0.from.1.ipBlock.except", ["11.0.0.0/16"]),
                 ("spec.ingress.0.from.1.ipBlock.except", ["10.0.0.0/8"]),
                 ("spec.ingress.0.from.1.ipBlock.except", ["x"]),
                 ("spec.ingress.0.ports.0.port", 0), ("spec.ingress.0.ports.0.protocol", "ICMP"),
                 ("spec.ingress.0.ports.1.port", "not so"), ("spec.egress.0.to.0", {})],
         changes=[{"spec": {"policyTypes": None}}, {"spec": {"egress": None}}]),
    Kind("storage.k8s.io/v1", "storageclasses", "StorageClass", {"provisioner": "a.b/c"},
         {"provisioner": "a.b/C", "parameters": {"x": "y"}, "reclaimPolicy": "Retain",
          "mountOptions": ["ro"], "allowVolumeExpansion": True,
          "volumeBindingMode": "WaitForFirstConsumer",
          "allowedTopologies": [{"matchLabelExpressions": [{"key": "k", "values": ["v"]}]}]},
         faults=[("provisioner", ""), ("provisioner", "a b"), ("parameters", {"": "x"}),
                 ("reclaimPolicy", "Recycle"), ("volumeBindingMode", "Odd"),
                 ("allowedTopologies.0.matchLabelExpressions.0.values", []),
                 ("allowedTopologies.0.matchLabelExpressions.0.key", "a b"),
                 ("allowedTopologies.0.matchLabelExpressions.1", {"key": "k", "values": ["w"]})],
         changes=[{"parameters": {"x": "z"}}, {"provisioner": "d"}, {"reclaimPolicy": "Delete"},
                  {"volumeBindingMode": "Immediate"}, {"allowVolumeExpansion": False}],
         namespaced=False),
    Kind("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment",
         {"spec": {"attacher": "a.b", "nodeName": "n", "source": {"persistentVolumeName": "p"}}},
         faults=[("spec.attacher", ""), ("spec.attacher", "A_b"), ("spec.nodeName", ""),
                 ("spec.source", {}), ("spec.source.persistentVolumeName", ""),
                 ("spec.source.persistentVolumeName", "A_b")],
         changes=[{"spec": {"nodeName": "m"}}],
         status={"attached": True, "attachmentMetadata": {"a": "b"}}, namespaced=False),
    Kind("storage.k8s.io/v1", "csidrivers", "CSIDriver", {"spec": {}},
         {"spec": {"attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": [
             "Persistent", "Ephemeral"]}},
         faults=[("spec.volumeLifecycleModes", ["Odd"])],
         changes=[{"spec": {"attachRequired": True}}], namespaced=False),
    Kind("storage.k8s.io/v1", "csinodes", "CSINode", {"spec": {"drivers": []}},
         {"spec": {"drivers": [{"name": "a.b", "nodeID": "n", "topologyKeys": ["k"],
                                "allocatable": {"count": 3}}]}},
         faults=[("spec.drivers.0.name", ""), ("spec.drivers.0.name", "A_b"),
                 ("spec.drivers.0.nodeID", ""), ("spec.drivers.0.allocatable.count", -1),
                 ("spec.drivers.1", {"name": "a.b", "nodeID": "m", "topologyKeys": []}),
                 ("spec.drivers.0.topologyKeys", ["a b"]), ("spec.drivers.0.topologyKeys", ["k", "k"])],
         changes=[{"spec": {"drivers": [{"name": "a.b", "nodeID": "m", "topologyKeys": ["k"]}]}}],
         namespaced=False),
    Kind("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", {"value": 10},
         {"value": 1000, "description": "x", "preemptionPolicy": "Never"},
         faults=[("value", 2000000000), ("preemptionPolicy", "Odd"), ("value", "1"),
                 ("value", 3000000000)],
         changes=[{"value": 11}, {"preemptionPolicy": "PreemptLowerPriority"}, {"description": "y"}],
         namespaced=False),
    Kind("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", {"handler": "h"},
         {"handler": "h", "overhead": {"podFixed": {"cpu": "250m"}},
          "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "k", "operator": "Exists"}]}},
         faults=[("handler", ""), ("handler", "A_b"), ("overhead.podFixed", {"cpu": "-1"}),
                 ("scheduling.nodeSelector", {"a b": "c"}), ("scheduling.tolerations.0.operator", "Odd")],
         changes=[{"handler": "i"}], namespaced=False),
    Kind("coordination.k8s.io/v1", "leases", "Lease", {},
         {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 1,
                   "acquireTime": "2021-01-01T00:00:00.123456Z", "renewTime": "2021-01-01T00:00:00.500000Z"}},
         faults=[("spec.leaseDurationSeconds", 0), ("spec.leaseTransitions", -1),
                 ("spec.renewTime", "2021-01-01T00:00:00.5Z"),
                 ("spec.renewTime", "2021-01-01T00:00:00Z"), ("spec.renewTime", "x")],
         changes=[{"spec": {"holderIdentity": "you"}}]),
    Kind("v1", "events", "Event",
         {"involvedObject": {"kind": "Pod", "name": "p", "namespace": NS}},
         {"involvedObject": {"kind": "Pod", "name": "p", "namespace": NS, "fieldPath": "spec"},
          "reason": "R", "message": "m", "type": "Warning", "count": 2,
          "source": {"component": "c", "host": "h"}, "firstTimestamp": "2021-01-01T00:00:00Z",
          "lastTimestamp": "2021-01-02T00:00:00Z"},
         faults=[("involvedObject.namespace", "other"), ("involvedObject.namespace", ""),
                 ("eventTime", "2021-01-01T00:00:00.000000Z"), ("eventTime", "2021-01-01T00:00:00Z"), ("count", "2"), ("firstTimestamp", "x")],
         changes=[{"count": 3}, {"reason": "S"}], names=False),
    Kind("events.k8s.io/v1", "events", "Event",
         {"regarding": {"kind": "Pod", "name": "p", "namespace": NS}, "reason": "R", "action": "a",
          "eventTime": "2021-01-01T00:00:00.000000Z", "reportingController": "c.d",
          "reportingInstance": "i", "type": "Normal"},
         {"regarding": {"kind": "Pod", "name": "p", "namespace": NS}, "reason": "R", "action": "a",
          "eventTime": "2021-01-01T00:00:00.500000Z", "reportingController": "c.d", "note": "n",
          "reportingInstance": "i", "type": "Warning", "related": {"kind": "Node", "name": "n"},
          "series": {"count": 2, "lastObservedTime": "2021-01-01T00:00:01.000000Z"}},
         faults=[("eventTime", DROP), ("reportingController", ""), ("reportingController", "a b"),
                 ("reportingInstance", ""), ("action", ""), ("reason", ""), ("type", "Odd"),
                 ("series.count", 1), ("note", "x" * 1025), ("deprecatedCount", 1),
                 ("deprecatedSource", {"component": "x"}), ("action", "x" * 129),
                 ("deprecatedFirstTimestamp", "2021-01-01T00:00:00Z")],
         changes=[{"note": "other"}, {"series": {"count": 3, "lastObservedTime":
                                                 "2021-01-01T00:00:02.000000Z"}}], names=False),
]


def hpa(metrics=None, **spec):
    return {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "x", "labels": {"app": "golden"}}, "spec": {
                "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, **spec}}


V1 = "/api/v1/namespaces/%s" % NS


def strategic():
    """Lists of containers, ports and finalizers, patched in every way."""
    at = "/apis/apps/v1/namespaces/%s/deployments/many" % NS
    containers = [{"name": n, "image": n, "env": [{"name": "X", "value": n}],
                   "ports": [{"containerPort": 80}, {"containerPort": 81}],
                   "command": ["a", "b"]} for n in "abcd"]
    out = [{"id": "create", "method": "POST", "path": at.rsplit("/", 1)[0], "body": {
        "metadata": {"name": "many", "finalizers": ["x.y/a", "x.y/b", "x.y/c"]},
        "spec": {"selector": SELECTOR, "template": {
            "metadata": {"labels": LABELS}, "spec": {
                "containers": containers, "volumes": [{"name": "v"}],
                "tolerations": [{"key": "k", "operator": "Exists"}],
                "nodeSelector": {"a": "b", "c": "d"}}}}}}]

    def add(what, body):
        out.append({"id": what, "method": "PATCH", "path": at, "type": STRATEGIC, "body": body})

    def spec(**more):
        return {"spec": {"template": {"spec": more}}}

    add("a container's image", spec(containers=[{"name": "b", "image": "2"}]))
    add("two containers, out of order", spec(containers=[{"name": "d", "image": "4"},
                                                         {"name": "a", "image": "1"}]))
    add("a new container", spec(containers=[{"name": "e", "image": "e"}]))
    add("an old and a new one", spec(containers=[{"name": "c", "image": "3"},
                                                 {"name": "f", "image": "f"}]))
    add("a new and an old one", spec(containers=[{"name": "g", "image": "g"},
                                                 {"name": "b", "image": "3"}]))
    add("a container is deleted", spec(containers=[{"name": "g", "$patch": "delete"}]))
    add("one that is not there is deleted", spec(containers=[{"name": "z", "$patch": "delete"}]))
    add("a container is replaced", spec(containers=[{"name": "b", "image": "new", "$patch": "replace"}]))
    add("with an order", spec(**{"$setElementOrder/containers": [{"name": n} for n in "fdecba"],
                                 "containers": [{"name": "a", "image": "5"}]}))
    add("an order alone", spec(**{"$setElementOrder/containers": [{"name": n} for n in "abcdef"]}))
    add("an order of some", spec(**{"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}))
    add("an order with a new one", spec(**{
        "$setElementOrder/containers": [{"name": "h"}, {"name": "b"}],
        "containers": [{"name": "h", "image": "h"}]}))
    add("an order that lacks what is patched", spec(**{
        "$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "c", "image": "c"}]}))
    add("a variable of a container", spec(containers=[
        {"name": "a", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "3"}]}]))
    add("ports by their number", spec(containers=[
        {"name": "a", "ports": [{"containerPort": 81, "name": "p"}, {"containerPort": 82}]}]))
    add("a list of texts is replaced", spec(containers=[{"name": "a", "command": ["c"]}]))
    add("all containers are replaced", spec(containers=[
        {"$patch": "replace"}, {"name": "a", "image": "only"}, {"name": "b", "image": "two"}]))
    add("an element without its key", spec(containers=[{"image": "x"}]))
    add("a map's key goes", spec(nodeSelector={"a": None, "e": "f"}))
    add("a map is replaced", spec(nodeSelector={"$patch": "replace", "g": "h"}))
    add("a map is deleted", spec(nodeSelector={"$patch": "delete"}))
    add("an unknown directive", spec(nodeSelector={"$patch": "mix"}))
    add("a volume of another kind", spec(volumes=[
        {"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "m"}}]))
    add("a list without a key", spec(tolerations=[{"key": "other", "operator": "Exists"}]))
    add("finalizers", {"metadata": {"finalizers": ["x.y/c", "x.y/d"]}})
    add("finalizers go and come", {"metadata": {
        "$deleteFromPrimitiveList/finalizers": ["x.y/a"], "finalizers": ["x.y/e"],
        "$setElementOrder/finalizers": ["x.y/e", "x.y/d", "x.y/b", "x.y/c"]}})
    add("a null in the list's place", {"metadata": {"finalizers": None}})
    add("the strategy's kind", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}})
    return out


def bodies():
    """What a body says of itself: its type and its name, or not."""
    out, maps, pod = [], V1 + "/configmaps", V1 + "/pods/bodied"
    good = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}

    def add(what, method, path, body=None, **more):
        out.append({"id": what, "method": method, "path": path, "body": body, **more})

    add("a map", "POST", maps, good)
    add("a pod", "POST", V1 + "/pods", {"metadata": {"name": "bodied"}, "spec": {
        "containers": [{"name": "c", "image": "i"}]}})
    for verb, method, path in (("create", "POST", maps), ("update", "PUT", maps + "/a")):
        for what, body in (
                ("without apiVersion", {**good, "apiVersion": ""}), ("without kind", {**good, "kind": ""}),
                ("of nulls", {**good, "kind": None, "apiVersion": None}),
                ("whose kind is a number", {**good, "kind": 1}),
                ("whose apiVersion is one", {**good, "apiVersion": 1}),
                ("of another kind", {**good, "kind": "Secret"}),
                ("of another version", {**good, "apiVersion": "v2"}),
                ("without metadata", {"kind": "ConfigMap", "apiVersion": "v1"}),
                ("of nothing", "null"), ("of no bytes", ""), ("of a blank", " "), ("of no JSON", "x"),
                ("of too much", "{}{}"), ("of an array", "[]")):
            add("%s %s" % (verb, what), method, path, body, query="dryRun=All")
    add("update of another name", "PUT", maps + "/a", put(good, "metadata.name", "b"))
    add("update of another namespace", "PUT", maps + "/a", put(good, "metadata.namespace", "b"))
    add("patch of another uid", "PATCH", maps + "/a", {"metadata": {"uid": "4f1a4b4e-0000-4000-8000-000000000000"}},
        type=MERGE)
    made = put(good, "metadata.name", "made")
    for where, path, config in (("what is not there", maps + "/made", made), ("what is there", maps + "/a", good)):
        for what, body in (
                ("", config), ("without apiVersion", put(config, "apiVersion", DROP)),
                ("without kind", put(config, "kind", DROP)), ("of another kind", {**config, "kind": "Nope"}),
                ("of another version", {**config, "apiVersion": "v2"}),
                ("of another name", put(config, "metadata.name", "b")),
                ("without a name", put(config, "metadata", {})),
                ("of another namespace", put(config, "metadata.namespace", "b")),
                ("of a field that is none", {**config, "nope": 1}), ("of nothing", "null"),
                ("of no bytes", ""), ("of an array", "[]")):
            add("apply to %s %s" % (where, what), "PATCH", path, body, query="fieldManager=m&dryRun=All",
                type="application/apply-patch+yaml")
    add("apply by nobody", "PATCH", maps + "/made", made, type="application/apply-patch+yaml")
    add("apply of another object's uid", "PATCH", maps + "/made", put(made, "metadata.uid", "u"),
        query="fieldManager=m", type="application/apply-patch+yaml")
    to = {"metadata": {"name": "bodied"}, "target": {"kind": "Node", "name": "n"}}
    for what, body in (
            ("without a name", put(to, "metadata", {})), ("of another name", put(to, "metadata.name", "b")),
            ("to nothing", put(to, "target", {})), ("without a target", put(to, "target", DROP)),
            ("to another kind", put(to, "target.kind", "Machine")), ("of another kind", {**to, "kind": "Pod"}),
            ("of nothing", {})):
        add("bind " + what, "POST", pod + "/binding", body)
        add("bind by the collection " + what, "POST", V1 + "/bindings", body)
    add("bind what is not there", "POST", V1 + "/pods/none/binding", put(to, "metadata.name", "none"))
    add("bind, a dry run", "POST", pod + "/binding", to, query="dryRun=All")
    for what, body in (("without a name", {}), ("of another name", {"metadata": {"name": "b"}}),
                       ("of another kind", {"kind": "Pod", "metadata": {"name": "bodied"}}),
                       ("of another version", {"apiVersion": "v1", "metadata": {"name": "bodied"}})):
        add("evict " + what, "POST", pod + "/eviction", body)
    add("delete the pod", "DELETE", pod, {"gracePeriodSeconds": 0})
    add("delete the map", "DELETE", maps + "/a")
    return out


def options():
    """What is asked beside the object: pages, versions, dry runs, how it is deleted."""
    out, maps = [], V1 + "/configmaps"
    ours, one = "labelSelector=app%3Doptions", maps + "/a"

    def add(what, method, path, query="", body=None, **more):
        out.append({"id": (what + " " + query).strip(), "method": method, "path": path, "body": body,
                    "query": query, **more})

    def body(name):
        return {"metadata": {"name": name, "labels": {"app": "options"}}}

    for name in "abcd":
        add("create", "POST", maps, body=body(name))
    for q in ("limit=2", "limit=0", "limit=-1", "limit=%2B1", "limit=x", "limit=", "limit=1.5",
              "limit=9223372036854775807", "limit=9223372036854775808", "timeoutSeconds=x",
              "timeoutSeconds=", "resourceVersion=0&resourceVersionMatch=Exact",
              "resourceVersionMatch=Exact", "resourceVersionMatch=nope",
              "resourceVersion=0&resourceVersionMatch=nope",
              "includeObject=nope"):
        add("list", "GET", maps, ours + "&" + q)
        add("delete all", "DELETE", maps, ours + "&dryRun=All&" + q)
    for q in ("resourceVersionMatch=Exact", "limit=x"):
        add("watch", "GET", maps, "watch=1&timeoutSeconds=1&" + q)
    for q in ("includeObject=nope", "includeObject=None", "includeObject=Object"):
        add("table", "GET", one, q, accept=TABLE)
    for name in (".", "..", "a%25b"):
        add("get " + name, "GET", maps + "/" + name)
        add("delete " + name, "DELETE", maps + "/" + name)
        add("patch " + name, "PATCH", maps + "/" + name, body={}, type=MERGE)
    for q in ("dryRun=", "dryRun=all", "dryRun=All&dryRun=All", "dryRun=All&dryRun=x", "dryRun=All,All",
              "dryRun=All&propagationPolicy=x", "dryRun=All&propagationPolicy=", "dryRun=All&gracePeriodSeconds=x",
              "dryRun=All&gracePeriodSeconds=", "dryRun=All&orphanDependents=x", "dryRun=All&force=true",
              "dryRun=All&fieldManager=" + 129 * "x", "dryRun=All&fieldManager=%0a",
              "dryRun=All&propagationPolicy=Orphan&orphanDependents=true"):
        add("create", "POST", maps, q, body("e"))
        add("update", "PUT", one, q, body("a"))
        add("patch", "PATCH", one, q, {"data": {"k": "v"}}, type=MERGE)
        add("delete", "DELETE", one, q)
        add("delete all", "DELETE", maps, ours + "&" + q)
    add("all are there as they were", "GET", maps, ours)
    add("a node in a namespace", "GET", V1 + "/nodes")
    add("a role of the cluster in one", "GET",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/clusterroles/cluster-admin" % NS)
    add("made in one", "POST", V1 + "/nodes", body=body("n"))
    add("delete two", "DELETE", maps, ours + "&limit=2")
    add("two are left", "GET", maps, ours)
    add("delete the rest", "DELETE", maps, ours)
    add("none is left", "GET", maps, ours)
    sets = "/apis/apps/v1/namespaces/%s/replicasets" % NS
    add("a replica set", "POST", sets, body={"metadata": {"name": "scaled"}, "spec": {
        "replicas": 3, "selector": SELECTOR, "template": TEMPLATE}})
    for what, scale in (("of nothing", "null"), ("without a name", {"spec": {"replicas": 1}}),
                        ("of another name", {"metadata": {"name": "x", "namespace": NS}}),
                        ("of another namespace", {"metadata": {"name": "scaled", "namespace": "x"}}),
                        ("of another kind", {"kind": "Pod", "metadata": {"name": "scaled", "namespace": NS}}),
                        ("of a number's kind", {"kind": 1})):
        add("scale " + what, "PUT", sets + "/scaled/scale", body=scale)
    add("three it is", "GET", sets + "/scaled/scale")
    add("begin to delete it by a patch", "PATCH", sets + "/scaled", type=MERGE,
        body={"metadata": {"deletionGracePeriodSeconds": 5}})
    add("delete it", "DELETE", sets + "/scaled")
    for q in ("tailLines=x", "tailLines=", "tailLines=-1", "limitBytes=0", "limitBytes=x", "sinceSeconds=0",
              "sinceTime=x"):
        add("log", "GET", V1 + "/pods/none/log", q)
    access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    add("a review of another kind", "POST", access, body={"kind": "SubjectAccessReview"})
    add("a review of another version", "POST", access, body={"apiVersion": "v1"})
    add("a token of another kind", "POST", V1 + "/serviceaccounts/none/token", body={"kind": "Pod"})
    for method in ("HEAD", "OPTIONS", "FOO", "PATCH", "PUT"):
        for path in ("/api", "/version", "/apis/apps/v1", maps, V1 + "/pods/none/log"):
            add(method.lower() + " " + path, method, path)
    for path in ("/healthz", "/readyz", "/livez/ping"):
        add("options " + path, "OPTIONS", path)
    return out


OTHERS = {
    "strategic": strategic(),
    "bodies": bodies(),
    "options": options(),
    # One object, seen in two versions.
    "versions": [
        {"id": "an event of the core group", "method": "POST", "path": V1 + "/events", "body": {
            "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": NS},
            "message": "m", "count": 2, "source": {"component": "c"}, "type": "Normal",
            "firstTimestamp": "2021-01-01T00:00:00Z"}},
        {"id": "seen as one of events.k8s.io", "method": "GET",
         "path": "/apis/events.k8s.io/v1/namespaces/%s/events/e" % NS},
        {"id": "in a list", "method": "GET", "path": "/apis/events.k8s.io/v1/namespaces/%s/events" % NS},
        {"id": "in a table", "method": "GET", "accept": TABLE,
         "path": "/apis/events.k8s.io/v1/namespaces/%s/events/e" % NS},
        {"id": "deleted there", "method": "DELETE",
         "path": "/apis/events.k8s.io/v1/namespaces/%s/events/e" % NS},
        {"id": "is gone here", "method": "GET", "path": V1 + "/events/e"},
    ],
    "reviews": [
        {"id": "may I", "method": "POST", "path": "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
         "body": {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}},
        {"id": "may I, asked of a path", "method": "POST",
         "path": "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
         "body": {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/x"}}}},
        {"id": "may I what", "method": "POST",
         "path": "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "body": {"spec": {}}},
        {"id": "a token that is none", "method": "POST",
         "path": "/apis/authentication.k8s.io/v1/tokenreviews", "body": {"spec": {"token": "x"}}},
        {"id": "no token", "method": "POST", "path": "/apis/authentication.k8s.io/v1/tokenreviews",
         "body": {"spec": {}}},
        {"id": "reviews are not listed", "method": "GET",
         "path": "/apis/authentication.k8s.io/v1/tokenreviews"},
    ],
    # What there is: resources by name, without the groups that one of the two lacks.
    "discovery": [{"id": "resources of " + v, "method": "GET",
                   "path": "/api/v1" if v == "v1" else "/apis/" + v} for v in (
        "v1", "apps/v1", "batch/v1", "batch/v1beta1", "autoscaling/v1", "policy/v1beta1",
        "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1",
        "scheduling.k8s.io/v1", "node.k8s.io/v1", "coordination.k8s.io/v1", "events.k8s.io/v1",
        "authentication.k8s.io/v1", "authorization.k8s.io/v1")] + [
        {"id": "the core group", "method": "GET", "path": "/api"},
        {"id": "a group", "method": "GET", "path": "/apis/apps"},
        {"id": "a group that is none", "method": "GET", "path": "/apis/none"},
        {"id": "a version that is none", "method": "GET", "path": "/apis/apps/v9"},
        {"id": "a resource that is none", "method": "GET", "path": "/api/v1/nones"},
        {"id": "a list that cannot be written", "method": "PUT", "path": "/api/v1/pods", "body": {}},
        {"id": "discovery is only read", "method": "POST", "path": "/apis/apps/v1", "body": {}},
        {"id": "liveness", "method": "GET", "path": "/livez"},
        {"id": "readiness", "method": "GET", "path": "/readyz"},
        {"id": "health", "method": "GET", "path": "/healthz"},
    ],
}
