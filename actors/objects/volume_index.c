#include "actors/objects/volume_index.h"

#include <stdio.h>

#include "actors/objects/volume_match.h"

static struct span under(char out[VOLUME_UNDER_MAX], const char *what, struct span a, struct span b)
{
	int n = snprintf(out, VOLUME_UNDER_MAX, "%s/%.*s%s%.*s", what, (int)a.len,
			 (const char *)a.data, b.len ? "/" : "", (int)b.len, (const char *)b.data);
	return (struct span){(uint8_t *)out,
			     (size_t)(n < VOLUME_UNDER_MAX ? n : VOLUME_UNDER_MAX - 1)};
}

/* ---- volumes */

struct span volumes_for(char out[VOLUME_UNDER_MAX], struct span namespace, struct span claim)
{
	return under(out, "for", namespace, claim);
}

struct span volumes_free(char out[VOLUME_UNDER_MAX], struct span class)
{
	return under(out, "free", class, (struct span){0});
}

static void volume_keys(struct mp volume, void (*put)(void *arg, struct span under), void *arg)
{
	char text[VOLUME_UNDER_MAX];
	struct span claim = mp_path_str(volume, "spec.claimRef.name");
	if (claim.len)
		put(arg, volumes_for(text, mp_path_str(volume, "spec.claimRef.namespace"), claim));
	else if (volume_is_free(volume))
		put(arg, volumes_free(text, volume_class(volume)));
}

const struct view_index_spec volumes_by_binding = {.name = "binding", .keys = volume_keys};

/* ---- claims */

const char CLAIMS_WITHOUT_CLASS[] = "classless";

struct span claims_on(char out[VOLUME_UNDER_MAX], struct span volume)
{
	return under(out, "on", volume, (struct span){0});
}

struct span claims_that_want(char out[VOLUME_UNDER_MAX], struct span class)
{
	return under(out, "wants", class, (struct span){0});
}

static void claim_keys(struct mp claim, void (*put)(void *arg, struct span under), void *arg)
{
	char text[VOLUME_UNDER_MAX];
	struct span volume = mp_path_str(claim, "spec.volumeName");
	if (volume.len) {
		put(arg, claims_on(text, volume));
		return;
	}
	put(arg, claims_that_want(text, volume_class(claim)));
	if (claim_wants_default_class(claim))
		put(arg, span_of(CLAIMS_WITHOUT_CLASS));
}

const struct view_index_spec claims_by_binding = {.name = "binding", .keys = claim_keys};

/* ---- pods */

struct span pods_with(char out[VOLUME_UNDER_MAX], struct span namespace, struct span claim)
{
	return under(out, "with", namespace, claim);
}

struct putting {
	void (*put)(void *arg, struct span under);
	void *arg;
	struct span namespace;
};

static void put_claim(void *arg, const struct pod_claim_name *n)
{
	struct putting *p = arg;
	char text[VOLUME_UNDER_MAX];
	p->put(p->arg, pods_with(text, p->namespace, n->claim));
}

static void pod_keys(struct mp pod, void (*put)(void *arg, struct span under), void *arg)
{
	struct putting p = {put, arg, mp_path_str(pod, "metadata.namespace")};
	pod_claims_each(pod, put_claim, &p);
}

const struct view_index_spec pods_by_claim = {.name = "claims", .keys = pod_keys};
