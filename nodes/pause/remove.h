/* Directories with all that is in them. */
#ifndef NODES_PAUSE_REMOVE_H
#define NODES_PAUSE_REMOVE_H

/* Follows no link, and leaves what it cannot remove: a mount, or what is deeper than
 * this process may have descriptors. */
void remove_tree(const char *path);

#endif
