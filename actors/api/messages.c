#include "actors/api/messages.h"

#define END {NULL, MP_NONE, 0, false, NULL}

static const struct msg_field nothing[] = {END};

static const struct msg_row rows[] = {
	{64, "api.listening", CLASS_SEND, ROLE_CELL, nothing, "the API takes requests now"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};

const struct msg_table api_messages = {"api", rows};
