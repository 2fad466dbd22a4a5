#include "nodes/runtime_oci.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/schema/json.h"
#include "broker/base/log.h"
#include "broker/base/mem.h"
#include "nodes/images/images.h"
#include "nodes/last_words.h"
#include "nodes/launcher/launcher.h"
#include "nodes/network/pod_names.h"
#include "nodes/oci/oci_bundle.h"
#include "nodes/oci/oci_cgroup.h"
#include "nodes/oci/oci_disk.h"
#include "nodes/images/name.h"
#include "nodes/oci/oci_figures.h"
#include "nodes/oci/oci_file.h"
#include "nodes/oci/oci_handlers.h"
#include "nodes/oci/oci_images.h"
#include "nodes/oci/oci_network.h"
#include "nodes/oci/oci_program.h"
#include "nodes/oci/oci_pulls.h"
#include "nodes/oci/oci_volumes.h"
#include "nodes/port_body.h"
#include "nodes/runtime.h"
#include "nodes/runtime_machine.h"
#include "nodes/sysctls.h"

enum { SHM_BYTES = 64 * 1024 * 1024 };

struct oci {
	struct oci_program program;
	struct oci_handlers *handlers;
	struct images *images;
	struct oci_pulls *pulls;
	struct oci_images *in_use;
	struct oci_figures *figures;
	struct oci_disk *disk;
	struct oci_network *network;
	struct oci_volumes *volumes;
	struct oci_machine facts;
	struct arena arena; /* what lives as long as the port */
};

/* What a pod of this kind has more. */
struct oci_pod {
	bool host_network;
};

static struct oci *oci_of(struct machine *m)
{
	return m->kind_state;
}

/* ---- images */

static void tell_image(struct machine *m, uint64_t pod, const char *name,
		       const struct oci_pull_end *end, bool pulled, int64_t bytes, const char *reason)
{
	struct buf b = {0};
	mpw_map(&b, 8);
	mpw_kv_str(&b, "name", name);
	mpw_kv_bool(&b, "good", end->good);
	mpw_kv_bool(&b, "pulled", pulled);
	mpw_kv_i64(&b, "pull_ms", end->pull_ms);
	mpw_kv_i64(&b, "wait_ms", end->wait_ms);
	mpw_kv_i64(&b, "bytes", bytes);
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "text", end->text ? end->text : "");
	machine_tell(m, RUNTIME_IMAGED, pod, &b);
}

static void on_pulled(void *arg, uint64_t pod, const char *name, const struct oci_pull_end *end)
{
	struct machine *m = arg;
	struct arena a = {0};
	struct image image = {.bytes = 0};
	if (end->good)
		images_find(oci_of(m)->images, end->image, &a, &image, NULL);
	oci_images_look(oci_of(m)->in_use);
	tell_image(m, pod, name, end, true, image.bytes, end->good ? "" : "ErrImagePull");
	arena_fini(&a);
}

static void tell_pulling(struct machine *m, uint64_t pod, const char *name)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "name", name);
	mpw_kv_bool(&b, "pulling", true);
	machine_tell(m, RUNTIME_IMAGED, pod, &b);
}

/* One config.json of several: of two words for a registry the first counts. */
static struct span merge_auths(struct arena *a, struct mp body)
{
	struct doc *all = doc_new(a, DOC_MAP), *whole = doc_new(a, DOC_MAP);
	struct buf text = {0};
	const char **texts = body_texts(a, body, "auths");
	for (size_t i = 0; texts[i]; i++) {
		struct doc *d = NULL;
		if (json_parse(a, span_of(texts[i]), &d, NULL, NULL))
			continue;
		struct doc *auths = doc_get(d, "auths");
		DOC_EACH(it, doc_is(auths, DOC_MAP) ? auths : NULL)
			if (!doc_get_span(all, it->key))
				doc_set_span(a, all, it->key, doc_copy(a, it));
	}
	if (!all->count)
		return (struct span){0};
	doc_set(a, whole, "auths", all);
	json_from_doc(&text, whole);
	struct span out = {(uint8_t *)arena_ndup(a, text.data, text.len), text.len};
	buf_fini(&text);
	return out;
}

