#include "actors/gate/messages.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field pod_status[] = {
	{"namespace", MP_STR, 63, true, "of the pod"},
	{"name", MP_STR, 253, true, "of the pod"},
	{"uid", MP_STR, 64, true, "another uid: the pod is not that one any more"},
	{"status", MP_MAP, 0, true, "PodStatus, whole"},
	{"version", MP_INT, 0, false, "resourceVersion that it rests on; not that one now: 409"},
	END,
};
static const struct msg_field pod_finished[] = {
	{"namespace", MP_STR, 63, true, "of the pod"},
	{"name", MP_STR, 253, true, "of the pod"},
	{"uid", MP_STR, 64, true, "of the pod whose containers are all gone"},
	END,
};
static const struct msg_field node_status[] = {
	{"name", MP_STR, 253, true, "of the node"},
	{"register", MP_BOOL, 0, true, "make its object when there is none"},
	{"labels", MP_MAP, 100, false, "of the object that is made"},
	{"pod_cidr", MP_STR, 64, false, "spec.podCIDR of the object that is made"},
	{"status", MP_MAP, 0, true, "NodeStatus; conditions of other types stay as they are"},
	END,
};
static const struct msg_field node_heartbeat[] = {
	{"name", MP_STR, 253, true, "of the node"},
	{"now_us", MP_INT, 0, true, "microseconds since 1970 by its clock: the lease's renewTime"},
	END,
};
static const struct msg_field node_heard[] = {
	{"report", MP_BOOL, 0, true, "its object is not there or not Ready: tell the status anew"},
	END,
};
static const struct msg_field event_record[] = {
	{"kind", MP_STR, 64, true, "of the object that it is about"},
	{"namespace", MP_STR, 63, false, "of that object"},
	{"name", MP_STR, 253, true, "of that object"},
	{"uid", MP_STR, 64, false, "of that object"},
	{"api_version", MP_STR, 64, false, "of that object; v1 when absent"},
	{"field", MP_STR, 128, false, "fieldPath, like spec.containers{web}"},
	{"type", MP_STR, 16, true, "Normal or Warning"},
	{"reason", MP_STR, 128, true, "a CamelCase word"},
	{"message", MP_STR, 1024, true, "for people"},
	{"component", MP_STR, 128, true, "who saw it: default-scheduler, kubelet, ..."},
	{"host", MP_STR, 253, false, "on which node"},
	END,
};
static const struct msg_field object_create[] = {
	{"group", MP_STR, 253, true, "of the resource; empty: core"},
	{"version", MP_STR, 32, true, "of the resource"},
	{"resource", MP_STR, 64, true, "plural name"},
	{"namespace", MP_STR, 63, false, "where"},
	{"object", MP_MAP, 0, IS_REQUIRED | IS_SECRET, "the object"},
	END,
};
static const struct msg_field object_write[] = {
	{"verb", MP_STR, 16, true, "create, update, merge (RFC 7386), apply (server side, with force) or delete"},
	{"group", MP_STR, 253, true, "of the resource; empty: core"},
	{"version", MP_STR, 32, true, "of the resource"},
	{"resource", MP_STR, 64, true, "plural name"},
	{"namespace", MP_STR, 63, false, "where"},
	{"name", MP_STR, 253, false, "of the object; a create has it in the object"},
	{"object", MP_MAP, 0, IS_SECRET, "the object, or the patch; of a delete absent"},
	{"uid", MP_STR, 64, false, "delete: that object, and no other of its name"},
	{"basis", MP_ARRAY, 50, false,
	 "[key, version] pairs that the write rests on, version 0: no such key; when one has moved on: 409"},
	{"fence", MP_ARRAY, 2, false, "[key, version] of a singleton's fence: not that one now: fenced"},
	END,
};
static const struct msg_field pod_token[] = {
	{"namespace", MP_STR, 63, true, "of the pod"},
	{"name", MP_STR, 253, true, "of the pod"},
	{"uid", MP_STR, 64, true, "of the pod, which the token is bound to"},
	{"audience", MP_STR, 4096, true, "whom it is for; empty: the API"},
	{"seconds", MP_INT, 0, true, "how long it is good, from 600"},
	END,
};
static const struct msg_field pod_mirror[] = {
	{"object", MP_MAP, 0, IS_REQUIRED | IS_SECRET, "the pod, bound to the node and marked as a mirror"},
	END,
};
static const struct msg_field token_made[] = {
	{"token", MP_STR, 0, IS_REQUIRED | IS_SECRET, "of the pod's service account (RFC 7519)"},
	{"until_s", MP_INT, 0, true, "seconds since 1970: its end"},
	END,
};
static const struct msg_field written[] = {
	{"code", MP_INT, 0, true, "as HTTP: 200, 201, 404, 409, ..."},
	{"version", MP_INT, 0, true, "resourceVersion, 0 when refused"},
	{"message", MP_STR, 4096, false, "why it was refused"},
	END,
};

static const struct msg_row rows[] = {
	{72, "pod.status", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, pod_status,
	 "what became of a pod on its node"},
	{73, "pod.status.written", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{74, "pod.finished", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, pod_finished,
	 "a terminating pod has no container left: delete it"},
	{75, "pod.finished.written", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{76, "node.status", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, node_status,
	 "the node's own state"},
	{77, "node.status.written", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{78, "event.record", CLASS_SEND, ROLE_CELL | ROLE_NODE, event_record,
	 "a Kubernetes Event"},
	{80, "object.create", CLASS_REQUEST, ROLE_CELL | ROLE_FOREIGN, object_create,
	 "any object, by the same rules as the API"},
	{81, "object.created", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{82, "node.heartbeat", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, node_heartbeat,
	 "the node lives: its Lease in kube-node-lease is renewed"},
	{83, "node.heard", CLASS_REPLY, ROLE_CELL, node_heard, "whether there is more to say"},
	{86, "object.write", CLASS_REQUEST, ROLE_CELL | ROLE_FOREIGN, object_write,
	 "any write of any object, by the same rules as the API"},
	{87, "object.written", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{88, "pod.token", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, pod_token,
	 "a token for a pod, by the node that it is bound to"},
	{89, "pod.token.made", CLASS_REPLY, ROLE_CELL, token_made, "that token"},
	{90, "pod.mirror", CLASS_REQUEST, ROLE_CELL | ROLE_NODE, pod_mirror,
	 "what a node shows of a pod of its own"},
	{91, "pod.mirrored", CLASS_REPLY, ROLE_CELL, written, "done or refused"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table gate_messages = {"gate", rows};
