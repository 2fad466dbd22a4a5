/* Containers that are processes of this machine. */
#include "nodes/runtime_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"
#include "nodes/last_words.h"
#include "nodes/launcher/launcher.h"
#include "nodes/port_body.h"
#include "nodes/process_user.h"
#include "nodes/runtime_machine.h"

/* ---- addresses */

static uint32_t hash(const char *text, uint32_t h)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return h;
}

/* 127.96.0.0/16 is for services, 127.0.0.0/16 for the machine itself. */
static void address_of(const char *uid, unsigned try, char out[16])
{
	uint32_t h = hash(uid, 2166136261u + try * 7919u);
	unsigned a = 1 + (h >> 16) % 254, b = h >> 8 & 255, c = 1 + (h & 255) % 254;
	if (a == 96)
		a = 97;
	snprintf(out, 16, "127.%u.%u.%u", a, b, c);
}

static bool owns(const char *path, const char *uid)
{
	char text[LAUNCHER_UID_BYTES_MAX + 1] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	return n > 0 && strcmp(text, uid) == 0;
}

static bool claim(const char *path, const char *uid)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return owns(path, uid);
	bool good = write(fd, uid, strlen(uid)) == (ssize_t)strlen(uid);
	close(fd);
	return good;
}

static void address_take(struct pod *p, char out[POD_ADDRESS_MAX])
{
	char path[600];
	for (unsigned try = 0; try < 64; try++) {
		address_of(p->uid, try, out);
		snprintf(path, sizeof path, "%s/ips/%s", p->m->data_dir, out);
		if (claim(path, p->uid))
			return;
	}
}

static void address_free(struct pod *p)
{
	char path[600], ip[16];
	for (unsigned try = 0; try < 64; try++) {
		address_of(p->uid, try, ip);
		snprintf(path, sizeof path, "%s/ips/%s", p->m->data_dir, ip);
		if (!owns(path, p->uid))
			continue;
		unlink(path);
		return;
	}
}


/* ---- the kind */

static int open_kind(struct machine *m, struct mp cfg, struct err *e)
{
	char path[600];
	(void)cfg;
	(void)e;
	snprintf(path, sizeof path, "%s/ips", m->data_dir);
	mkdir(path, 0700);
	return 0;
}

static void start(struct pod *p, struct mp body)
{
	struct arena a = {0};
	char *cwd = body_text(&a, body, "cwd");
	struct span policy = mp_path_str(body, "messagePolicy");
	struct err e = {0};
	struct pause_start s = {
		.name = body_text(&a, body, "name"),
		.attempt = (uint32_t)mp_path_int(body, "attempt", 0),
		.argv = body_texts(&a, body, "argv"),
		.env = body_texts(&a, body, "env"),
		.cwd = *cwd ? cwd : NULL,
		.in = mp_path_bool(body, "stdin", false),
		.in_once = mp_path_bool(body, "stdinOnce", false),
		.tty = mp_path_bool(body, "tty", false),
	};
	struct process_user user;
	if (process_user_find(body, geteuid(), &user, &e)) {
		machine_start_waits(p, s.name, s.attempt, "CreateContainerConfigError", e.text);
		arena_fini(&a);
		return;
	}
	s.uid = user.uid;
	s.gid = user.gid;
	s.groups = user.groups;
	/* No path is this container's alone, so there is no file for its words. */
	if (last_words_begin(&a, p->dir, s.name, s.attempt, policy, NULL, &e))
		machine_start_failed(p, s.name, s.attempt, e.text);
	else
		machine_start(p, &s);
	arena_fini(&a);
}

static size_t put_attempt(struct pod *p, const struct pause_attempt *at, struct buf *b)
{
	if (!at->ended)
		return 0;
	last_words_put(p->dir, at, b);
	return 1;
}

static const struct container_kind process_kind = {
	.name = "process",
	.open = open_kind,
	.address = address_take,
	.start = start,
	.attempt = put_attempt,
	.forget = address_free,
};

static int open_port(struct port *port, struct mp cfg, struct err *e)
{
	return machine_open(port, &process_kind, cfg, e);
}

const struct port_driver runtime_process_port_driver = {
	.name = "runtime-process",
	.open = open_port,
	.call = machine_call,
	.close = machine_close,
};
