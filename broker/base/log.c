#include "broker/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int threshold = LOG_INFO; /* the one switch of the process */

static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR", "OFF"};
static const char *const words[] = {"debug", "info", "warn", "error", "off"};

void log_init(const char *level)
{
	for (int i = 0; level && i <= LOG_OFF; i++)
		if (strcmp(level, words[i]) == 0)
			threshold = i;
}

void log_line(enum log_level level, const char *who, const char *fmt, ...)
{
	if ((int)level < threshold)
		return;
	struct timespec t;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &utc);
	char line[2048];
	size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %s %s: ",
			      t.tv_nsec / 1000000, names[level], who);
	va_list ap;
	va_start(ap, fmt);
	int more = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	n += more < 0 ? 0 : (size_t)more;
	if (n > sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}
