/* LMDB's two meta pages as they lie in the file: which of them is the newest
 * is all that a start rests on, and LMDB looks at one number each for it. */
#ifndef STORE_LOCAL_LMDB_META_H
#define STORE_LOCAL_LMDB_META_H

#include "broker/base/err.h"

/* ERR_CORRUPT: their transaction numbers are not those of two transactions in
 * a row, each in its page, nor what a write that was cut off leaves of them. */
int lmdb_meta_check(int fd, unsigned page_bytes, const char *dir, struct err *e);

/* A file that the power cut left before its first transaction: some of its
 * first two pages may be there, nothing behind them is, and neither has a
 * number. It is emptied, so that LMDB makes it again; any other is left alone. */
int lmdb_meta_forget_unborn(const char *path, unsigned page_bytes, struct err *e);

#endif
