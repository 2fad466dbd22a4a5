#include "actors/runtime/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/base/mem.h"

struct slot {
	_Atomic uint64_t version;
	char name[HEADS_NAME_BYTES_MAX + 1]; /* empty: the table ends here */
};

struct table {
	_Atomic uint64_t global;
	_Atomic uint64_t used;
	struct slot slots[HEADS_STREAMS_MAX];
};

struct heads {
	struct table *table;
	bool mapped;
};

struct heads *heads_new(void)
{
	struct heads *h = mem_alloc(sizeof *h);
	h->table = mem_alloc(sizeof *h->table);
	return h;
}

int heads_open(struct heads **out, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct table))) {
		int rc = err_set(e, ERR_IO, "%s: %m", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	void *p = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return err_set(e, ERR_IO, "%s: map: %m", path);
	struct heads *h = mem_alloc(sizeof *h);
	h->table = p;
	h->mapped = true;
	*out = h;
	return 0;
}

void heads_close(struct heads *h)
{
	if (!h)
		return;
	if (h->mapped)
		munmap(h->table, sizeof *h->table);
	else
		free(h->table);
	free(h);
}

static struct slot *find(const struct heads *h, struct span stream)
{
	uint64_t used = atomic_load_explicit(&h->table->used, memory_order_acquire);
	for (uint64_t i = 0; i < used && i < HEADS_STREAMS_MAX; i++)
		if (span_is(stream, h->table->slots[i].name))
			return &h->table->slots[i];
	return NULL;
}

void heads_set(struct heads *h, struct span stream, uint64_t version)
{
	struct slot *s = find(h, stream);
	uint64_t used = h->table->used;
	if (!s && used < HEADS_STREAMS_MAX && stream.len <= HEADS_NAME_BYTES_MAX) {
		s = &h->table->slots[used];
		memset(s->name, 0, sizeof s->name);
		memcpy(s->name, stream.data, stream.len);
		s->version = version;
		/* The name is there before readers look at the slot. */
		atomic_store_explicit(&h->table->used, used + 1, memory_order_release);
	}
	if (s)
		atomic_store_explicit(&s->version, version, memory_order_release);
}

void heads_refresh(struct heads *h, uint64_t (*head)(void *arg, struct span stream), void *arg)
{
	for (uint64_t i = 0; i < h->table->used && i < HEADS_STREAMS_MAX; i++) {
		struct slot *s = &h->table->slots[i];
		atomic_store_explicit(&s->version, head(arg, span_of(s->name)),
				      memory_order_release);
	}
}

void heads_set_global(struct heads *h, uint64_t version)
{
	atomic_store_explicit(&h->table->global, version, memory_order_release);
}

uint64_t heads_get(const struct heads *h, struct span stream)
{
	struct slot *s = find(h, stream);
	return s ? atomic_load_explicit(&s->version, memory_order_acquire) : 0;
}

bool heads_full(const struct heads *h)
{
	return atomic_load_explicit(&h->table->used, memory_order_acquire) >= HEADS_STREAMS_MAX;
}

uint64_t heads_global(const struct heads *h)
{
	return atomic_load_explicit(&h->table->global, memory_order_acquire);
}
