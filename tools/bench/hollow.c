/* What kubelets would say, for a cluster that has none: every pod that is
 * bound is said to be running and ready, every one that is to end is removed
 * at once. One watch, and as many connections for the writes as asked.
 * Usage: hollow PORT [CONNECTIONS]     environment: TOKEN. Says "watching". */
#include <pthread.h>

#include "tools/bench/http_client.h"

struct job {
	struct job *next;
	bool ends;
	char path[600];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;
	int port;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &queue.first, 0};

static void put(bool ends, const char *namespace, const char *name)
{
	struct job *j = calloc(1, sizeof *j);
	j->ends = ends;
	snprintf(j->path, sizeof j->path, "/api/v1/namespaces/%s/pods/%s%s", namespace, name,
		 ends ? "" : "/status");
	pthread_mutex_lock(&queue.lock);
	*queue.last = j;
	queue.last = &j->next;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

static struct job *take(void)
{
	pthread_mutex_lock(&queue.lock);
	while (!queue.first)
		pthread_cond_wait(&queue.more, &queue.lock);
	struct job *j = queue.first;
	queue.first = j->next;
	if (!j->next)
		queue.last = &queue.first;
	pthread_mutex_unlock(&queue.lock);
	return j;
}

static const char *running(char *out, size_t cap)
{
	char at[32];
	struct tm tm;
	time_t now = time(NULL);
	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
#define IS(type) "{\"type\":\"" type "\",\"status\":\"True\",\"lastTransitionTime\":\"%s\"}"
	snprintf(out, cap,
		 "{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.1.2.3\",\"startTime\":\"%s\",\"conditions\":["
		 IS("Initialized") "," IS("Ready") "," IS("ContainersReady") "," IS("PodScheduled") "],"
		 "\"containerStatuses\":[{\"name\":\"c\",\"ready\":true,\"started\":true,\"restartCount\":0,"
		 "\"image\":\"a\",\"imageID\":\"a\",\"state\":{\"running\":{\"startedAt\":\"%s\"}}}]}}",
		 at, at, at, at, at, at);
	return out;
}

static void *work(void *arg)
{
	struct http_client *c = http_dial(queue.port);
	char body[2000];
	(void)arg;
	for (;;) {
		struct job *j = take();
		int status = j->ends ? http_do(c, "DELETE", j->path, "json",
					       "{\"gracePeriodSeconds\":0}")
				     : http_do(c, "PATCH", j->path, "merge-patch+json",
					       running(body, sizeof body));
		if (status >= 300 && status != 404 && status != 409)
			fprintf(stderr, "hollow: %s: %d\n", j->path, status);
		free(j);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char name[300], namespace[300];
	pthread_t thread;
	int writers = argc > 2 ? atoi(argv[2]) : 8;
	if (argc < 2 || writers < 1)
		return 64;
	queue.port = atoi(argv[1]);
	http_init();
	struct http_watch w;
	http_watch_begin(&w, queue.port, "/api/v1/pods?");
	for (int i = 0; i < writers; i++)
		pthread_create(&thread, NULL, work, NULL);
	puts("watching");
	fflush(stdout);
	for (;;) {
		char *line = http_watch_event(&w);
		bool gone = strstr(line, "\"type\":\"DELETED\"");
		if (gone || !http_field(line, "\"name\":\"", name, sizeof name) ||
		    !http_field(line, "\"namespace\":\"", namespace, sizeof namespace))
			continue;
		if (strstr(line, "\"deletionTimestamp\":\""))
			put(true, namespace, name);
		else if (strstr(line, "\"nodeName\":\"") && strstr(line, "\"phase\":\"Pending\""))
			put(false, namespace, name);
	}
}
