/* What the API actor says to others (rows in messages.c). */
#ifndef API_MESSAGES_H
#define API_MESSAGES_H

#include "broker/catalogue.h"

extern const struct msg_table api_messages;

#endif