static void have_image(struct machine *m, uint64_t pod, struct mp body)
{
	struct arena a = {0};
	const char *name = body_text(&a, body, "name"), *text = body_text(&a, body, "image");
	struct span pull = mp_path_str(body, "pull");
	struct image_name parsed;
	struct image image;
	struct err e = {0};
	struct oci_pull_end end = {.image = text};
	if (image_name_parse(&a, span_of(text), &parsed, &e)) {
		end.text = arena_printf(&a, "Failed to apply default image tag \"%s\": couldn't parse "
					    "image name \"%s\": invalid reference format", text, text);
		tell_image(m, pod, name, &end, false, 0, "InvalidImageName");
		goto out;
	}
	bool here = images_find(oci_of(m)->images, text, &a, &image, &e) == 0 && image.unpacked;
	if (here && !span_is(pull, "always")) {
		end.good = true;
		tell_image(m, pod, name, &end, false, image.bytes, "");
	} else if (span_is(pull, "never")) {
		end.text = arena_printf(&a, "Container image \"%s\" is not present with pull policy "
					    "of Never", text);
		tell_image(m, pod, name, &end, false, 0, "ErrImageNeverPull");
	} else {
		tell_pulling(m, pod, name);
		oci_pulls_ask(oci_of(m)->pulls, text, pod, name, merge_auths(&a, body));
	}
out:
	arena_fini(&a);
}

/* Of what it has it keeps its logs, and how its containers ended. */
static void retire(struct pod *p)
{
	if (pause_alive(p->dir, NULL)) { /* it was given up, and lives */
		machine_tell(p->m, RUNTIME_RETIRED, p->id, &(struct buf){0});
		return;
	}
	oci_pulls_drop(oci_of(p->m)->pulls, p->id);
	oci_images_unuse(oci_of(p->m)->in_use, p->uid);
	oci_network_forget(oci_of(p->m)->network, p->uid);
	oci_volumes_retire(oci_of(p->m)->volumes, p);
}

/* Of what runs. */
static void update(struct pod *p, struct mp body)
{
	struct arena a = {0};
	struct buf b = {0};
	struct mp resources = {0};
	struct err e = {0};
	const char *name = body_text(&a, body, "name");
	uint32_t attempt = (uint32_t)mp_path_int(body, "attempt", 0);
	mp_find(body, "resources", &resources);
	struct oci_limits limits = oci_limits_of(resources, (struct mp){0}); /* no pod that has its own */
	int rc = oci_cgroup_limit(arena_printf(&a, "/troupe/%s/%s.%u", p->uid, name, attempt), name, &limits, &e);
	mpw_map(&b, 4);
	mpw_kv_str(&b, "name", name);
	mpw_kv_u64(&b, "attempt", attempt);
	mpw_kv_bool(&b, "good", rc == 0);
	mpw_kv_str(&b, "text", rc ? e.text : "");
	machine_tell(p->m, RUNTIME_UPDATED, p->id, &b);
	arena_fini(&a);
}

static void on_reclaimed(void *arg)
{
	struct machine *m = arg;
	machine_tell(m, RUNTIME_RECLAIMED, 0, &(struct buf){0});
	oci_figures_soon(oci_of(m)->figures);
}

static bool call(struct machine *m, uint32_t op, uint64_t id, uint32_t arg, struct mp body)
{
	(void)arg;
	struct pod *p = machine_pod(m, id);
	if (op == RUNTIME_IMAGE)
		have_image(m, id, body);
	else if (op == RUNTIME_VOLUMES && p)
		oci_volumes_refresh(oci_of(m)->volumes, p, body);
	else if (op == RUNTIME_RETIRE && p)
		retire(p);
	else if (op == RUNTIME_RECLAIM)
		oci_images_reclaim(oci_of(m)->in_use);
	else if (op == RUNTIME_UPDATE && p)
		update(p, body);
	return op == RUNTIME_IMAGE || op == RUNTIME_VOLUMES || op == RUNTIME_RETIRE ||
	       op == RUNTIME_RECLAIM || op == RUNTIME_UPDATE;
}

