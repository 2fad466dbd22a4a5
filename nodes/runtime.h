/* What a node agent needs of a runtime: a port whose calls carry out a pod
 * worker's actions and whose events are its observations.
 *
 * `id` is the agent's number of the pod in calls and events about it.
 * Payloads are msgpack maps.
 *
 * Calls:
 *   RUNTIME_ATTACH   {uid}: what is there? Attempts, then UP or DOWN
 *   RUNTIME_SANDBOX  {uid}: make it or find it; UP or FAILED
 *   RUNTIME_START    {name, attempt, argv: [...], env: [...], cwd, stdin, stdinOnce, tty,
 *                    messagePolicy (terminationMessagePolicy), pod (its title),
 *                    runAsUser, runAsGroup (-1: nobody's), groups: [those of its pod],
 *                    runAsNonRoot}
 *   RUNTIME_SIGNAL   {name, attempt, signal}
 *   RUNTIME_REMOVE   end the sandbox (nothing runs in it); DOWN
 *   RUNTIME_FORGET   remove all that is left of it, logs too
 *   RUNTIME_END      {grace_ms}: the cluster ends: all containers TERM, KILL after
 *                    the grace, then the pause goes; nobody needs to wait for it
 *   RUNTIME_LOG      id: of the request; {uid, container, attempt, cursor, tail,
 *                    limit, since_us, timestamps, follow, ended, place (where a reader
 *                    was that is no more)}
 *   Commands beside a container; id: of the session (runtime_exec.h)
 *   RUNTIME_EXEC     {uid, container, argv: [...], env: [...], cwd, streams (bits of
 *                    exec_link.h's), tty}: EXECED; or {uid, container, attach: true, streams}:
 *                    the container's own streams
 *   RUNTIME_PULL     OUTPUT when there is some, or the end
 *   RUNTIME_PUSH     payload: bytes for its stdin, NULL: their end; TAKEN when it
 *                    has read them; one at a time
 *   RUNTIME_RESIZE   arg: width | height << 16, of its terminal
 *   RUNTIME_KILL     the session is over; nothing more is told of it
 * Events:
 *   RUNTIME_INFO     once, at open: {cpu, memory, disk (bytes), kernel, os, boot_id,
 *                    machine_id}
 *   RUNTIME_FOUND    at open, per pod that is on the machine: {uid}
 *   RUNTIME_LISTED   at open, when all were told
 *   RUNTIME_UP       {ip}
 *   RUNTIME_DOWN     {}
 *   RUNTIME_FAILED   {text}
 *   RUNTIME_ATTEMPT  {name, attempt, ended, lost, code, started_us, finished_us, error,
 *                    message (what it said last)}
 *   RUNTIME_WAITING  {name, attempt, reason, text}: the container does not start yet
 *   RUNTIME_CHUNK    id: of the request; {data, cursor, end}; arg: -ERR_* when refused
 *   RUNTIME_EXECED   arg: -ERR_* when refused, {text}
 *   RUNTIME_OUTPUT   {frames: [[stream, bytes]...], end, unknown, code, error}; at the
 *                    end its code, or why it never ran, or that nobody knows
 *   RUNTIME_TAKEN
 * Of the runtime `oci` there is more: runtime_oci.h. */
#ifndef NODES_RUNTIME_H
#define NODES_RUNTIME_H

enum {
	RUNTIME_ATTACH = 1,
	RUNTIME_SANDBOX,
	RUNTIME_START,
	RUNTIME_SIGNAL,
	RUNTIME_REMOVE,
	RUNTIME_FORGET,
	RUNTIME_LOG,
	RUNTIME_END,
	RUNTIME_EXEC,
	RUNTIME_PULL,
	RUNTIME_PUSH,
	RUNTIME_RESIZE,
	RUNTIME_KILL,
	RUNTIME_IMAGE,
	RUNTIME_VOLUMES,
	RUNTIME_RETIRE,
	RUNTIME_RECLAIM,
	RUNTIME_UPDATE,
};

enum {
	RUNTIME_INFO = 1,
	RUNTIME_FOUND,
	RUNTIME_LISTED,
	RUNTIME_UP,
	RUNTIME_DOWN,
	RUNTIME_FAILED,
	RUNTIME_ATTEMPT,
	RUNTIME_CHUNK,
	RUNTIME_EXECED,
	RUNTIME_OUTPUT,
	RUNTIME_TAKEN,
	RUNTIME_WAITING,
	RUNTIME_IMAGED,
	RUNTIME_IMAGES,
	RUNTIME_FIGURES,
	RUNTIME_STALE,
	RUNTIME_WARNING,
	RUNTIME_RETIRED,
	RUNTIME_RECLAIMED,
	RUNTIME_DISK,
	RUNTIME_UPDATED,
};

#endif
