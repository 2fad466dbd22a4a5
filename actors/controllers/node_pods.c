#include "actors/controllers/node_pods.h"

static void keys(struct mp pod, void (*put)(void *arg, struct span under), void *arg)
{
	struct span node = mp_path_str(pod, "spec.nodeName");
	if (node.len)
		put(arg, node);
}

const struct view_index_spec pods_by_node = {.name = "node", .keys = keys};
