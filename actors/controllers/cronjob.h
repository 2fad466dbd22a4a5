/* The CronJob controller. Component `cronjob-controller`. */
#ifndef CONTROLLERS_CRONJOB_H
#define CONTROLLERS_CRONJOB_H

#include "actors/runtime/actor.h"

extern const struct actor_spec cronjob_actor;

#endif
