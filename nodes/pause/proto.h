/* What a pause and its agent say to each other, and the files a pause leaves.
 *
 * A pod's directory holds
 *   pause.sock             unix SOCK_SEQPACKET, the pause listens
 *   exec.sock              the same, a connection for each command (execs.h)
 *   pause.pid              "pid start-time boot-id\n" (procid.h)
 *   starts/<name>.<n>      attempt.h: attempt n of container <name> began
 *   exits/<name>.<n>       attempt.h: it ended; written before anybody is told
 *   logs/<name>/<n>.log    its output in CRI form; .log.1 is what was rotated
 *   sandbox                what the pod's containers share (sandbox.h); without it
 *                          they are processes of the machine
 * and is locked (flock on the directory) while its pause lives.
 *
 * A message is one msgpack map, sent as one or more packets whose first byte
 * says whether more of it follows (packet.h).
 *
 * To the pause, field "do":
 *   start   name, attempt, argv [bin], env [bin "K=V"], cwd, uid?, gid?,
 *           groups? (gids that it has beside gid), log_bytes?,
 *           stdin?, stdin_once?, tty? (bools, as in a Container)
 *           (bytes, because a secret in the environment need not be text)
 *           An attempt that is known already is told again, never started twice.
 *           Of an OCI container instead of argv: bundle (a directory of the pod's, with
 *           its config.json), layers (a directory), lower (names in it, the topmost
 *           first, with colons between them), image?, oom? (a file of its cgroup that
 *           counts oom_kill); its root is an overlay of these in <bundle>/rootfs;
 *           stop? (the signal that is sent instead of TERM);
 *           word? (bytes; what it runs, as an error names it);
 *           target? (a container that runs, whose process namespace is bound to
 *           <bundle>/pidns before);
 *           subpaths? [[dir, path]]: number I of them, path below dir (subpath.h), is
 *           mounted on subpaths/<name>.<n>/I of the pod's directory before
 *   signal  name, attempt? (any running one when absent), signal
 *           goes to the container's whole process group
 *   list    everything known is told again, then "listed"
 *   exit    grace_ms?: the pause ends as soon as no container runs; with
 *           grace_ms they get TERM now and KILL after that time
 * From the pause, field "event":
 *   started, exited   an attempt (attempt.h)
 *   listed            all of it was told; also follows each new connection
 *   error             text: a command that was not understood
 * Events are states, not edges: each may come again and says the whole.
 * A new connection replaces the one before it.
 *
 * On exec.sock one message, whose first packet brings the command's three
 * descriptors: container, argv [bin], env [bin], cwd, uid?, gid?, tty. The
 * answer is one too, when it has ended: event "exited", code, error (bytes;
 * it never ran, in containerd's words; the code then is 127 for what is not there, 126
 * for what cannot be run, and PAUSE_NEVER_RAN where that was not the command's doing).
 * Or, to be attached (attach.h): container, attach (true), stdin (whether the first
 * descriptor is to be read), and the three descriptors. The answers are "attached",
 * from when on nothing is missed, and "exited" as above, with the container's code.
 * On the same connection may follow {resize: [width, height]}, of its terminal, and
 * {end: true}: its words are over where the first descriptor ends. Who leaves without
 * saying so, such as an agent that is killed, never closes a container's stdin. */
#ifndef NODES_PAUSE_PROTO_H
#define NODES_PAUSE_PROTO_H

enum {
	PAUSE_PACKET_BYTES_MAX = 32 * 1024,
	/* argv and env of one container; the kernel takes about 2 MiB */
	PAUSE_MESSAGE_BYTES_MAX = 2560 * 1024,
	PAUSE_NAME_BYTES_MAX = 63,  /* a container's name: a DNS label */
	PAUSE_ERROR_BYTES_MAX = 480,
	PAUSE_IMAGE_BYTES_MAX = 255, /* of an image's id */
	PAUSE_CONTAINERS_MAX = 128, /* names in one pod */
	PAUSE_LOG_BYTES_MAX = 10 * 1024 * 1024, /* then the log is rotated */
	PAUSE_READY_FD = 3,         /* where a new pause says how its start went */
	PAUSE_EXECS_MAX = 64,       /* commands beside the containers of a pod */
	PAUSE_NEVER_RAN = 128,      /* exit code of what could not be started */
};

#define PAUSE_SOCKET "pause.sock"
#define PAUSE_EXEC_SOCKET "exec.sock"
#define PAUSE_PID_FILE "pause.pid"
/* What it says on PAUSE_READY_FD: one of these, or why it could not start. */
#define PAUSE_READY_OK "ok"
#define PAUSE_READY_BUSY "busy" /* the pod has a living pause */

#endif
