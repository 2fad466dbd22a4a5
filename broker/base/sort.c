#include "broker/base/sort.h"

#include <stdlib.h>
#include <string.h>

#include "broker/base/mem.h"

struct sorting {
	size_t size;
	int (*cmp)(const void *, const void *, void *);
	void *arg;
};

static void merge(const struct sorting *s, char *a, size_t left, size_t n, char *tmp)
{
	size_t i = 0, k = left, out = 0;
	while (i < left && k < n) {
		size_t pick = s->cmp(a + i * s->size, a + k * s->size, s->arg) <= 0 ? i++ : k++;
		memcpy(tmp + out++ * s->size, a + pick * s->size, s->size);
	}
	memcpy(tmp + out * s->size, a + i * s->size, (left - i) * s->size);
	out += left - i;
	memcpy(a, tmp, out * s->size); /* the rest of the right half is in place */
}

static void sort(const struct sorting *s, char *a, size_t n, char *tmp)
{
	if (n < 2)
		return;
	size_t left = n / 2;
	sort(s, a, left, tmp);
	sort(s, a + left * s->size, n - left, tmp);
	merge(s, a, left, n, tmp);
}

void sort_stable(void *base, size_t count, size_t size,
		 int (*cmp)(const void *a, const void *b, void *arg), void *arg)
{
	if (count < 2)
		return;
	struct sorting s = {size, cmp, arg};
	char *tmp = mem_alloc(count * size);
	sort(&s, base, count, tmp);
	free(tmp);
}
