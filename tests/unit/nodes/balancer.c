/* Whose turn it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "nodes/proxy/balancer.h"

/* Endpoints and clients by one number each. */
static struct proxy_address at(int n)
{
	struct proxy_address a = {.family = 4, .port = 80};
	a.ip[0] = 10;
	a.ip[3] = (uint8_t)n;
	return a;
}

/* "1 2 3" */
static void set(struct balancer *b, const char *numbers, uint32_t affinity_s)
{
	struct proxy_address list[32];
	size_t n = 0;
	for (char *c = (char *)(uintptr_t)numbers; *c;)
		list[n++] = at((int)strtol(c, &c, 10));
	balancer_set(b, list, n, affinity_s);
}

static int pick(struct balancer *b, int client, uint64_t now_s)
{
	struct balancer_pick p;
	struct proxy_address from = at(client);
	const struct proxy_address *e = balancer_first(b, &p, &from, now_s);
	return e ? e->ip[3] : 0;
}

static void expect_turns(struct balancer *b, const char *want)
{
	char got[200] = "";
	size_t n = 0;
	for (const char *c = want; *c; c++)
		if (*c != ' ')
			n += (size_t)snprintf(got + n, sizeof got - n, "%s%d", n ? " " : "",
					      pick(b, 1, 0));
	cr_expect_str_eq(got, want);
}

Test(balancer, each_has_its_turn_in_order)
{
	struct balancer b = {0};
	cr_expect_eq(pick(&b, 1, 0), 0, "there is none");
	set(&b, "1 2 3", 0);
	expect_turns(&b, "1 2 3 1 2 3");
	balancer_fini(&b);
}

Test(balancer, a_change_goes_on_behind_the_last_one)
{
	struct balancer b = {0};
	set(&b, "2 4 6", 0);
	expect_turns(&b, "2 4");
	set(&b, "1 2 3 4 5 6", 0);
	expect_turns(&b, "5 6 1");
	set(&b, "2 4 6", 0);
	expect_turns(&b, "2 4");
	set(&b, "2 6", 0); /* the last one itself goes */
	expect_turns(&b, "6 2 6");
	set(&b, "", 0);
	cr_expect_eq(pick(&b, 1, 0), 0);
	set(&b, "2 6", 0);
	expect_turns(&b, "2 6");
	balancer_fini(&b);
}

Test(balancer, who_refuses_is_passed_over_and_each_is_tried_once)
{
	struct balancer b = {0};
	struct balancer_pick p;
	struct proxy_address from = at(1);
	set(&b, "1 2 3", 0);
	cr_expect_eq(pick(&b, 1, 0), 1);
	cr_expect_eq(balancer_first(&b, &p, &from, 0)->ip[3], 2);
	cr_expect_eq(balancer_again(&b, &p, 0)->ip[3], 3);
	cr_expect_eq(balancer_again(&b, &p, 0)->ip[3], 1);
	cr_expect_null(balancer_again(&b, &p, 0));
	balancer_fini(&b);
}

/* With 1 down: it is tried, and 2 takes it; then 3, then 1 and 2 again. */
Test(balancer, the_others_share_alike_when_one_is_down)
{
	struct balancer b = {0};
	int took[4] = {0};
	set(&b, "1 2 3", 0);
	for (int i = 0; i < 8; i++) {
		struct balancer_pick p;
		struct proxy_address from = at(9);
		const struct proxy_address *e = balancer_first(&b, &p, &from, 0);
		if (e->ip[3] == 1)
			e = balancer_again(&b, &p, 0);
		took[e->ip[3]]++;
	}
	cr_expect_eq(took[2], 4);
	cr_expect_eq(took[3], 4);
	balancer_fini(&b);
}

Test(balancer, tries_end_when_the_endpoints_change_meanwhile)
{
	struct balancer b = {0};
	struct balancer_pick p;
	struct proxy_address from = at(1);
	set(&b, "1 2", 0);
	balancer_first(&b, &p, &from, 0);
	set(&b, "3 4", 0);
	cr_expect_eq(balancer_again(&b, &p, 0)->ip[3], 3);
	cr_expect_null(balancer_again(&b, &p, 0), "as many tries as there are endpoints");
	set(&b, "", 0);
	cr_expect_null(balancer_again(&b, &p, 0));
	balancer_fini(&b);
}

Test(balancer, affinity_keeps_a_client_while_it_comes_often_enough)
{
	struct balancer b = {0};
	set(&b, "1 2 3", 10);
	cr_expect_eq(pick(&b, 7, 100), 1);
	cr_expect_eq(pick(&b, 8, 100), 2);
	cr_expect_eq(pick(&b, 7, 105), 1);
	cr_expect_eq(pick(&b, 7, 114), 1, "each use counts anew");
	cr_expect_eq(pick(&b, 8, 115), 3, "it was away too long");
	set(&b, "2 3", 10);
	cr_expect_neq(pick(&b, 7, 116), 1, "its endpoint is gone");
	balancer_fini(&b);
}

Test(balancer, affinity_moves_with_the_try_that_worked)
{
	struct balancer b = {0};
	struct balancer_pick p;
	struct proxy_address from = at(7);
	set(&b, "1 2 3", 10);
	cr_expect_eq(balancer_first(&b, &p, &from, 0)->ip[3], 1);
	cr_expect_eq(balancer_again(&b, &p, 0)->ip[3], 2);
	cr_expect_eq(pick(&b, 7, 1), 2);
	set(&b, "1 2 3", 0);
	cr_expect_eq(b.clients.count, 0, "without affinity nobody is remembered");
	balancer_fini(&b);
}

Test(balancer, remembers_so_many_clients_at_most)
{
	struct balancer b = {0};
	struct balancer_pick p;
	set(&b, "1 2 3", 1000);
	for (int i = 0; i < BALANCER_CLIENTS_MAX + 50; i++) {
		struct proxy_address from = at(0);
		from.ip[1] = (uint8_t)(i >> 8);
		from.ip[2] = (uint8_t)i;
		balancer_first(&b, &p, &from, 5);
	}
	cr_expect_eq(b.clients.count, BALANCER_CLIENTS_MAX);
	cr_expect_eq(pick(&b, 0, 900), pick(&b, 0, 901));
	pick(&b, 5, 3000);
	cr_expect_eq(b.clients.count, 1, "all others were silent too long");
	balancer_fini(&b);
}