/* ---- the node */

/* The profile of the containers' tools; without it RuntimeDefault is refused. */
static const struct doc *read_profile(struct arena *a)
{
	static const char path[] = "/usr/share/containers/seccomp.json";
	struct doc *d = NULL;
	FILE *f = fopen(path, "re");
	char *text = arena_alloc(a, 256 * 1024);
	size_t n = f ? fread(text, 1, 256 * 1024, f) : 0;
	if (f)
		fclose(f);
	if (n == 0 || json_parse(a, (struct span){(uint8_t *)text, n}, &d, NULL, NULL))
		return NULL;
	return d;
}

/* What pulls of an agent that was killed have left may be large. */
static void tidy(struct machine *m)
{
	char work[600];
	images_tidy(oci_of(m)->images);
	snprintf(work, sizeof work, "%s/images/work", m->data_dir);
	oci_volumes_drop(oci_of(m)->volumes, work);
}

static int open_kind(struct machine *m, struct mp cfg, struct err *e)
{
	struct oci *o = mem_alloc(sizeof *o);
	struct arena *a = &o->arena;
	m->kind_state = o;
	char *wanted = body_text(a, cfg, "program");
	const char *dir = arena_printf(a, "%s/images", m->data_dir);
	int rc = oci_program_noted(m->data_dir, *wanted ? wanted : NULL, &o->program, e);
	rc = rc ? rc : oci_handlers_new(&o->handlers, &o->program, cfg, e);
	rc = rc ? rc : images_open(&o->images, dir, e);
	rc = rc ? rc : oci_network_open(&o->network, m->data_dir, m->node, m->pods_dir, cfg, e);
	rc = rc ? rc : oci_volumes_new(&o->volumes, m, e);
	if (rc == 0)
		tidy(m);
	rc = rc ? rc : oci_disk_new(&o->disk, m, cfg, e);
	o->in_use = oci_images_new(m, o->images, cfg, on_reclaimed);
	o->figures = oci_figures_new(m, cfg);
	o->pulls = oci_pulls_new(m->port->loop, m->data_dir, m->node,
				 (uint64_t)mp_path_int(cfg, "pull-patience", 300000000), on_pulled, m);
	o->facts = (struct oci_machine){
		.profile = read_profile(a),
		.powers = oci_powers_here(),
		.memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
	};
	return rc;
}

static void close_kind(struct machine *m)
{
	struct oci *o = oci_of(m);
	if (!o)
		return;
	oci_volumes_free(o->volumes);
	oci_pulls_free(o->pulls);
	oci_images_free(o->in_use);
	oci_figures_free(o->figures);
	oci_disk_free(o->disk);
	images_close(o->images);
	oci_network_close(o->network);
	oci_handlers_free(o->handlers);
	arena_fini(&o->arena);
	free(o);
}

static bool apparmor_here(void)
{
	char text[2] = "";
	int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, 1) : -1;
	if (fd >= 0)
		close(fd);
	return n == 1 && text[0] == 'Y';
}

static size_t put_info(struct machine *m, struct buf *b)
{
	const struct oci_program *p = &oci_of(m)->program;
	char text[128];
	snprintf(text, sizeof text, "%s://%s", p->name, p->version);
	mpw_kv_str(b, "runtime", text);
	mpw_kv_bool(b, "apparmor", apparmor_here());
	mpw_str(b, "handlers");
	oci_handlers_put(oci_of(m)->handlers, b);
	return 3;
}

/* ---- the sandbox */

static void learn(struct pod *p, struct mp body)
{
	struct mp pod;
	if (!mp_find(body, "pod", &pod))
		return;
	if (!p->state)
		p->state = mem_alloc(sizeof(struct oci_pod));
	((struct oci_pod *)p->state)->host_network = mp_path_bool(pod, "spec.hostNetwork", false);
}

