/* The scheduler: which node a pod runs on.
 *
 * Pods with this scheduler's name and no node wait in a queue (by priority,
 * then age). For each a node is chosen (fit.h) and the binding is one store
 * transaction that names the pod's version: whoever was faster wins. A pod
 * that fits nowhere gets the condition PodScheduled=False, an event, and a new
 * try when something that may help happens: a node came or changed, a pod
 * ended or went. One with claims waits for their volumes, which it chooses
 * together with the node (volumes.h).
 * It needs the store and nothing else: with the API server dead it goes on.
 * After a crash it reads nodes and pods again from this cell's views. */
#ifndef SCHEDULER_SCHEDULER_H
#define SCHEDULER_SCHEDULER_H

#include "actors/runtime/actor.h"

extern const struct actor_spec scheduler_actor;

#endif
