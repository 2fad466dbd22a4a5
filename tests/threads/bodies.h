/* Test bodies about threads and sockets: plain functions in a table, each run
 * in a process of its own by main.c, under any sanitizer (Criterion dies under
 * the thread sanitizer). Prints `ok NAME` and `not ok NAME` for tests/run. */
#ifndef THREADS_BODIES_H
#define THREADS_BODIES_H

struct body {
	const char *name; /* condition and outcome */
	void (*run)(void);
};
extern const struct body bodies[]; /* ends with name NULL */

/* Says where and why, and ends the body. */
void body_failed(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

#define must(condition, ...)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			body_failed(__FILE__, __LINE__, #condition " " __VA_ARGS__);               \
	} while (0)

/* Whether a process's memory says nothing: sanitizers keep what was freed. */
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
enum { BODIES_FAT = 1 };
#else
enum { BODIES_FAT = 0 };
#endif

/* Whether a run is slow by its nature: under the thread sanitizer. */
#ifdef __SANITIZE_THREAD__
enum { BODIES_SLOW = 1 };
#else
enum { BODIES_SLOW = 0 };
#endif

#endif
