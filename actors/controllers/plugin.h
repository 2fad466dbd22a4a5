/* A controller as a shared object: what is built outside this tree, against
 * the headers that `make sdk` installs, and is loaded by config into a process
 * of its own:
 *
 *	cells:
 *	- name: mine
 *	  process: own
 *	  actors: [{kind: plugin, file: mine.so, config: {limit: 5}}]
 *
 * It exports one symbol, made by the macro below from a `struct actor_spec`
 * just like those of the controllers in this folder (reconcile.h; the config's
 * `config` is at "config" in init's cfg). `troupe plugin check FILE` says
 * whether it fits; tools/sdk/README.md is the tutorial.
 *
 * The contract is these headers, all they include, and the functions that they
 * declare. It is a contract of binaries: structs are in it. So a plugin fits
 * the very headers that it was built with: the digest is over their text
 * without comments. The number is for people: it rises when a plugin must be
 * changed and not only built again. */
#ifndef CONTROLLERS_PLUGIN_H
#define CONTROLLERS_PLUGIN_H

#include "actors/controllers/reconcile.h"
#if __has_include("troupe_contract.h")
#include "troupe_contract.h" /* TROUPE_CONTRACT_DIGEST; made by tools/sdk/contract.py */
#endif

#define TROUPE_CONTRACT 1
#define TROUPE_PLUGIN_MAGIC UINT64_C(0x74726f7570650a01)

/* The first four stay where they are in every contract: they are looked at
 * before anything else is. */
struct troupe_plugin {
	uint64_t magic;
	uint32_t contract;
	uint32_t bytes; /* of this struct */
	uint64_t digest;
	const char *version; /* the plugin's own, for people */
	const struct actor_spec *actor; /* its kind: no kind of Troupe's own */
};

#define TROUPE_PLUGIN_SYMBOL "troupe_plugin"
#define TROUPE_PLUGIN(spec, text)                                                                  \
	extern const struct troupe_plugin troupe_plugin;                                           \
	__attribute__((visibility("default"))) const struct troupe_plugin troupe_plugin = {        \
		TROUPE_PLUGIN_MAGIC,	TROUPE_CONTRACT, sizeof(struct troupe_plugin),             \
		TROUPE_CONTRACT_DIGEST, (text),		 &(spec)}

#endif
