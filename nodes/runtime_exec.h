/* The commands that a runtime runs beside containers, and those who are attached to
 * one, as calls and events of its port (runtime.h names them): each is a session
 * that its asker pulls output from and pushes input to.
 *
 * Nothing is read before it is asked for, and one input at a time is held:
 * a slow asker stops the command, a slow command its asker, by the pipes
 * between them. Threads: the port's loop. */
#ifndef NODES_RUNTIME_EXEC_H
#define NODES_RUNTIME_EXEC_H

#include "actors/runtime/port.h"

enum {
	EXEC_SESSIONS_MAX = 256, /* of one node */
	EXEC_CHUNK_BYTES = 64 * 1024,
};

struct exec_sessions;

struct exec_sessions *exec_sessions_new(struct port *port, const char *pods_dir);
void exec_sessions_free(struct exec_sessions *x); /* kills what runs; NULL is fine */
/* False: it is none of RUNTIME_EXEC, PULL, PUSH, RESIZE, KILL. */
bool exec_sessions_call(struct exec_sessions *x, uint32_t op, uint64_t id, uint32_t arg,
			struct bytes *payload);

#endif
