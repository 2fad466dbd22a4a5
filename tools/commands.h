/* The CLI's commands: a table (main.c), one file per command. Each gets its
 * own arguments (argv[0] is the command) and returns the exit code:
 * 0 done, 1 failed, 64 wrong usage. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

enum { EXIT_USAGE = 64 };

int command_up(int argc, char **argv);
int command_tail(int argc, char **argv);
int command_top(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_dlq(int argc, char **argv);
int command_send(int argc, char **argv); /* for tests */
int command_process(int argc, char **argv); /* inner: started by up */
int command_manual(int argc, char **argv);
int command_plugin(int argc, char **argv);
int command_store(int argc, char **argv);
int command_image(int argc, char **argv);
int command_chaos(int argc, char **argv);

/* The data directory when none is named: $TROUPE_DATA_DIR, else ./troupe.data. */
const char *default_data_dir(void);

#endif