static bool is_on_host(const struct pod *p)
{
	const struct oci_pod *s = p->state;
	return s && s->host_network;
}

static void put_runtime(struct buf *b, const struct pod *p, const struct oci_program *program)
{
	char root[600];
	snprintf(root, sizeof root, "%s/oci", p->dir);
	mpw_str(b, "runtime");
	mpw_array(b, 3);
	mpw_bin(b, span_of(program->path));
	mpw_bin(b, span_of("--root"));
	mpw_bin(b, span_of(root));
}

static size_t put_sysctls(struct buf *b, struct mp spec)
{
	struct mp context, list;
	size_t n;
	if (!mp_find(spec, "securityContext", &context) || !mp_find(context, "sysctls", &list) ||
	    mp_array(&list, &n))
		return 0;
	mpw_str(b, "sysctls");
	mpw_array(b, n);
	for (size_t i = 0; i < n; i++, mp_skip(&list)) {
		mpw_array(b, 2);
		mpw_span(b, mp_path_str(list, "name"));
		mpw_span(b, mp_path_str(list, "value"));
	}
	return 1;
}

static void tell_warning(struct pod *p, const char *reason, const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 2);
	mpw_kv_str(&b, "reason", reason);
	mpw_kv_str(&b, "text", text);
	machine_tell(p->m, RUNTIME_WARNING, p->id, &b);
}

static int prepare(struct pod *p, struct mp body, struct err *e)
{
	struct arena a = {0};
	struct buf b = {0};
	struct mp pod = {0}, spec = {0};
	struct oci_network_made made;
	learn(p, body);
	if (mp_find(body, "pod", &pod))
		mp_find(pod, "spec", &spec);
	const char *forbidden = sysctls_forbidden(&a, pod);
	if (forbidden) { /* of the machine itself: never, whoever asks */
		err_set(e, ERR_FORBIDDEN, "%s", forbidden);
		arena_fini(&a);
		return ERR_FORBIDDEN;
	}
	if (!mp_path_bool(spec, "hostUsers", true)) { /* never more than was asked for */
		arena_fini(&a);
		return err_set(e, ERR_UNSUPPORTED, "can't set `spec.hostUsers: false`, runtime does not "
			       "support user namespaces");
	}
	struct span handler = mp_path_str(body, "handler");
	const struct oci_program *program = oci_handlers_find(oci_of(p->m)->handlers, handler);
	if (!program) {
		arena_fini(&a);
		return err_set(e, ERR_UNSUPPORTED, "no runtime for \"%.*s\" is configured",
			       (int)handler.len, (const char *)handler.data);
	}
	if (mkdir(p->dir, 0700) != 0 && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %s", p->dir, strerror(errno));
	bool shares = mp_path_bool(spec, "hostIPC", false);
	size_t at = mpw_map_open(&b), n = 7;
	put_runtime(&b, p, program);
	mpw_kv_bool(&b, "pids", mp_path_bool(spec, "shareProcessNamespace", false));
	mpw_kv_bool(&b, "uts", !is_on_host(p));
	mpw_kv_bool(&b, "ipc", !shares);
	mpw_kv_u64(&b, "shm", shares ? 0 : SHM_BYTES);
	mpw_str(&b, "network");
	struct oci_network_pod network = {p->uid, p->dir, pod};
	int rc = oci_network_prepare(oci_of(p->m)->network, &a, &network, &b, &made, e);
	mpw_kv_str(&b, "hostname", made.hostname);
	for (size_t i = 0; i < made.warning_count; i++)
		tell_warning(p, "DNSConfigForming", made.warnings[i]);
	n += put_sysctls(&b, spec);
	n += oci_volumes_put(&b, body);
	mpw_map_close(&b, at, n);
	rc = rc ? rc : oci_write_file(arena_printf(&a, "%s/sandbox", p->dir), span_buf(&b), e);
	oci_volumes_clean(oci_of(p->m)->volumes, p);
	mkdir(arena_printf(&a, "%s/" BUNDLES_DIR, p->dir), 0700);
	buf_fini(&b);
	arena_fini(&a);
	return rc ? rc : oci_volumes_prepare(oci_of(p->m)->volumes, p, body);
}

static void address(struct pod *p, char out[POD_ADDRESS_MAX])
{
	oci_network_address(oci_of(p->m)->network, p->uid, is_on_host(p), out);
}

/* ---- containers */

static bool find_container(struct mp spec, const char *name, struct mp *out)
{
	static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
	for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
		struct mp list;
		size_t n;
		if (!mp_find(spec, lists[l], &list) || mp_array(&list, &n))
			continue;
		for (size_t i = 0; i < n; i++, mp_skip(&list))
			if (span_is(mp_path_str(list, "name"), name)) {
				*out = list;
				return true;
			}
	}
	return false;
}

