#include "nodes/oci/oci_cni.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "nodes/network/pod_cni.h"

struct oci_cni {
	struct arena arena;
	char *path;
	size_t count;
	struct {
		const char *program;
		const struct doc *config; /* with name and cniVersion */
		bool ports;               /* it can do portMappings */
	} plugins[POD_CNI_PLUGINS_MAX];
};

/* ---- reading */

static int read_file(struct arena *a, const char *file, struct doc **out, struct err *e)
{
	char *text = arena_alloc(a, POD_CNI_BYTES_MAX);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, POD_CNI_BYTES_MAX) : -1;
	int why = errno;
	struct err in = {0};
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(e, ERR_NOT_FOUND, "cni: %s: %s", file, strerror(why));
	if (json_parse(a, (struct span){(uint8_t *)text, (size_t)n}, out, NULL, &in) ||
	    !doc_is(*out, DOC_MAP))
		return err_set(e, ERR_INVALID, "cni: %s: %s", file,
			       in.text[0] ? in.text : "not a JSON object");
	return 0;
}

/* The executable of that type in one of the directories. */
static const char *find_program(struct oci_cni *c, struct span type)
{
	struct span list = span_of(c->path), dir;
	while (span_next(&list, ':', &dir)) {
		const char *path = arena_printf(&c->arena, "%.*s/%.*s", (int)dir.len,
						(const char *)dir.data, (int)type.len,
						(const char *)type.data);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

static int read_plugin(struct oci_cni *c, const struct doc *list, const struct doc *plugin,
		       struct err *e)
{
	struct arena *a = &c->arena;
	struct span type = doc_get_str(plugin, "type"), name = doc_get_str(list, "name");
	struct span version = doc_get_str(list, "cniVersion");
	if (c->count == POD_CNI_PLUGINS_MAX)
		return err_set(e, ERR_LIMIT, "cni: more than %d plugins", POD_CNI_PLUGINS_MAX);
	if (!type.len || memchr(type.data, '/', type.len))
		return err_set(e, ERR_INVALID, "cni: a plugin has no type");
	if (!name.len)
		return err_set(e, ERR_INVALID, "cni: the network has no name");
	struct doc *config = doc_copy(a, plugin);
	doc_set(a, config, "name", doc_span(a, name));
	doc_set(a, config, "cniVersion", version.len ? doc_span(a, version) : doc_str(a, "0.2.0"));
	c->plugins[c->count].ports = doc_path_bool(config, "capabilities.portMappings", false);
	doc_remove(config, "capabilities");
	c->plugins[c->count].config = config;
	c->plugins[c->count].program = find_program(c, type);
	if (!c->plugins[c->count++].program)
		return err_set(e, ERR_NOT_FOUND, "cni: there is no plugin '%.*s' in %s",
			       (int)type.len, (const char *)type.data, c->path);
	return 0;
}

static int read_list(struct oci_cni *c, const char *file, struct err *e)
{
	struct doc *d = NULL;
	int rc = read_file(&c->arena, file, &d, e);
	const struct doc *plugins = doc_get(d, "plugins");
	if (rc == 0 && doc_get(d, "type"))
		return read_plugin(c, d, d, e);
	if (rc == 0 && (!doc_is(plugins, DOC_ARRAY) || !plugins->count))
		rc = err_set(e, ERR_INVALID, "cni: %s: there are no plugins in it", file);
	if (rc)
		return rc;
	DOC_EACH(it, plugins)
		if (rc == 0)
			rc = read_plugin(c, d, it, e);
	return rc;
}

int oci_cni_open(struct oci_cni **out, const char *file, const char *path, struct err *e)
{
	struct oci_cni *c = mem_alloc(sizeof *c);
	c->path = mem_dup(path ? path : OCI_CNI_PATH);
	int rc = read_list(c, file, e);
	if (rc)
		oci_cni_close(c);
	else
		*out = c;
	return rc;
}

void oci_cni_close(struct oci_cni *c)
{
	if (!c)
		return;
	arena_fini(&c->arena);
	free(c->path);
	free(c);
}

/* ---- a pod */

static void add_port(struct arena *a, struct doc *list, struct mp port)
{
	int64_t number = mp_path_int(port, "hostPort", 0);
	struct span ip = mp_path_str(port, "hostIP"), protocol = mp_path_str(port, "protocol");
	if (number < 1)
		return;
	struct doc *one = doc_add(list, doc_new(a, DOC_MAP));
	doc_set_int(a, one, "hostPort", number);
	doc_set_int(a, one, "containerPort", mp_path_int(port, "containerPort", 0));
	doc_set_str(a, one, "protocol", span_is(protocol, "UDP")    ? "udp"
					: span_is(protocol, "SCTP") ? "sctp"
								    : "tcp");
	if (ip.len)
		doc_set(a, one, "hostIP", doc_span(a, ip));
}

static struct doc *host_ports(struct arena *a, struct mp pod)
{
	struct doc *out = doc_new(a, DOC_ARRAY);
	struct mp list, ports;
	size_t n = 0, count;
	if (!mp_path(pod, "spec.containers", &list) || mp_array(&list, &n))
		return out;
	for (; n > 0; n--, mp_skip(&list)) {
		if (!mp_find(list, "ports", &ports) || mp_array(&ports, &count))
			continue;
		for (; count > 0; count--, mp_skip(&ports))
			add_port(a, out, ports);
	}
	return out;
}

static void put_plugin(const struct oci_cni *c, size_t i, struct arena *a,
		       const struct doc *ports, struct buf *b)
{
	const struct doc *config = c->plugins[i].config;
	struct buf text = {0};
	if (c->plugins[i].ports && ports->count) {
		struct doc *own = doc_copy(a, config), *runtime = doc_new(a, DOC_MAP);
		doc_set(a, own, "runtimeConfig", runtime);
		doc_set(a, runtime, "portMappings", doc_copy(a, ports));
		config = own;
	}
	json_from_doc(&text, config);
	mpw_array(b, 2);
	mpw_str(b, c->plugins[i].program);
	mpw_span(b, span_buf(&text));
	buf_fini(&text);
}

int oci_cni_put(const struct oci_cni *c, struct arena *a, struct mp pod, const char *uid,
		struct buf *b, struct err *e)
{
	struct span name = mp_path_str(pod, "metadata.name");
	struct span ns = mp_path_str(pod, "metadata.namespace");
	struct doc *ports = host_ports(a, pod);
	bool able = !ports->count;
	for (size_t i = 0; i < c->count; i++)
		able = able || c->plugins[i].ports;
	if (!able)
		return err_set(e, ERR_UNSUPPORTED,
			       "host ports need a CNI plugin with the capability portMappings");
	mpw_str(b, "cni");
	mpw_map(b, 4);
	mpw_kv_str(b, "container", uid);
	mpw_kv_str(b, "args", arena_printf(a, "IgnoreUnknown=1;K8S_POD_NAMESPACE=%.*s;K8S_POD_NAME=%.*s;"
					      "K8S_POD_INFRA_CONTAINER_ID=%s;K8S_POD_UID=%s",
					   (int)ns.len, (const char *)ns.data, (int)name.len,
					   (const char *)name.data, uid, uid));
	mpw_kv_str(b, "path", c->path);
	mpw_str(b, "plugins");
	mpw_array(b, c->count);
	for (size_t i = 0; i < c->count; i++)
		put_plugin(c, i, a, ports, b);
	return 0;
}

/* "ips": [{"address": "10.1.2.3/24"}], or "ip4": {"ip": ...} of the versions before 0.3. */
bool oci_cni_address(const char *pod_dir, char *out, size_t max)
{
	char path[PATH_MAX];
	struct arena a = {0};
	struct doc *d = NULL;
	snprintf(path, sizeof path, "%s/" POD_CNI_RESULT, pod_dir);
	bool good = read_file(&a, path, &d, NULL) == 0;
	struct span ip = doc_path_str(d, "ips[0].address");
	if (!ip.len)
		ip = doc_path_str(d, "ip4.ip");
	const uint8_t *slash = ip.len ? memchr(ip.data, '/', ip.len) : NULL;
	if (slash)
		ip.len = (size_t)(slash - ip.data);
	good = good && ip.len > 0 && ip.len < max;
	if (good)
		span_text(out, max, ip);
	arena_fini(&a);
	return good;
}
