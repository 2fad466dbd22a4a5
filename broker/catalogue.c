#include "broker/catalogue.h"

#include <string.h>

#include "broker/messages.h"

const struct msg_row *catalogue_by_number(const struct catalogue *c, uint16_t number)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (r->number == number)
				return r;
	return NULL;
}

const struct msg_row *catalogue_by_name(const struct catalogue *c, const char *name)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (strcmp(r->name, name) == 0)
				return r;
	return NULL;
}

static int check_field(const struct msg_row *row, const struct msg_field *f, struct mp v,
		       struct err *e)
{
	enum mp_type t = mp_peek(&v);
	if (f->type != MP_NONE && t != f->type)
		return err_set(e, ERR_INVALID, "%s: field %s is %s, not %s", row->name, f->name,
			       mp_type_name(t), mp_type_name(f->type));
	struct span s = {0};
	size_t n = 0;
	switch (f->limit ? t : MP_NONE) {
	case MP_STR:
		mp_str(&v, &s);
		n = s.len;
		break;
	case MP_BIN:
		mp_bin(&v, &s);
		n = s.len;
		break;
	case MP_ARRAY:
		mp_array(&v, &n);
		break;
	case MP_MAP:
		mp_map(&v, &n);
		break;
	default:
		break;
	}
	if (n > f->limit)
		return err_set(e, ERR_INVALID, "%s: field %s has %zu, at most %u are taken",
			       row->name, f->name, n, f->limit);
	return 0;
}

int catalogue_check(const struct msg_row *row, struct mp body, struct err *e)
{
	if (mp_peek(&body) != MP_MAP)
		return err_set(e, ERR_INVALID, "%s: the body is not a map", row->name);
	for (const struct msg_field *f = row->fields; f && f->name; f++) {
		struct mp v;
		if (mp_find(body, f->name, &v)) {
			int rc = check_field(row, f, v, e);
			if (rc)
				return rc;
		} else if (f->required) {
			return err_set(e, ERR_INVALID, "%s: field %s is missing", row->name,
				       f->name);
		}
	}
	return 0;
}

int catalogue_verify(const struct catalogue *c, struct err *e)
{
	for (const struct msg_table *const *t = c->tables; *t; t++)
		for (const struct msg_row *r = (*t)->rows; r->name; r++)
			if (catalogue_by_number(c, r->number) != r ||
			    catalogue_by_name(c, r->name) != r)
				return err_set(e, ERR_EXISTS, "%s: message %s (%u) is there twice",
					       (*t)->folder, r->name, r->number);
	return 0;
}
