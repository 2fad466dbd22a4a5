/* Creates at a steady rate, whether the server keeps up or not: how long each took
 * since it was due. Prints "p50_ms p99_ms max_ms other-than-201".
 * Usage: paced PORT RATE SECONDS NAME-PREFIX
 * Environment: TOKEN. */
#include <pthread.h>
#include <stdatomic.h>

#include "tools/bench/http_client.h"

enum { CONNECTIONS = 16 };

static struct {
	int port;
	long rate, count;
	const char *prefix;
	double start;
	_Atomic long next, failed;
	double *took_ms;
} load;

static void wait_until(double at)
{
	double left = at - http_now_s();
	struct timespec t = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
	if (left > 0)
		nanosleep(&t, NULL);
}

static void create(struct http_client *c, long number)
{
	char body[600];
	snprintf(body, sizeof body,
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s-%ld\",\"labels\":{\"app\":\"x\"}},"
		 "\"spec\":{\"schedulerName\":\"nobody\",\"containers\":[{\"name\":\"c\",\"image\":\"busybox:1.29\","
		 "\"command\":[\"sleep\",\"3600\"]}]}}",
		 load.prefix, number);
	if (http_do(c, "POST", "/api/v1/namespaces/default/pods", "json", body) != 201)
		load.failed++;
}

static void *work(void *arg)
{
	struct http_client *c = arg;
	for (long i; (i = load.next++) < load.count;) {
		double due = load.start + (double)i / (double)load.rate;
		wait_until(due);
		create(c, i);
		load.took_ms[i] = (http_now_s() - due) * 1e3;
	}
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	pthread_t threads[CONNECTIONS];
	struct http_client *clients[CONNECTIONS];
	if (argc != 5)
		return 64;
	http_init();
	load.port = atoi(argv[1]);
	load.rate = atol(argv[2]);
	load.count = load.rate * atol(argv[3]);
	load.prefix = argv[4];
	load.took_ms = calloc((size_t)load.count + 1, sizeof *load.took_ms);
	for (int i = 0; i < CONNECTIONS; i++)
		clients[i] = http_dial(load.port);
	load.start = http_now_s() + 0.1;
	for (int i = 0; i < CONNECTIONS; i++)
		pthread_create(&threads[i], NULL, work, clients[i]);
	for (int i = 0; i < CONNECTIONS; i++)
		pthread_join(threads[i], NULL);
	qsort(load.took_ms, (size_t)load.count, sizeof *load.took_ms, by_size);
	printf("%.2f %.2f %.2f %ld\n", load.took_ms[load.count / 2],
	       load.took_ms[load.count * 99 / 100], load.took_ms[load.count - 1], (long)load.failed);
	return 0;
}
