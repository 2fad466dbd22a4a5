/* The terminal of a command beside a container. An OCI program makes it inside the
 * container; left to carry its bytes itself crun (1.8) ends with the command, and what
 * that said last is lost. So the program hands the terminal over and leaves, and this
 * process, which is the command's parent then, carries the bytes between it and its own
 * terminal, until the command has ended and all is read. */
#ifndef NODES_PAUSE_EXEC_TERMINAL_H
#define NODES_PAUSE_EXEC_TERMINAL_H

#include <stddef.h>

/* Where the program sends the terminal, and writes which process it started. */
#define EXEC_TERMINAL_SOCKET ".sock"
#define EXEC_TERMINAL_PID ".pid"

/* In a child of the pause, whose stdin and stdout are its controlling terminal: forks,
 * has `become` turn into the OCI program there (it does not return), and does not
 * return either. The files are
 * `name` with these endings. Exits as the command does (128 + signal), or as a program
 * that failed. */
_Noreturn void exec_terminal(const char *name, void (*become)(void *arg), void *arg, int tell);
/* What is left of the files. */
void exec_terminal_remove(const char *name);

#endif