static int find_image(struct pod *p, struct arena *a, const char *name, struct image *out,
		      struct err *e)
{
	int rc = images_find(oci_of(p->m)->images, name, a, out, e);
	if (rc == 0 && !out->unpacked)
		rc = err_set(e, ERR_IO, "image %s is not unpacked", name);
	return rc;
}

static void cgroup_of(const struct pod *p, char out[LAUNCHER_UID_BYTES_MAX + 16])
{
	snprintf(out, LAUNCHER_UID_BYTES_MAX + 16, "/troupe/%s", p->uid);
}

/* What limits the pod as a whole is there before its containers. */
static int make_group(const struct pod *p, struct mp spec, struct err *e)
{
	char cgroup[LAUNCHER_UID_BYTES_MAX + 16];
	struct mp whole;
	if (!mp_find(spec, "resources", &whole))
		return 0;
	struct oci_limits limits = oci_limits_of(whole, (struct mp){0});
	cgroup_of(p, cgroup);
	return oci_cgroup_make(cgroup, &limits, e);
}

/* What the pod worker does not know: on the machine's network its name is the machine's. */
static const char **env_of(struct arena *a, struct mp body)
{
	static const char key[] = "HOSTNAME=";
	const char **given = body_texts(a, body, "env");
	char machine[HOST_NAME_MAX + 1] = "";
	size_t n = 0;
	struct mp pod;
	bool named = !mp_find(body, "pod", &pod) || !pod_host_network(pod);
	for (; given[n]; n++)
		named = named || strncmp(given[n], key, sizeof key - 1) == 0;
	if (named || gethostname(machine, sizeof machine - 1))
		return given;
	const char **all = arena_alloc(a, (n + 2) * sizeof *all);
	memcpy(all, given, n * sizeof *all);
	all[n] = arena_printf(a, "%s%s", key, machine);
	return all;
}

