#include "nodes/network/node_record.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mp.h"

enum { RECORD_BYTES_MAX = 4096 };

static void path_of(const char *data_dir, const char *node, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/network%s%s", data_dir, *node ? "/" : "", node);
}

static void put_prefix(struct buf *b, const char *key, struct netlink_prefix p)
{
	char text[NETLINK_PREFIX_MAX];
	netlink_prefix_format(p, text);
	mpw_kv_str(b, key, text);
}

int node_record_write(const char *data_dir, const struct node_record *r, struct err *e)
{
	char path[PATH_MAX], temporary[PATH_MAX + 8];
	struct buf b = {0};
	path_of(data_dir, "", path);
	mkdir(path, 0700);
	path_of(data_dir, r->node, path);
	snprintf(temporary, sizeof temporary, "%s/network/.%s", data_dir, r->node);
	mpw_map(&b, 5);
	mpw_kv_str(&b, "bridge", r->bridge);
	mpw_kv_str(&b, "alias", r->alias);
	put_prefix(&b, "pods", r->pods);
	put_prefix(&b, "services", r->services);
	put_prefix(&b, "nodes", r->nodes);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, b.data, b.len) == (ssize_t)b.len;
	if (fd >= 0)
		close(fd);
	buf_fini(&b);
	if (good && rename(temporary, path) == 0)
		return 0;
	return err_set(e, ERR_IO, "%s: %m", path);
}

static void read_text(struct mp m, const char *key, char *out, size_t max)
{
	span_text(out, max, mp_path_str(m, key));
}

static bool read_prefix(struct mp m, const char *key, struct netlink_prefix *out)
{
	char text[32];
	read_text(m, key, text, sizeof text);
	return netlink_prefix_parse(text, out, NULL) == 0;
}

static void read_one(const char *path, const char *node,
		     void (*each)(void *arg, const struct node_record *r), void *arg)
{
	uint8_t room[RECORD_BYTES_MAX];
	char bridge[NETLINK_NAME_MAX + 1], alias[NETLINK_ALIAS_MAX + 1];
	struct node_record r = {.node = node, .bridge = bridge, .alias = alias};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, room, sizeof room) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0 || mp_check((struct span){room, (size_t)n}, NULL))
		return;
	struct mp m = mp_of((struct span){room, (size_t)n});
	read_text(m, "bridge", bridge, sizeof bridge);
	read_text(m, "alias", alias, sizeof alias);
	read_prefix(m, "nodes", &r.nodes); /* a lone node has none */
	if (read_prefix(m, "pods", &r.pods) && read_prefix(m, "services", &r.services))
		each(arg, &r);
}

void node_record_each(const char *data_dir, void (*each)(void *arg, const struct node_record *r),
		      void *arg)
{
	char path[PATH_MAX];
	path_of(data_dir, "", path);
	DIR *d = opendir(path);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		path_of(data_dir, entry->d_name, path);
		read_one(path, entry->d_name, each, arg);
	}
	if (d)
		closedir(d);
}

void node_record_remove(const char *data_dir, const char *node)
{
	char path[PATH_MAX];
	path_of(data_dir, node, path);
	unlink(path);
}
