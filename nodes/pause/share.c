#include "nodes/pause/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/base/mem.h"

static int failed(struct err *e, const char *what)
{
	const char *why = strerrordesc_np(errno);
	return err_set(e, ERR_IO, "%s: %s", what, why ? why : "unknown error");
}

static int next(struct mp *list, struct span *name, struct span *source, struct err *e)
{
	size_t two;
	if (mp_array(list, &two) || two != 2 || mp_str(list, name) || mp_bin(list, source) ||
	    name->len == 0 || name->data[0] == '.' || memchr(name->data, '/', name->len) ||
	    source->len == 0)
		return err_set(e, ERR_INVALID, "shared: not a list of names and sources");
	return 0;
}

static int clone_tree(struct span source, struct err *e)
{
	char *path = mem_ndup(source.data, source.len);
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0)
		failed(e, path);
	free(path);
	return fd;
}

/* Those of the machine are its peers from now on. */
int share_open(struct share *s, struct mp list, struct err *e)
{
	struct span name, source;
	if (mp_array(&list, &s->count))
		s->count = 0;
	if (s->count > SHARES_MAX)
		return err_set(e, ERR_INVALID, "more than %d volumes that are shared", SHARES_MAX);
	for (size_t i = 0; i < s->count; i++) {
		if (next(&list, &name, &source, e))
			return ERR_INVALID;
		s->fds[i] = source.data[0] == '/' ? clone_tree(source, e) : -1;
		if (source.data[0] == '/' && s->fds[i] < 0)
			return ERR_IO;
	}
	return 0;
}

static int make_place(int tree, const char *place, struct err *e)
{
	struct stat st;
	if (fstat(tree, &st) != 0)
		return failed(e, place);
	if (S_ISDIR(st.st_mode))
		return mkdir(place, 0700) != 0 && errno != EEXIST ? failed(e, place) : 0;
	int fd = open(place, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, place);
	close(fd);
	return 0;
}

static int mount_one(int tree, struct span name, struct err *e)
{
	struct buf place = {0};
	buf_puts(&place, SHARED_DIR "/");
	buf_append(&place, name.data, name.len);
	const char *path = buf_text(&place);
	int rc = make_place(tree, path, e);
	if (rc == 0 && (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0 ||
			mount(NULL, path, NULL, MS_REC | MS_SHARED, NULL) != 0))
		rc = failed(e, path);
	buf_fini(&place);
	return rc;
}

int share_mount(struct share *s, struct mp list, struct err *e)
{
	struct span name, source;
	size_t n;
	int rc = 0;
	if (s->count == 0)
		return 0;
	if (mkdir(SHARED_DIR, 0700) != 0 && errno != EEXIST)
		return failed(e, SHARED_DIR);
	mp_array(&list, &n);
	for (size_t i = 0; i < s->count && rc == 0; i++) {
		rc = next(&list, &name, &source, e);
		int tree = rc ? -1 : s->fds[i] >= 0 ? s->fds[i] : clone_tree(source, e);
		if (rc == 0 && tree < 0)
			return ERR_IO;
		rc = rc ? rc : mount_one(tree, name, e);
		if (tree >= 0)
			close(tree);
	}
	return rc;
}
