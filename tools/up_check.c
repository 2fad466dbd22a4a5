/* What must be so before anything runs: told here, in one clear line, and not by
 * a process that dies and is started again. */
#include "tools/up_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/plugin.h"

/* At the actor's line. */
static int refuse(const struct config_actor *a, const char *file, int rc, const char *why, struct err *e)
{
	return err_set(e, rc, "%s:%u:%u: %s", file, a->line->line, a->line->column, why);
}

/* Never loaded into this process. */
static int check_plugin(const struct config_actor *a, const char *self, const char *file, struct err *e)
{
	struct span object = doc_get_str(a->options, "file");
	struct err why = {0};
	char path[4096];
	snprintf(path, sizeof path, "%.*s", (int)object.len, (const char *)object.data);
	int rc = plugin_check(self, path, &why);
	return rc ? refuse(a, file, rc, why.text, e) : 0;
}

/* token,user,uid: none of them may be missing, the uid may be empty. */
static bool is_token_line(const char *line)
{
	const char *user = strchr(line, ','), *uid = user ? strchr(user + 1, ',') : NULL;
	return uid && user > line && uid > user + 1;
}

static int check_tokens(const struct config_actor *a, const char *file, struct err *e)
{
	struct span tokens = doc_get_str(a->options, "tokens");
	char path[700], why[1024], *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	int rc = 0;
	if (!tokens.len)
		return 0;
	snprintf(path, sizeof path, "%.*s", (int)tokens.len, (const char *)tokens.data);
	FILE *f = fopen(path, "re");
	if (!f) {
		snprintf(why, sizeof why, "tokens: %s: %s", path, strerror(errno));
		return refuse(a, file, ERR_NOT_FOUND, why, e);
	}
	while (rc == 0 && getline(&line, &room, f) > 0) {
		number++;
		line[strcspn(line, "\r\n")] = 0;
		if (!*line || *line == '#' || is_token_line(line))
			continue;
		snprintf(why, sizeof why, "tokens: %s:%u: a line is token,user,uid,\"group,group\"", path, number);
		rc = refuse(a, file, ERR_INVALID, why, e);
	}
	free(line);
	fclose(f);
	return rc;
}

int up_check_actors(const struct config *c, const char *self, const char *file, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < c->cell_count; i++)
		for (size_t k = 0; k < c->cells[i].actor_count && rc == 0; k++) {
			const struct config_actor *a = &c->cells[i].actors[k];
			if (strcmp(a->kind, "plugin") == 0)
				rc = check_plugin(a, self, file, e);
			else if (strcmp(a->kind, "api") == 0)
				rc = check_tokens(a, file, e);
		}
	return rc;
}

int up_check_port(const char *address, struct err *e)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	char host[64];
	const char *colon = strrchr(address, ':');
	int one = 1;
	snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - address) : 0, address);
	at.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0));
	inet_pton(AF_INET, host, &at.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	int rc = bind(fd, (struct sockaddr *)&at, sizeof at);
	int why = errno;
	close(fd);
	errno = why;
	return rc ? err_set(e, ERR_BUSY, "cannot listen on %s: %m", address) : 0;
}

int up_check_store(const struct config *c, const char *data_dir, struct err *e)
{
	char path[1024];
	bool absolute = *c->store_path == '/';
	if (strcmp(c->store_driver, "lmdb"))
		return 0;
	int n = snprintf(path, sizeof path, "%s%s%s", absolute ? "" : data_dir, absolute ? "" : "/", c->store_path);
	if (n >= (int)sizeof path)
		return err_set(e, ERR_INVALID, "the store's path has %d bytes, more than %zu", n, sizeof path - 1);
	if (mkdir(path, 0700) && errno != EEXIST)
		return err_set(e, ERR_IO, "store: %s: %m", path);
	return access(path, R_OK | W_OK | X_OK) ? err_set(e, ERR_IO, "store: %s: %m", path) : 0;
}
