/* Which OCI program this machine can run containers with. */
#ifndef OCI_PROGRAM_H
#define OCI_PROGRAM_H

#include "broker/base/err.h"

struct oci_program {
	char path[128];	  /* "/usr/bin/crun" */
	char name[32];	  /* "crun" */
	char version[64]; /* "1.8.1" */
};

/* Of crun and runc (or of `wanted`, a name or a path, alone) the first one that makes
 * a container on this machine: one is made with `pause` (the pause program, which is
 * static) in its own namespaces below `dir`, a directory that is made and removed.
 * ERR_FORBIDDEN: this needs root. ERR_NOT_FOUND: none is installed. ERR_IO: why not,
 * in its own words. Blocks for some 50 ms, five seconds at most. */
int oci_program_find(const char *dir, const char *pause, const char *wanted,
		     struct oci_program *out, struct err *e);

#endif
