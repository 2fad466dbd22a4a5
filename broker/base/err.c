#include "broker/base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct row {
	int code;
	bool retryable;
	const char *name, *text;
} rows[] = {
#define ERR_ROW(code, wire, name, retry, text) {code, retry, name, text},
	ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static const struct row *find(int code)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

const char *err_name(int code)
{
	const struct row *r = find(code);
	return r ? r->name : code == 0 ? "ok" : "unknown";
}

const char *err_text(int code)
{
	const struct row *r = find(code);
	return r ? r->text : code == 0 ? "no error" : "an error without a row";
}

bool err_retryable(int code)
{
	const struct row *r = find(code);
	return r && r->retryable;
}

int err_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].code;
	return ERR_UNKNOWN;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *e, int code, const char *fmt, ...)
{
	if (!e)
		return code;
	char inner[sizeof e->text];
	memcpy(inner, e->text, sizeof inner);
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof e->text - 3)
		snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", inner);
	return code;
}