static void start(struct pod *p, struct mp body)
{
	struct arena a = {0};
	struct err e = {0};
	struct mp pod, spec;
	struct oci_bundle b = {
		.machine = &oci_of(p->m)->facts,
		.dir = p->dir,
		.uid = p->uid,
		.name = body_text(&a, body, "name"),
		.attempt = (uint32_t)mp_path_int(body, "attempt", 0),
		.command = body_texts(&a, body, "command"),
		.args = body_texts(&a, body, "args"),
		.env = env_of(&a, body),
		.cwd = body_text(&a, body, "cwd"),
		.shm = !mp_path_bool(body, "pod.spec.hostIPC", false),
	};
	learn(p, body);
	if (!mp_find(body, "pod", &pod) || !mp_find(pod, "spec", &spec) ||
	    !find_container(spec, b.name, &b.container)) {
		machine_start_failed(p, b.name, b.attempt, "the pod has no such container");
		goto out;
	}
	b.pod = pod;
	b.spec = spec;
	struct span image = mp_path_str(b.container, "image");
	const char *image_name = arena_ndup(&a, image.data, image.len);
	if (find_image(p, &a, image_name, &b.image, &e)) {
		machine_start_waits(p, b.name, b.attempt, "ErrImagePull", e.text);
		goto out;
	}
	struct oci_volume_mounts v = {0};
	struct mp mounts = {0};
	mp_find(body, "mounts", &mounts);
	struct oci_network_pod network = {p->uid, p->dir, pod};
	int rc = oci_network_hosts(oci_of(p->m)->network, &a, &network, &e);
	rc = rc ? rc : oci_volumes_mounts(&a, p->dir, b.name, b.attempt, mounts, &v, &e);
	b.mounts = v.all;
	b.mount_count = v.count;
	struct pause_start s = {.subpaths = v.subpaths, .name = b.name, .attempt = b.attempt, .uid = -1, .gid = -1,
				.in = mp_path_bool(b.container, "stdin", false),
				.in_once = mp_path_bool(b.container, "stdinOnce", false),
				.tty = mp_path_bool(b.container, "tty", false)};
	rc = rc ? rc : make_group(p, spec, &e);
	rc = rc ? rc : oci_bundle_make(&a, &b, &s, &e);
	if (rc)
		machine_start_waits(p, b.name, b.attempt, rc == ERR_INVALID ? "CreateContainerConfigError"
									    : "CreateContainerError", e.text);
	else
		machine_start(p, &s);
out:
	arena_fini(&a);
}

/* ---- how they ended */

static size_t put_attempt(struct pod *p, const struct pause_attempt *at, struct buf *b)
{
	oci_images_use(oci_of(p->m)->in_use, p->uid, at->image);
	mpw_kv_str(b, "image", at->image);
	mpw_kv_bool(b, "oom", at->oom);
	if (!at->ended)
		return 2;
	last_words_put(p->dir, at, b);
	return 3;
}

/* ---- the end of a pod */

/* The pause takes its mounts and namespaces along, not what runs in them. */
static bool sweep(struct pod *p)
{
	char cgroup[LAUNCHER_UID_BYTES_MAX + 16];
	cgroup_of(p, cgroup);
	bool undone = oci_network_down(oci_of(p->m)->network, p->uid);
	return oci_cgroup_remove(cgroup) && undone;
}

static void forget(struct pod *p)
{
	sweep(p);
	oci_pulls_drop(oci_of(p->m)->pulls, p->id);
	oci_images_unuse(oci_of(p->m)->in_use, p->uid);
	oci_network_forget(oci_of(p->m)->network, p->uid);
}

static void remove_dir(struct pod *p)
{
	oci_volumes_remove(oci_of(p->m)->volumes, p);
}

static void pod_free(struct pod *p)
{
	free(p->state);
}

static void attach_more(struct pod *p, struct mp body)
{
	struct oci_network_pod network = {.uid = p->uid, .dir = p->dir};
	learn(p, body);
	if (mp_find(body, "pod", &network.pod) && pause_alive(p->dir, NULL))
		oci_network_adopt(oci_of(p->m)->network, &network);
}

static uint64_t due(struct machine *m)
{
	uint64_t images = oci_images_due(oci_of(m)->in_use);
	uint64_t figures = oci_figures_due(oci_of(m)->figures);
	uint64_t disk = oci_disk_due(oci_of(m)->disk);
	figures = disk < figures ? disk : figures;
	return images < figures ? images : figures;
}

static const struct container_kind oci_kind = {
	.name = "oci",
	.open = open_kind,
	.close = close_kind,
	.info = put_info,
	.attach = attach_more,
	.prepare = prepare,
	.address = address,
	.start = start,
	.attempt = put_attempt,
	.sweep = sweep,
	.call = call,
	.due = due,
	.forget = forget,
	.remove = remove_dir,
	.pod_free = pod_free,
};

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	return machine_open(port, &oci_kind, cfg, e);
}

const struct port_driver runtime_oci_port_driver = {
	.name = "runtime-oci",
	.open = open_port,
	.call = machine_call,
	.close = machine_close,
};
