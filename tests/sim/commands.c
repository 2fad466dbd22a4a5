/* Reliable commands under the simulator: links that lose, a broker that is
 * started again and again, a receiver that fails. What must hold: in order, each
 * handled exactly once while the receiver's cell lives, each told of exactly
 * once; and a receiver's cell that begins again is found again, one that stays
 * away is given up. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/runtime/messages.h"
#include "actors/runtime/sim_verbs.h"
#include "broker/base/log.h"
#include "tests/lib/seeds.h"

enum { DO = 200, COMMANDS = 200, SEEDS = 60 };

static const struct msg_field number_field[] = {{"n", MP_INT, 0, true, "a number"},
						{NULL, MP_NONE, 0, false, NULL}};
static const struct msg_row rows[] = {
	{DO, "test.do", CLASS_COMMAND, ROLE_CELL, number_field, "do that"},
	{201, "test.say", CLASS_SEND, ROLE_CELL, number_field, "no command"},
	{0, NULL, CLASS_SYSTEM, 0, NULL, NULL},
};
static const struct msg_table test_messages = {"tests", rows};
static const struct msg_table *const tables[] = {&broker_messages, &runtime_messages,
						 &test_messages, NULL};
static const struct catalogue catalogue = {tables};

/* What the test knows, outside of the actors. */
struct ledger {
	int handled[COMMANDS + 1], told[COMMANDS + 1], refused[COMMANDS + 1];
	int last, out_of_order, total_told;
	int poison; /* this number always fails; 0 none */
	bool failing; /* the receiver fails now and then */
};

/* ---- the sender: all at once, so that most wait for the window */

struct sender {
	int unused;
};

static int sender_init(struct ctx *c, void *st, struct mp cfg)
{
	(void)st, (void)cfg;
	for (int n = 1; n <= COMMANDS; n++) {
		struct buf b = {0};
		mpw_map(&b, 1);
		mpw_kv_i64(&b, "n", n);
		ctx_command(c, "receiver", "test.do", &b, 0, (uint64_t)n);
	}
	return 0;
}

static int sender_reply(struct ctx *c, void *st, uint64_t tag, const struct reply *r)
{
	struct ledger *l = ctx_shared(c, "ledger");
	(void)st;
	l->told[tag]++;
	l->refused[tag] = r->status;
	l->total_told++;
	return 0;
}

static const struct actor_spec sender_spec = {.kind = "sender",
					      .state_bytes = sizeof(struct sender),
					      .init = sender_init, .on_reply = sender_reply};

/* ---- the receiver */

static int receiver_do(struct ctx *c, void *st, const struct msg *m)
{
	struct ledger *l = ctx_shared(c, "ledger");
	int n = (int)mp_path_int(m->body, "n", 0);
	(void)st;
	if (n == l->poison || (l->failing && m->attempt < 2 && ctx_random(c) % 20 == 0))
		return ERR_INVALID; /* and it did not happen */
	l->handled[n]++;
	l->out_of_order += n < l->last;
	l->last = n;
	return 0;
}

static const struct actor_handler handlers[] = {{"test.do", receiver_do}, {NULL, NULL}};
static const struct actor_spec receiver_spec = {.kind = "receiver", .state_bytes = 1,
						.handlers = handlers};

static const struct actor_spec *const kinds[] = {&sender_spec, &receiver_spec, NULL};

/* ---- the cluster */

static void *shared(void *arg, const char *name)
{
	return strcmp(name, "ledger") == 0 ? arg : NULL;
}

static void add(void *arg, struct cell *c, const char *name)
{
	static const uint8_t none[] = {0x80};
	(void)arg;
	cr_assert_eq(cell_add_actor(c, name, name, mp_of((struct span){none, 1}), NULL), 0);
}

static void refill(void *arg, struct cell *c)
{
	add(arg, c, cell_name(c)); /* a cell is called as its actor */
}

