/* Numbers that stand for words in the keys of packed values (mp.h): the names
 * of fields and the like that managedFields repeat in every object, which are
 * a third of a pod as text. Any thread. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "broker/base/bytes.h"

/* Empty: no word has that number. Static. */
struct span word_text(uint64_t number);
/* Below 256; -1: it is no word. */
int word_number(struct span text);

#endif
