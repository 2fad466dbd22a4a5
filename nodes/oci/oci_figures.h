/* What a node and its containers use, from the kernel's own books: sampled now and
 * then, so that rates can be told.
 *
 * RUNTIME_FIGURES: {time_us (wall clock), node: {cpu_ns, nano_cores, memory_total,
 * available, working_set, rss, processes, processes_max, fs: {capacity, available, used,
 * inodes, inodes_free, inodes_used}}, pods: [{id, containers: [{name, cpu_ns, nano_cores,
 * usage, working_set, rss, processes}]}]}
 * Bytes, and nanoseconds of one core; nano_cores of a first sample is -1.
 *
 * Threads: the port's loop; reads small files of /proc and /sys/fs/cgroup. */
#ifndef OCI_FIGURES_H
#define OCI_FIGURES_H

#include "nodes/runtime_machine.h"

struct oci_figures;

/* Config: figures-period (microseconds). */
struct oci_figures *oci_figures_new(struct machine *m, struct mp cfg);
void oci_figures_free(struct oci_figures *f); /* NULL is fine */
void oci_figures_soon(struct oci_figures *f); /* the next sample is due now */
/* Samples when it is due; how long the loop may sleep, in microseconds. */
uint64_t oci_figures_due(struct oci_figures *f);

#endif
