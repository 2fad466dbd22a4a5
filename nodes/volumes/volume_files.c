#include "nodes/volumes/volume_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes/volume_port.h"
#include "nodes/volumes/volume_plan.h"

/* ---- directories of the pod's own */

static bool is_name(struct span name)
{
	return name.len > 0 && name.len <= NAME_MAX && name.data[0] != '.' &&
	       !memchr(name.data, '/', name.len) && !memchr(name.data, 0, name.len);
}

/* The descriptor of a directory below `at`, made when it is not there. */
static int open_made(int at, const char *name, mode_t mode, bool *made, struct err *e)
{
	*made = mkdirat(at, name, 0700) == 0;
	if (!*made && errno != EEXIST)
		return err_set(e, ERR_IO, "%s: %s", name, strerror(errno));
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || (*made && fchmod(fd, mode))) {
		err_set(e, ERR_IO, "%s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	return fd;
}

static bool owner_of(struct mp volume, const atomic_bool *stop, struct volume_owner *out)
{
	int64_t gid = mp_path_int(volume, "gid", -1);
	*out = (struct volume_owner){
		.gid = (gid_t)gid,
		.always = mp_path_bool(volume, "always", true),
		.read_only = mp_path_bool(volume, "read_only", false),
		.stop = stop,
	};
	return gid >= 0;
}

/* An empty directory gets its group when it is made, and never again: from then on
 * it is its containers' to change. */
static int make_directory(int volumes, struct mp volume, const char *name,
			  const atomic_bool *stop, struct err *e)
{
	struct volume_owner owner;
	struct mp files;
	bool made, owned = owner_of(volume, stop, &owner);
	int fd = open_made(volumes, name, 0777, &made, e);
	int rc = fd < 0 ? fd : 0;
	if (!rc && made && owned)
		rc = volume_own(fd, &owner, e);
	if (!rc && span_is(mp_path_str(volume, "kind"), "files"))
		rc = mp_find(volume, "files", &files)
			     ? volume_write(fd, files, owned ? &owner : NULL, e)
			     : err_set(e, ERR_INVALID, "a volume without files");
	if (fd >= 0)
		close(fd);
	return rc;
}

void volume_memory_options(struct mp volume, char out[VOLUME_OPTIONS_BYTES])
{
	int64_t size = mp_path_int(volume, "size", 0);
	struct volume_owner owner;
	bool owned = owner_of(volume, NULL, &owner);
	int n = snprintf(out, VOLUME_OPTIONS_BYTES, "mode=%s", owned ? "3777" : "1777");
	if (owned)
		n += snprintf(out + n, VOLUME_OPTIONS_BYTES - (size_t)n, ",gid=%u", owner.gid);
	if (size > 0)
		snprintf(out + n, VOLUME_OPTIONS_BYTES - (size_t)n, ",size=%lld", (long long)size);
}

/* ---- paths of the host */

static const char *type_of(mode_t mode)
{
	return S_ISDIR(mode)	? "Directory"
	       : S_ISREG(mode)	? "File"
	       : S_ISSOCK(mode) ? "Socket"
	       : S_ISCHR(mode)	? "CharDevice"
	       : S_ISBLK(mode)	? "BlockDevice"
				: "";
}

static const struct host_type {
	const char *type, *is, *called;
	bool directory, file; /* made when it is not there */
} host_types[] = {
	{"", NULL, NULL, true, false}, /* as containerd does */
	{"Directory", "Directory", "directory", false, false},
	{"DirectoryOrCreate", "Directory", "directory", true, false},
	{"File", "File", "file", false, false},
	{"FileOrCreate", "File", "file", false, true},
	{"Socket", "Socket", "socket file", false, false},
	{"CharDevice", "CharDevice", "character device", false, false},
	{"BlockDevice", "BlockDevice", "block device", false, false},
};

static const struct host_type *host_type_of(struct span type)
{
	for (size_t i = 0; i < sizeof host_types / sizeof *host_types; i++)
		if (span_is(type, host_types[i].type))
			return &host_types[i];
	return NULL;
}

static int make_directories(const char *path, bool open, struct err *e)
{
	char part[PATH_MAX];
	for (const char *at = path; *at;) {
		at += strspn(at, "/");
		at += strcspn(at, "/");
		snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
		if (mkdir(part, 0755) && errno != EEXIST && errno != EISDIR)
			return err_set(e, ERR_IO, "mkdir %s: %s", part, strerror(errno));
	}
	return open && chmod(path, 0777) ? err_set(e, ERR_IO, "chmod %s: %s", path, strerror(errno)) : 0;
}

static int make_file(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return err_set(e, ERR_IO, "open %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

static int check_host(const char *path, struct span type, bool open, struct err *e)
{
	struct stat st;
	bool there = true;
	const struct host_type *t = host_type_of(type);
	if (!t)
		return err_set(e, ERR_INVALID, "%.*s is an invalid volume type", (int)type.len,
			       (const char *)type.data);
	if (stat(path, &st)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return err_set(e, ERR_IO, "stat %s: %s", path, strerror(errno));
		if (t->directory)
			return make_directories(path, open, e);
		if (t->file)
			return make_file(path, e);
		there = false;
	}
	if (t->is && (!there || strcmp(type_of(st.st_mode), t->is) != 0))
		return err_set(e, there ? ERR_INVALID : ERR_NOT_FOUND,
			       "hostPath type check failed: %s is not a %s", path, t->called);
	return 0;
}

static int own_local(const char *path, struct mp volume, const atomic_bool *stop, struct err *e)
{
	struct volume_owner owner;
	if (!owner_of(volume, stop, &owner))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	int rc = volume_own(fd, &owner, e);
	close(fd);
	return rc;
}

static int look_at_host(struct mp volume, const char **stage, const atomic_bool *stop,
			struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	struct span s = mp_path_str(volume, "path");
	if (!s.len || s.len >= sizeof path || s.data[0] != '/' || memchr(s.data, 0, s.len))
		return err_set(e, ERR_INVALID, "\"%.*s\" is no path", (int)(s.len < 200 ? s.len : 200),
			       (const char *)s.data);
	span_text(path, sizeof path, s);
	if (!mp_path_bool(volume, "local", false))
		return check_host(path, mp_path_str(volume, "type"),
				  mp_path_bool(volume, "open", false), e);
	if (stat(path, &st)) {
		*stage = "MountVolume.NewMounter initialization failed";
		return errno == ENOENT
			       ? err_set(e, ERR_NOT_FOUND, "path \"%s\" does not exist", path)
			       : err_set(e, ERR_IO, "stat %s: %s", path, strerror(errno));
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_UNSUPPORTED, "path \"%s\" is a %s: this node mounts directories",
			       path, type_of(st.st_mode));
	return own_local(path, volume, stop, e);
}

/* ---- the list */

static int apply_one(int volumes, struct mp volume, const atomic_bool *stop, struct err *e)
{
	char name[NAME_MAX + 1];
	const char *stage = "MountVolume.SetUp failed";
	struct span s = mp_path_str(volume, "name"), title = mp_path_str(volume, "title");
	int rc;
	if (!is_name(s))
		return err_set(e, ERR_INVALID, "a volume without a name");
	span_text(name, sizeof name, s);
	rc = span_is(mp_path_str(volume, "kind"), "host") ? look_at_host(volume, &stage, stop, e)
							   : make_directory(volumes, volume, name,
									    stop, e);
	return rc ? err_wrap(e, rc, "%s for volume \"%.*s\" ", stage, (int)title.len,
			     (const char *)title.data)
		  : 0;
}

int volume_files_apply(const char *pod_dir, struct mp list, const atomic_bool *stop, struct err *e)
{
	size_t n;
	bool made;
	if (mp_array(&list, &n))
		return err_set(e, ERR_INVALID, "no list of volumes");
	int pod = open(pod_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pod < 0)
		return err_set(e, ERR_IO, "%s: %s", pod_dir, strerror(errno));
	int volumes = open_made(pod, VOLUMES_DIR, 0750, &made, e);
	int rc = volumes < 0 ? volumes : 0;
	for (; n > 0 && !rc; n--) {
		rc = apply_one(volumes, list, stop, e);
		mp_skip(&list);
	}
	if (volumes >= 0)
		close(volumes);
	close(pod);
	return rc;
}

int volume_files_remove(const char *pod_dir, struct err *e)
{
	return volume_remove(pod_dir, VOLUMES_DIR, e);
}