static struct sim *begin(struct ledger *l, uint64_t seed, unsigned loss_permille)
{
	struct sim_config cfg = {
		.seed = seed,
		.catalogue = &catalogue,
		.kinds = kinds,
		.latency_min_us = 20,
		.latency_max_us = 3000,
		.link_loss_permille = loss_permille,
		.shared = shared,
		.shared_arg = l,
		.restart = {.intensity = 1000, .window_us = 1000000, .backoff_min_us = 1000,
			    .backoff_max_us = 20000},
	};
	struct sim *s = sim_new(&cfg);
	refill(NULL, sim_cell(s, "receiver"));
	refill(NULL, sim_cell(s, "sender"));
	return s;
}

static bool all_told(void *arg)
{
	return ((struct ledger *)arg)->total_told >= COMMANDS;
}

static void expect_each_once(const struct ledger *l, uint64_t seed)
{
	for (int n = 1; n <= COMMANDS; n++) {
		int want = n == l->poison ? 0 : 1;
		cr_assert_eq(l->told[n], 1, "seed %d: %d told %d times", (int)seed, n, l->told[n]);
		cr_assert_eq(l->handled[n], want, "seed %d: %d handled %d times", (int)seed, n,
			     l->handled[n]);
		cr_assert_eq(l->refused[n], n == l->poison ? ERR_POISON : 0, "seed %d: %d", (int)seed,
			     n);
	}
	cr_assert_eq(l->out_of_order, 0);
}

static void quiet(void)
{
	log_init("off");
}

TestSuite(commands, .init = quiet);

Test(commands, are_handled_in_order_and_told_of_once)
{
	struct ledger l = {0};
	struct sim *s = begin(&l, 1, 0);
	cr_assert(sim_run(s, 10000000, all_told, &l));
	sim_run(s, 20000000, NULL, NULL);
	expect_each_once(&l, 1);
	sim_free(s);
}

static uint64_t run_seed(uint64_t seed)
{
	struct ledger l = {.failing = true, .poison = seed % 2 ? 50 : 0};
	struct sim *s = begin(&l, seed, 100);
	for (int i = 0; i < 5; i++) {
		sim_run(s, sim_now_us(s) + 100000 + sim_random(s) % 1000000, NULL, NULL);
		sim_restart_broker(s);
	}
	cr_assert(sim_run(s, sim_now_us(s) + 300000000, all_told, &l), "seed %d: %d told", (int)seed,
		  l.total_told);
	sim_run(s, sim_now_us(s) + 10000000, NULL, NULL);
	expect_each_once(&l, seed);
	uint64_t digest = sim_digest(s);
	sim_free(s);
	return digest;
}

Test(commands, survive_loss_broker_restarts_and_failures_and_replay_the_same)
{
	struct seed_range r = seed_range(SEEDS);
	for (uint64_t seed = r.first; seed < r.first + r.count; seed++)
		cr_assert_eq(run_seed(seed), run_seed(seed), "seed %d has two histories", (int)seed);
}

Test(commands, a_poisoned_one_is_refused_and_a_dead_letter_and_the_others_go_on)
{
	struct ledger l = {.poison = 7};
	struct sim *s = begin(&l, 3, 0);
	cr_assert(sim_run(s, 20000000, all_told, &l));
	expect_each_once(&l, 3);
	cr_expect_eq(sim_dead_letters(s, "receiver")->by_reason[DEAD_POISON], 1);
	cr_expect_eq(sim_dead_letters(s, "receiver")->total, 1);
	cr_expect_eq(sim_dead_letters(s, "sender")->total, 0);
	sim_free(s);
}

static void expect_command(struct sim *s, unsigned nth)
{
	struct err e = {0};
	cr_assert_eq(sim_expect(s, &(struct sim_which){.kind = "test.do", .nth = nth}, 10000000, &e), 0,
		     "%s", e.text);
}

/* The sender cannot know that its command was handled: it sends it again, and
 * the receiver, who knows, handles it no second time. */
