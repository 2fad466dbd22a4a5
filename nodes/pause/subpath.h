/* Sub-paths of volumes, for a container's mounts. What is below a volume's root is
 * written by containers, also while this looks at it: a path is resolved by the kernel
 * in one step (openat2, RESOLVE_BENEATH), so that no link, however it changes
 * meanwhile, leads out of the volume, and what was opened is what is mounted. */
#ifndef NODES_PAUSE_SUBPATH_H
#define NODES_PAUSE_SUBPATH_H

/* An O_PATH descriptor of `path` (relative, without "..") below the directory `base`.
 * Parts that are missing are made as directories, with the mode of `base`.
 * -errno: -EXDEV when it leads out of it. */
int subpath_open(const char *base, const char *path);

/* Mounts it, with all that is mounted below it, at `place` in the caller's mount
 * namespace. `place` is made: a directory or an empty file, as what it shows.
 * 0 or -errno. */
int subpath_bind(const char *base, const char *path, const char *place);

#define SUBPATHS_DIR "subpaths"

/* Takes off and removes what is mounted in <dir>/subpaths/<id>, and nothing of what
 * it shows. Changes the working directory. `dir` is
 * absolute. */
void subpath_release(const char *dir, const char *id);

#endif
