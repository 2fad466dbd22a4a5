/* What `troupe up` looks at before anything runs, so that a mistake is one line
 * and not a process that dies and is started again. Blocks for some system calls;
 * the parent's only thread. */
#ifndef TOOLS_UP_CHECK_H
#define TOOLS_UP_CHECK_H

#include "tools/config.h"

/* Shared objects that do not fit, files of tokens that are none. `self` is this program,
 * `file` the config's name for messages. ERR_NOT_FOUND, ERR_INVALID and what plugin_check says. */
int up_check_actors(const struct config *c, const char *self, const char *file, struct err *e);
/* An address of the config (IPV4:PORT). ERR_BUSY: somebody else's, or not this machine's. */
int up_check_port(const char *address, struct err *e);
/* Makes the store's directory. ERR_IO: it cannot be made, or not be written to. */
int up_check_store(const struct config *c, const char *data_dir, struct err *e);

#endif
