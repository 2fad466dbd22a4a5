/* Watches a path until N objects are as said, and ends. An object is so when
 * the text of its last event has each pattern, and none that begins with '!'.
 * Says "watching" once it will miss nothing; then what was watched, as JSON.
 * Usage: until PORT "PATH?" N PATTERN...     environment: TOKEN */
#include "tools/bench/http_client.h"

enum { SLOTS = 1 << 16 };

static char *names[SLOTS];
static bool good[SLOTS];

static size_t slot_of(const char *name)
{
	size_t h = 5381;
	for (const char *p = name; *p; p++)
		h = h * 33 + (unsigned char)*p;
	for (h %= SLOTS; names[h] && strcmp(names[h], name) != 0; h = (h + 1) % SLOTS)
		;
	if (!names[h])
		names[h] = strdup(name);
	return h;
}

static bool matches(const char *line, char **patterns)
{
	for (; *patterns; patterns++) {
		bool denied = **patterns == '!';
		if (!strstr(line, *patterns + denied) != denied)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	long want = argc > 4 ? atol(argv[3]) : 0, have = 0, events = 0, bytes = 0;
	char name[300];
	if (want <= 0 || want > SLOTS / 2)
		return 64;
	http_init();
	struct http_watch w;
	http_watch_begin(&w, atoi(argv[1]), argv[2]);
	puts("watching");
	fflush(stdout);
	for (; have < want; events++) {
		char *line = http_watch_event(&w);
		bytes += (long)w.client->len;
		if (!http_field(line, "\"name\":\"", name, sizeof name))
			http_die(line);
		size_t s = slot_of(name);
		have -= good[s];
		good[s] = matches(line, argv + 4);
		have += good[s];
	}
	printf("{\"events\":%ld,\"bytes\":%ld}\n", events, bytes);
	return 0;
}
