/* "Did you mean": the edit distance (insert, delete, replace, swap of
 * neighbours) between a word and the known ones. */
#include "actors/schema/yaml.h"

enum { WORD_MAX = 63 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

static size_t distance(const uint8_t *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= m; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			bool same = a[i - 1] == (uint8_t)b[j - 1];
			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + !same);
			bool swap = i > 1 && j > 1 && a[i - 1] == (uint8_t)b[j - 2] &&
				    a[i - 2] == (uint8_t)b[j - 1];
			if (swap && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m];
}

const char *yaml_near(struct span word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t nearest = word.len / 3 + 1; /* must be less than */
	if (word.len == 0 || word.len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t m = strlen(names[i]);
		if (m > WORD_MAX)
			continue;
		size_t d = distance(word.data, word.len, names[i], m);
		if (d < nearest) {
			best = names[i];
			nearest = d;
		}
	}
	return best;
}
