/* What node agents and foreign programs may ask of the gate (rows in
 * messages.c). */
#ifndef GATE_MESSAGES_H
#define GATE_MESSAGES_H

#include "broker/catalogue.h"

extern const struct msg_table gate_messages;

#endif
