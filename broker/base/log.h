/* Lines for people and for collectors, on standard error:
 *   2026-11-24T10:00:00.123Z WARN store: commit took 312 ms key=value
 * Any thread; a line is one write. The level comes from TROUPE_LOG
 * (debug, info, warn, error; info otherwise), read once by log_init. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* `level` NULL or unknown: info. Call it before threads exist. */
void log_init(const char *level);
void log_line(enum log_level level, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(who, ...) log_line(LOG_DEBUG, who, __VA_ARGS__)
#define log_info(who, ...) log_line(LOG_INFO, who, __VA_ARGS__)
#define log_warn(who, ...) log_line(LOG_WARN, who, __VA_ARGS__)
#define log_error(who, ...) log_line(LOG_ERROR, who, __VA_ARGS__)

#endif
