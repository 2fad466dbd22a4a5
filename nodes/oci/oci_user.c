#include "nodes/oci/oci_user.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 256 * 1024, ID_MAX = 2147483647 };

/* A file of the image, from the topmost layer that has it; "" when none does. */
static char *slurp(struct arena *a, const struct image *image, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	char *text = NULL;
	size_t n = 0;
	while (image->layers && image->layers[n])
		n++;
	while (n-- > 0 && !text) {
		int dir = open(image->layers[n], O_PATH | O_DIRECTORY | O_CLOEXEC);
		int fd = dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
		if (dir >= 0)
			close(dir);
		if (fd < 0)
			continue;
		text = arena_alloc(a, FILE_BYTES_MAX + 1);
		size_t len = 0;
		ssize_t got;
		while (len < FILE_BYTES_MAX && (got = read(fd, text + len, FILE_BYTES_MAX - len)) > 0)
			len += (size_t)got;
		close(fd);
	}
	return text ? text : arena_dup(a, "");
}

static bool number(const char *text, int64_t *out)
{
	char *end;
	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return false;
	*out = strtoll(text, &end, 10);
	return *out <= ID_MAX;
}

/* Calls each(arg, fields, count) for every line; fields are cut at colons. */
static void each_line(char *text, void (*each)(void *arg, char **fields, size_t count), void *arg)
{
	char *line, *more = NULL;
	for (line = strtok_r(text, "\n", &more); line; line = strtok_r(NULL, "\n", &more)) {
		char *fields[8] = {line};
		size_t n = 1;
		for (char *c = line; *c && n < 8; c++)
			if (*c == ':') {
				*c = 0;
				fields[n++] = c + 1;
			}
		each(arg, fields, n);
	}
}

struct search {
	const char *name; /* or NULL: by uid */
	int64_t uid, gid;
	bool found;
	char user[256]; /* its name in passwd; "" */
	struct oci_user *out;
};

static void in_passwd(void *arg, char **f, size_t n)
{
	struct search *s = arg;
	int64_t uid, gid;
	if (s->found || n < 4 || !number(f[2], &uid) || !number(f[3], &gid) ||
	    (s->name ? strcmp(f[0], s->name) != 0 : uid != s->uid))
		return;
	s->found = true;
	s->uid = uid;
	s->gid = gid;
	strncpy(s->user, f[0], sizeof s->user - 1);
}

static void add_group(struct oci_user *u, int64_t gid)
{
	for (size_t i = 0; i < u->group_count; i++)
		if (u->groups[i] == gid)
			return;
	if (u->group_count < OCI_GROUPS_MAX)
		u->groups[u->group_count++] = gid;
}

/* Groups of which the user is a member. */
static void in_group(void *arg, char **f, size_t n)
{
	struct search *s = arg;
	int64_t gid;
	char *more = NULL;
	if (n < 4 || !s->user[0] || !number(f[2], &gid))
		return;
	for (char *m = strtok_r(f[3], ",", &more); m; m = strtok_r(NULL, ",", &more))
		if (strcmp(m, s->user) == 0)
			add_group(s->out, gid);
}

static void group_named(void *arg, char **f, size_t n)
{
	struct search *s = arg;
	if (n >= 3 && !s->found && strcmp(f[0], s->name) == 0 && number(f[2], &s->gid))
		s->found = true;
}

static void add_asked(const struct oci_container *c, struct oci_user *out)
{
	struct mp context, list;
	size_t n = 0;
	int64_t gid;
	if (!mp_find(c->pod, "securityContext", &context))
		return;
	if ((gid = mp_path_int(context, "fsGroup", -1)) >= 0)
		add_group(out, gid);
	if (!mp_find(context, "supplementalGroups", &list) || mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (mp_i64(&list, &gid) == 0)
			add_group(out, gid);
}

/* The image adds no groups. */
static bool is_strict(const struct oci_container *c)
{
	return span_is(mp_path_str(c->pod, "securityContext.supplementalGroupsPolicy"), "Strict");
}

static int64_t asked(const struct oci_container *c, const char *field)
{
	struct mp m;
	int64_t v;
	return oci_security(c, field, &m) && mp_i64(&m, &v) == 0 ? v : -1;
}

static int check_non_root(const struct oci_container *c, const struct image *image,
			  const char *title, const struct oci_user *u, bool by_name, struct err *e)
{
	struct mp m;
	bool wanted = false;
	struct span name = mp_path_str(c->container, "name");
	if (!oci_security(c, "runAsNonRoot", &m) || mp_bool(&m, &wanted) || !wanted)
		return 0;
	if (asked(c, "runAsUser") == 0)
		return err_set(e, ERR_INVALID,
			       "container's runAsUser breaks non-root policy (pod: \"%s\", "
			       "container: %.*s)", title, (int)name.len, (const char *)name.data);
	if (asked(c, "runAsUser") > 0)
		return 0;
	if (by_name)
		return err_set(e, ERR_INVALID,
			       "container has runAsNonRoot and image has non-numeric user (%s), "
			       "cannot verify user is non-root (pod: \"%s\", container: %.*s)",
			       image->user, title, (int)name.len, (const char *)name.data);
	if (u->uid == 0)
		return err_set(e, ERR_INVALID,
			       "container has runAsNonRoot and image will run as root (pod: \"%s\", "
			       "container: %.*s)", title, (int)name.len, (const char *)name.data);
	return 0;
}

/* "user", "user:group", each a name or a number. */
static int by_image(struct arena *a, const struct image *image, struct search *s, bool *by_name,
		    struct err *e)
{
	char *user = arena_dup(a, image->user ? image->user : "");
	char *group = strchr(user, ':');
	if (group)
		*group++ = 0;
	if (!*user)
		user = arena_dup(a, "0");
	*by_name = !number(user, &s->uid);
	s->name = *by_name ? user : NULL;
	each_line(slurp(a, image, "etc/passwd"), in_passwd, s);
	if (*by_name && !s->found)
		return err_set(e, ERR_NOT_FOUND, "unable to find user %s: no matching entries in passwd file",
			       user);
	if (!group || !*group || number(group, &s->gid))
		return 0;
	struct search g = {.name = group};
	each_line(slurp(a, image, "etc/group"), group_named, &g);
	if (!g.found)
		return err_set(e, ERR_NOT_FOUND, "unable to find group %s: no matching entries in group file",
			       group);
	s->gid = g.gid;
	return 0;
}

int oci_user_find(const struct oci_container *c, const struct image *image, const char *title,
		  struct oci_user *out, struct err *e)
{
	struct arena a = {0};
	struct search s = {.uid = asked(c, "runAsUser"), .out = out};
	int64_t group = asked(c, "runAsGroup");
	bool by_name = false;
	int rc = 0;
	memset(out, 0, sizeof *out);
	if (s.uid >= 0)
		each_line(slurp(&a, image, "etc/passwd"), in_passwd, &s);
	else
		rc = by_image(&a, image, &s, &by_name, e);
	if (rc == 0) {
		out->uid = s.uid;
		out->gid = group >= 0 ? group : s.gid;
		add_group(out, out->gid);
		if (!is_strict(c))
			each_line(slurp(&a, image, "etc/group"), in_group, &s);
		add_asked(c, out);
		rc = check_non_root(c, image, title, out, by_name, e);
	}
	arena_fini(&a);
	return rc;
}
