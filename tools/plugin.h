/* Shared objects with a controller in them (actors/controllers/plugin.h): loads
 * one into this process, or has another process look whether that would do.
 * The parent of a cluster only ever does the second: what is in such a file
 * runs when it is loaded. */
#ifndef TOOLS_PLUGIN_H
#define TOOLS_PLUGIN_H

#include "actors/controllers/plugin.h"

/* Loads it for good. ERR_NOT_FOUND, ERR_INVALID or ERR_UNSUPPORTED: the text
 * names the file and why. The main thread, before there are others. */
int plugin_load(const char *file, const struct troupe_plugin **out, struct err *e);

/* Whether a process of its own can load it: `self` is this program's file. Waits
 * PLUGIN_CHECK_MS for it at most. The same errors. */
enum { PLUGIN_CHECK_MS = 10000 };
int plugin_check(const char *self, const char *file, struct err *e);

#endif
