/* Bugs on purpose, to test the tests: each row is a mistake that somebody
 * could make, at one place in the source. In the product PLANTED(...) is the
 * constant false and leaves nothing behind; a test binary of its own
 * (tests/sim/planted.c) is built with PLANTED_BUGS, plants one at a time and
 * sees whether the chaos scenarios find it. */
#ifndef BASE_PLANTED_H
#define BASE_PLANTED_H

#include <stdbool.h>

/* X(name, what is wrong then) */
#define PLANTED_TABLE(X)                                                                         \
	X(COMPARE_IGNORED, "the store takes an update of a version that is not the last")          \
	X(REQUEST_FORGOTTEN, "a transaction that is asked for twice happens twice")                \
	X(ACK_BEFORE_SYNC, "writers are told before the disk has it")                              \
	X(DELETION_NOT_REPLAYED, "a store that starts again has what was deleted")                 \
	X(PARTITION_BEGINS_AT_NOTHING, "the first event of a forgotten partition names none before it") \
	X(COMPACTED_NOT_SAID, "who follows from before a compaction is told what is left, as if all") \
	X(GAP_IGNORED, "a view applies an event although one before it is missing")                \
	X(LIST_KEEPS_WHAT_IS_GONE, "a view that lists again keeps what is not in the list")        \
	X(HEADS_NOT_COMPARED, "a view never asks whether it is behind")                            \
	X(FENCE_DOES_NOT_WAIT, "a new incarnation plans before its views show what the former did") \
	X(FENCE_IGNORED, "the store takes what rests on a fence that another one has taken")       \
	X(OWN_WRITES_NOT_AWAITED, "a controller plans before its view shows what it wrote")        \
	X(LONG_PAUSE_WHEN_AWAY, "a controller waits for minutes after the store was full")         \
	X(BOUND_TRIED_AGAIN, "the scheduler tries a pod again whose binding it has not heard of")  \
	X(NOTHING_ASSUMED, "the scheduler counts a pod only when its view shows the binding")      \
	X(CPU_NOT_COUNTED, "the scheduler does not look at CPU")                                   \
	X(NEIGHBOURS_NOT_COUNTED, "the scheduler does not count pods that others are to keep off")   \
	X(PRIORITY_NOT_COMPARED, "the scheduler deletes pods of any priority for one that waits")    \
	X(QUOTA_NOT_COMPARED, "who makes something looks at the quota, and others may do so at once") \
	X(QUOTA_COUNTED_EARLY, "a quota is counted from views that do not show all that was taken") \
	X(NEVER_UNPARKED, "pods that found no room are not tried again when there is")             \
	X(OLD_STATUS_WRITTEN, "the gate writes an old status on top of a newer one")               \
	X(LOST_STATUS_FORGOTTEN, "an agent does not tell a status again that was lost")            \
	X(OLD_STORY_TOLD, "an agent that begins again tells an older story than its former life")  \
	X(GONE_POD_KEPT, "an agent keeps a pod that is gone")                                      \
	X(CLOCK_BELIEVED, "a container that started in the future becomes ready then")             \
	X(UNREADY_IN_ENDPOINTS, "pods that are not ready stay in the endpoints")                   \
	X(NAMES_NOT_COMPARED, "an actor whose registration was lost is never reached")

enum planted {
	PLANTED_NONE,
#define PLANTED_BUG(name, what) PLANTED_##name,
	PLANTED_TABLE(PLANTED_BUG)
#undef PLANTED_BUG
	PLANTED_END,
};

#ifdef PLANTED_BUGS
extern enum planted planted_bug; /* of the test */
#define PLANTED(name) (planted_bug == PLANTED_##name)
#else
#define PLANTED(name) false
#endif

#endif
