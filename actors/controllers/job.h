/* The Job controller. Component `job-controller`. */
#ifndef CONTROLLERS_JOB_H
#define CONTROLLERS_JOB_H

#include "actors/runtime/actor.h"

extern const struct actor_spec job_actor;

#endif
