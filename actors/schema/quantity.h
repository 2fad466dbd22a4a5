/* Kubernetes' resource.Quantity: decimal numbers with a suffix, exact.
 *
 * Kept as an integer of nano units in 128 bits, which holds all of int64's
 * range; more precise input is rounded up as Kubernetes does, larger input is
 * capped (Kubernetes caps binary amounts only). The suffix family (decimal, binary, exponent) of the input
 * is kept for the output. Values; no state, any thread. */
#ifndef SCHEMA_QUANTITY_H
#define SCHEMA_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/bytes.h"

enum quantity_form { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };

struct quantity {
	__int128 nano;
	enum quantity_form form;
};

enum { QUANTITY_TEXT_MAX = 64 };

/* ERR_INVALID: not a quantity. */
int quantity_parse(struct span text, struct quantity *out);
/* The canonical text, terminated; returns its length. */
size_t quantity_format(struct quantity q, char out[QUANTITY_TEXT_MAX]);
/* Whether a text is the canonical one of its quantity, and that in thousandths:
 * the plain forms that nearly all are in ("250m", "16Mi"). False: perhaps. */
bool quantity_is_plain(struct span text);
int quantity_cmp(struct quantity a, struct quantity b); /* -1, 0, 1 */
struct quantity quantity_add(struct quantity a, struct quantity b); /* a's form; saturates */
struct quantity quantity_sub(struct quantity a, struct quantity b);
bool quantity_is_integer(struct quantity q);
/* Rounded up, capped to int64: whole units, and thousandths. */
int64_t quantity_value(struct quantity q);
int64_t quantity_milli(struct quantity q);
/* Rounded away from zero to thousandths, as resource lists are stored. */
struct quantity quantity_round_milli(struct quantity q);
struct quantity quantity_of(int64_t value, enum quantity_form form);
struct quantity quantity_of_milli(int64_t milli, enum quantity_form form);

#endif
