/* A process of the cluster: the broker's thread and a loop per cell, as the
 * config says. Started by `troupe up` as `troupe process`; knows its data
 * directory, its config and which cells are its own. */
#ifndef TOOLS_HOST_H
#define TOOLS_HOST_H

#include "actors/runtime/loop.h"
#include "broker/catalogue.h"
#include "tools/config.h"

/* The process "main" has the broker and all shared cells; one named as a
 * cell has that cell alone. Runs until SIGTERM; returns the exit code.
 * SIGUSR1: cells with node agents stop, which tells their pods to end; then
 * it says so on the descriptor $TROUPE_NOTIFY_FD. */
int host_run(const char *data_dir, const char *process, bool keep_pods);

#define HOST_SAYS_TOLD "told\n"

/* Whether an actor's kind is one of Troupe's own. */
bool host_has_kind(const char *kind);

/* Every message that these processes know. */
const struct catalogue *host_catalogue(void);

/* Exit codes that `troupe up` understands. */
enum {
	/* Starting again cannot help: the config, a port, a damaged store. */
	HOST_EXIT_FATAL = LOOP_EXIT_HOPELESS,
};

#endif
