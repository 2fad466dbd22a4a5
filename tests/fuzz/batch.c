/* A batch of a peer: what the reader gives lies inside of it, in order, and is
 * the same when it is batched again; and a broker that gets it goes on, answers
 * only what can be read, and keeps its sessions. */
#include "broker/base/log.h"
#include "broker/messages.h"
#include "broker/batch.h"
#include "broker/router.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
	"\x92\xc4\x03pod\xc4\x01x",
	/* a request of alice to bob, one to herself and one to nobody */
	"\x93\xc4\x1a\x9f\x01\x03\x01\xa3"
	"bob\xa5"
	"alice\x92\x01\x02\x07\x63\xcc\x80\x05\x08\xc0\x01\xc2\x80"
	"\xc4\x1c\x9f\x01\x03\x01\xa5"
	"alice\xa5"
	"alice\x92\x01\x02\x07\x63\xcc\x80\x05\x08\xc0\x01\xc2\x80"
	"\xc4\x1a\x9f\x01\x02\x01\xa3"
	"eve\xa5"
	"alice\x92\x01\x02\x07\x63\xcc\x80\x05\x08\xc0\x01\xc2\x80",
	"\x92\xc4\x08\x92\xc4\x01x\xc4\x01y\xc4\x01z",
	"\xdd\x7f\xff\xff\xff\xc4\x01x",
	NULL,
};

static void again(struct span in)
{
	struct batch_reader a, b;
	struct batch copy = {.limit = BATCH_BYTES_MAX};
	struct span one, two;
	if (batch_open(&a, in, NULL))
		return;
	while (batch_next(&a, &one)) {
		fuzz_hold(one.data >= in.data && one.data + one.len <= in.data + in.len);
		if (batch_takes(&copy, one.len) && batch_has_room(&copy, one.len))
			batch_add(&copy, one);
		else
			return batch_fini(&copy);
	}
	size_t count = copy.count;
	struct bytes *frame = batch_take(&copy);
	if (count > 1) {
		fuzz_hold(batch_open(&a, in, NULL) == 0 &&
			  batch_open(&b, bytes_span(frame), NULL) == 0 && b.left == count);
		while (batch_next(&a, &one))
			fuzz_hold(batch_next(&b, &two) && span_eq(one, two));
	}
	bytes_unref(frame);
}

static int on_send(void *arg, uint64_t peer, struct bytes *frame)
{
	struct batch_reader r;
	struct span one = bytes_span(frame);
	(void)arg;
	if (batch_is(one)) {
		fuzz_hold(batch_open(&r, one, NULL) == 0);
		while (batch_next(&r, &one))
			fuzz_hold(mp_check(one, NULL) == 0);
	} else {
		fuzz_hold(mp_check(one, NULL) == 0);
	}
	return peer == 2 ? ERR_OVERLOADED : 0;
}

static void on_publish(void *arg, struct bytes *frame, bool trusted)
{
	(void)arg;
	(void)trusted;
	fuzz_hold(bytes_span(frame).len > 0);
}

static void hello(struct router *r, uint64_t peer, const char *name)
{
	struct buf b = {0}, out = {0};
	mpw_map(&b, 4);
	mpw_kv_str(&b, "cell", name);
	mpw_kv_u64(&b, "incarnation", 1);
	mpw_kv_u64(&b, "batch", BATCH_BYTES_MAX);
	mpw_str(&b, "names");
	mpw_array(&b, 1);
	mpw_str(&b, name);
	struct envelope env = {
		.type = ENV_SYSTEM, .cluster = 1, .kind = MSG_SESSION_HELLO, .body = span_buf(&b)};
	env_encode(&out, &env);
	struct bytes *frame = bytes_take(&out);
	router_on_frame(r, peer, frame, false, 1);
	bytes_unref(frame);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct router_ops ops = {NULL, on_send, on_publish, NULL};
	log_init("off");
	again((struct span){data, size});
	struct router *r = router_new(&ops, 1, 0); /* epochs 1 and 2 */
	hello(r, 1, "alice");
	hello(r, 2, "bob");
	struct bytes *frame = bytes_copy(data, size);
	router_on_frame(r, 1, frame, false, 2);
	router_on_frame(r, 3, frame, false, 2);
	bytes_unref(frame);
	router_flush(r);
	router_tick(r, 3);
	router_free(r);
	return 0;
}
