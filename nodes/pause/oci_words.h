/* What crun and runc say when a process cannot be started, in the words that
 * `kubectl describe` has on every cluster: those of containerd with runc. Pure. */
#ifndef NODES_PAUSE_OCI_WORDS_H
#define NODES_PAUSE_OCI_WORDS_H

#include <stdbool.h>

#include "broker/base/bytes.h"

/* Appends them. `said`: the program's message; `word`: the first of the command, which
 * crun does not always name. What is not known is left as it was said. */
void oci_words(struct span said, struct span word, struct buf *out);
/* What a shell's exit code says of a command that never ran, by these words: 127: it is
 * not there; 126: it cannot be run; 0: it was not the command's doing. */
int oci_words_code(struct span words);

#endif
