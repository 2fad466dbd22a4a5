/* YAML from people: a document, a stream of them, a config file. A tree that
 * came out can be written as msgpack and as JSON. */
#include "actors/schema/json.h"
#include "actors/schema/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "tools/config.h"

const char *const fuzz_seeds[] = {
	"cluster: demo\nstore: {driver: lmdb, path: data, quota: 8GiB}\ncells:\n  - name: core\n"
	"    actors: [{kind: gate}, {kind: scheduler, profiles: [default]}]\n  - name: api\n"
	"    process: own\n    actors: [{kind: api, listen: \"127.0.0.1:6443\"}]\n",
	"a: &x {b: 0x1f, c: 1e3, d: ~}\ne: *x\nf:\n  <<: *x\n  g: |\n    text\n---\n- yes\n- 017\n",
	NULL,
};

static void write_out(const struct doc *d)
{
	struct buf mp = {0}, json = {0};
	struct err e = {0};
	doc_to_mp(&mp, d);
	fuzz_hold(mp_check(span_buf(&mp), &e) == 0);
	json_from_doc(&json, d);
	buf_fini(&mp);
	buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size};
	struct arena a = {0};
	struct notes dups = {0};
	struct err e = {0};
	struct doc *d = NULL;
	if (yaml_parse(&a, text, &d, &dups, &e) == 0)
		write_out(d);
	struct yaml_stream *s = yaml_stream_new(text);
	while (yaml_stream_next(s, &a, &d, NULL, &e) == 0)
		write_out(d);
	yaml_stream_destroy(s);
	arena_fini(&a);
	struct config c = {0};
	config_parse(&c, "fuzz.yaml", text, &e);
	config_fini(&c);
	return 0;
}
