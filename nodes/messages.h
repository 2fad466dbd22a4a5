/* What may be asked of a node agent (rows in messages.c). The agent of node
 * n1 is the actor "node-agent/n1"; what it asks of the gate is in
 * actors/gate/messages.c. */
#ifndef NODES_MESSAGES_H
#define NODES_MESSAGES_H

#include "broker/catalogue.h"

extern const struct msg_table node_messages;

#endif