Test(commands, sent_again_for_want_of_an_acknowledgement_are_handled_once)
{
	struct ledger l = {0};
	struct err e = {0};
	struct sim *s = begin(&l, 4, 0);
	int hold = sim_hold(s, &(struct sim_which){.kind = "command.ack", .cell = "sender"});
	cr_assert_gt(hold, 0);
	expect_command(s, 1);
	sim_run(s, sim_now_us(s) + 5000000, NULL, NULL);
	cr_expect_gt(sim_held(s, hold), 1, "and those of what was sent again");
	cr_expect_eq(l.handled[1], 1);
	cr_expect_eq(l.total_told, 0);
	cr_expect_eq(sim_allow(s, hold), 0);
	cr_assert(sim_run(s, sim_now_us(s) + 60000000, all_told, &l));
	expect_each_once(&l, 4);
	cr_expect_eq(sim_expect(s, &(struct sim_which){.kind = "test.do"}, 1000000, &e), ERR_TIMEOUT);
	cr_expect_eq(strncmp(e.text, "no test.do any -> any within 1000000 us; came instead:", 54), 0, "%s",
		     e.text);
	sim_free(s);
}

/* Of what is on its way, the fifth is wanted now: the four before it come with
 * it, since they are of the same pair, and no clock moves. */
Test(commands, brought_forward_come_with_what_their_pair_said_before)
{
	struct ledger l = {0};
	struct sim *s = begin(&l, 6, 0);
	struct sim_which fifth = {.kind = "test.do", .to = "receiver", .nth = 5};
	while (sim_bring_forward(s, &fifth) == ERR_NOT_FOUND)
		sim_run(s, sim_now_us(s) + 10, NULL, NULL);
	uint64_t brought = sim_now_us(s);
	cr_expect_eq(l.handled[5], 0, "it has arrived; its turn is to come");
	sim_run(s, brought + 300, NULL, NULL);
	for (int n = 1; n <= 5; n++)
		cr_expect_eq(l.handled[n], 1, "%d", n);
	cr_expect_eq(l.out_of_order, 0);
	cr_expect_eq(sim_bring_forward(s, &(struct sim_which){.kind = "test.no"}), ERR_NOT_FOUND);
	cr_assert(sim_run(s, brought + 60000000, all_told, &l));
	expect_each_once(&l, 6);
	sim_free(s);
}

/* Its inboxes are gone with it: what it had not been heard of comes again. */
Test(commands, find_a_receiver_whose_cell_began_again)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct ledger l = {0};
		struct sim *s = begin(&l, seed, 50);
		expect_command(s, 30);
		sim_crash_cell(s, "receiver", refill, NULL);
		cr_assert(sim_run(s, sim_now_us(s) + 100000000, all_told, &l), "seed %d: %d told",
			  (int)seed, l.total_told);
		for (int n = 1; n <= COMMANDS; n++) {
			cr_assert_eq(l.told[n], 1);
			cr_assert_eq(l.refused[n], 0);
			cr_assert_geq(l.handled[n], 1, "seed %d: %d", (int)seed, n);
			cr_assert_leq(l.handled[n], 2);
		}
		sim_free(s);
	}
}

Test(commands, tell_their_sender_that_the_receiver_was_given_up)
{
	struct ledger l = {0};
	struct sim *s = begin(&l, 5, 0);
	expect_command(s, 30);
	uint64_t stopped = sim_now_us(s);
	sim_stop_cell(s, "receiver");
	cr_assert_not(sim_run(s, stopped + COMMAND_GIVE_UP_US - 1000000, all_told, &l));
	cr_assert(sim_run(s, stopped + COMMAND_GIVE_UP_US + 10000000, all_told, &l));
	for (int n = 1; n <= COMMANDS; n++)
		cr_assert_eq(l.told[n], 1, "%d", n);
	cr_expect_eq(l.refused[COMMANDS], ERR_UNREACHABLE);
	cr_expect_eq(sim_dead_letters(s, "sender")->total, 0, "who was told has no dead letters");
	sim_free(s);
}
