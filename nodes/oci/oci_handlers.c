#include "nodes/oci/oci_handlers.h"

#include <stdlib.h>

#include "broker/base/mem.h"

struct handler {
	char *name;
	struct oci_program program;
};

struct oci_handlers {
	struct oci_program own;
	struct handler *all;
	size_t count;
};

static void add(struct oci_handlers *h, struct span name, const struct oci_program *p)
{
	h->all[h->count++] = (struct handler){mem_ndup(name.data, name.len), *p};
}

static int add_configured(struct oci_handlers *h, struct span name, struct mp value, struct err *e)
{
	struct oci_program p;
	struct span text;
	struct err why = {0};
	if (mp_str(&value, &text) || !text.len)
		return err_set(e, ERR_INVALID, "handlers.%.*s: the name or path of an OCI program is needed",
			       (int)name.len, (const char *)name.data);
	char *wanted = mem_ndup(text.data, text.len);
	int rc = oci_program_installed(wanted, &p, &why);
	free(wanted);
	if (rc)
		return err_set(e, rc, "handlers.%.*s: %s", (int)name.len, (const char *)name.data, why.text);
	add(h, name, &p);
	return 0;
}

static void add_own(struct oci_handlers *h, struct span name)
{
	if (!oci_handlers_find(h, name))
		add(h, name, &h->own);
}

int oci_handlers_new(struct oci_handlers **out, const struct oci_program *own, struct mp cfg,
		     struct err *e)
{
	struct oci_handlers *h = mem_alloc(sizeof *h);
	struct mp map, look;
	struct span name;
	size_t n = 0;
	int rc = 0;
	h->own = *own;
	if (mp_find(cfg, "handlers", &map)) {
		look = map;
		if (mp_map(&look, &n))
			n = 0;
	}
	h->all = mem_alloc((n + 2) * sizeof *h->all);
	for (; n > 0 && rc == 0; n--) {
		rc = mp_str(&look, &name);
		rc = rc ? rc : add_configured(h, name, look, e);
		rc = rc ? rc : mp_skip(&look);
	}
	add_own(h, span_of(h->own.name));
	add_own(h, span_of("runc"));
	*out = h;
	return rc;
}

void oci_handlers_free(struct oci_handlers *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++)
		free(h->all[i].name);
	free(h->all);
	free(h);
}

const struct oci_program *oci_handlers_find(const struct oci_handlers *h, struct span handler)
{
	if (!handler.len)
		return &h->own;
	for (size_t i = 0; i < h->count; i++)
		if (span_is(handler, h->all[i].name))
			return &h->all[i].program;
	return NULL;
}

void oci_handlers_put(const struct oci_handlers *h, struct buf *b)
{
	mpw_array(b, h->count);
	for (size_t i = 0; i < h->count; i++)
		mpw_str(b, h->all[i].name);
}
