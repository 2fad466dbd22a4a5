/* A table in memory, a file per entry beside it. A file is written whole before
 * it has its name, so that after a crash it says whose it is, or is not there. */
#include "nodes/network/addresses.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/base/mem.h"

enum { UID_BYTES_MAX = 64, FIRST = 2 }; /* 0: the network, 1: the gateway */

struct addresses {
	struct netlink_prefix subnet; /* host part zero */
	int dir;
	uint32_t count, next; /* of hosts; where the next search begins */
	char **owner;         /* by host number; NULL: free */
};

static struct in_addr host(const struct addresses *a, uint32_t n)
{
	return (struct in_addr){htonl(ntohl(a->subnet.ip.s_addr) + n)};
}

static void text_of(const struct addresses *a, uint32_t n, char out[INET_ADDRSTRLEN])
{
	struct in_addr ip = host(a, n);
	inet_ntop(AF_INET, &ip, out, INET_ADDRSTRLEN);
}

static uint32_t find(const struct addresses *a, const char *uid)
{
	for (uint32_t n = FIRST; n < a->count; n++)
		if (a->owner[n] && strcmp(a->owner[n], uid) == 0)
			return n;
	return 0;
}

/* ---- files */

static int save(const struct addresses *a, uint32_t n, const char *uid, struct err *e)
{
	char ip[INET_ADDRSTRLEN], temporary[INET_ADDRSTRLEN + 8];
	text_of(a, n, ip);
	snprintf(temporary, sizeof temporary, ".%s", ip);
	int fd = openat(a->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, uid, strlen(uid)) == (ssize_t)strlen(uid);
	if (fd >= 0)
		close(fd);
	if (good && renameat(a->dir, temporary, a->dir, ip) == 0)
		return 0;
	return err_set(e, ERR_IO, "cannot keep the address %s: %m", ip);
}

static void forget(struct addresses *a, uint32_t n)
{
	char ip[INET_ADDRSTRLEN];
	text_of(a, n, ip);
	unlinkat(a->dir, ip, 0);
	free(a->owner[n]);
	a->owner[n] = NULL;
}

static void load_one(struct addresses *a, const char *name, int pods)
{
	struct in_addr ip;
	struct stat st;
	char uid[UID_BYTES_MAX + 1] = "";
	if (inet_pton(AF_INET, name, &ip) != 1)
		return;
	uint32_t n = ntohl(ip.s_addr) - ntohl(a->subnet.ip.s_addr);
	if (n < FIRST || n >= a->count)
		return;
	int fd = openat(a->dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, uid, sizeof uid - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return;
	a->owner[n] = mem_dup(uid);
	if (pods >= 0 && fstatat(pods, uid, &st, 0) != 0)
		forget(a, n);
	else if (n >= a->next)
		a->next = n + 1;
}

static int load(struct addresses *a, const char *pods_dir, struct err *e)
{
	int fd = dup(a->dir), pods = -1;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return err_set(e, ERR_IO, "cannot read the pods' addresses: %m");
	}
	if (pods_dir)
		pods = open(pods_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (struct dirent *entry; (entry = readdir(d));)
		load_one(a, entry->d_name, pods);
	closedir(d);
	if (pods >= 0)
		close(pods);
	return 0;
}

/* ---- */

int addresses_open(struct addresses **out, const char *data_dir, const char *pods_dir,
		   struct netlink_prefix subnet, struct err *e)
{
	char path[PATH_MAX];
	if (subnet.bits < ADDRESSES_BITS_MIN || subnet.bits > ADDRESSES_BITS_MAX)
		return err_set(e, ERR_INVALID, "a node's subnet has %d to %d bits, not %u",
			       ADDRESSES_BITS_MIN, ADDRESSES_BITS_MAX, subnet.bits);
	struct addresses *a = mem_alloc(sizeof *a);
	a->subnet = netlink_prefix_network(subnet);
	a->count = (UINT32_C(1) << (32 - subnet.bits)) - 1; /* the last one is for all */
	a->owner = mem_alloc(a->count * sizeof *a->owner);
	a->next = FIRST;
	snprintf(path, sizeof path, "%s/ips", data_dir);
	mkdir(path, 0700);
	a->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = a->dir < 0 ? err_set(e, ERR_IO, "%s: %m", path) : load(a, pods_dir, e);
	if (rc)
		addresses_close(a);
	else
		*out = a;
	return rc;
}

void addresses_close(struct addresses *a)
{
	if (!a)
		return;
	for (uint32_t n = 0; n < a->count; n++)
		free(a->owner[n]);
	if (a->dir >= 0)
		close(a->dir);
	free(a->owner);
	free(a);
}

static uint32_t find_free(const struct addresses *a)
{
	for (uint32_t i = 0; i < a->count - FIRST; i++) {
		uint32_t n = FIRST + (a->next - FIRST + i) % (a->count - FIRST);
		if (!a->owner[n])
			return n;
	}
	return 0;
}

int addresses_take(struct addresses *a, const char *uid, struct in_addr *out, struct err *e)
{
	uint32_t n = find(a, uid);
	char ip[INET_ADDRSTRLEN];
	int rc = 0;
	if (!n) {
		n = find_free(a);
		text_of(a, 0, ip);
		rc = n ? save(a, n, uid, e) :
			 err_set(e, ERR_FULL, "no address is left in %s/%u", ip, a->subnet.bits);
		if (rc)
			return rc;
		a->owner[n] = mem_dup(uid);
		a->next = n + 1;
	}
	*out = host(a, n);
	return 0;
}

void addresses_free(struct addresses *a, const char *uid)
{
	uint32_t n = find(a, uid);
	if (n)
		forget(a, n);
}

struct netlink_prefix addresses_gateway(const struct addresses *a)
{
	return (struct netlink_prefix){host(a, 1), a->subnet.bits};
}

bool addresses_any(const struct addresses *a, bool (*is)(void *arg, const char *uid), void *arg)
{
	for (uint32_t n = FIRST; n < a->count; n++)
		if (a->owner[n] && is(arg, a->owner[n]))
			return true;
	return false;
}
