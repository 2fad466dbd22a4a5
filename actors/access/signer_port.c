#include "actors/access/signer_port.h"

#include <stdio.h>

#include "actors/access/jwt.h"
#include "broker/base/log.h"

static int open_port(struct port *p, struct mp cfg, struct err *e)
{
	struct span file = mp_path_str(cfg, "accounts");
	struct jwt_key *k = NULL;
	char path[700];
	snprintf(path, sizeof path, "%.*s", (int)file.len, (const char *)file.data);
	int rc = jwt_key_open(&k, path, e);
	p->state = k;
	return rc;
}

static void call(struct port *p, uint32_t op, uint64_t id, uint32_t arg, struct bytes *payload)
{
	struct buf token = {0};
	struct err e = {0};
	(void)arg;
	if (op != SIGNER_SIGN)
		return;
	if (jwt_sign(p->state, bytes_span(payload), &token, &e))
		log_warn("signer", "%s", e.text);
	(void)port_deliver(p, SIGNER_SIGNED, id, 0, token.len ? bytes_take(&token) : NULL);
}

static void close_port(struct port *p)
{
	jwt_key_close(p->state);
}

const struct port_driver signer_port_driver = {
	.name = "signer",
	.open = open_port,
	.call = call,
	.close = close_port,
};
