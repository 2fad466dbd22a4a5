/* Whether this machine runs OCI containers: one is made as any other is, in the
 * current directory, from the files `sandbox`, `bundle/config.json` and the layer
 * `layers/trial`; it must end with 0. Returns an exit code; why it is not 0 is said
 * on stdout. Killed after TRIAL_S_MAX. */
#ifndef NODES_PAUSE_TRIAL_H
#define NODES_PAUSE_TRIAL_H

enum { TRIAL_S_MAX = 10 };

int trial_run(void);

#endif
