/* What is particular about a kind: a row of functions. NULL means that
 * nothing is. objects_install puts a strategy on each resource's row; a row
 * without one (a custom resource) gets the plain one.
 *
 * Private to actors/objects. Every function works on trees in the write's
 * arena and reports faults; none has effects. */
#ifndef OBJECTS_STRATEGY_H
#define OBJECTS_STRATEGY_H

#include "actors/objects/field.h"
#include "actors/objects/objects.h"
#include "actors/objects/rules.h"

/* A request while it is planned. */
struct write {
	const struct obj_request *req;
	const struct obj_reader *reader;
	struct obj_plan *plan;
	struct arena *a;
	const struct schema_resource *r;
	const struct strategy *s;
	struct span namespace, name;
	struct obj_delete_options del;
	bool dry_run;
	struct store_row row; /* of the object, as it was read */
	struct doc *old;      /* what it holds; NULL: there is none */
	struct doc *obj;      /* what it shall hold */
	/* What was read of the namespace's and the cluster's lists (admission.h). */
	struct doc *namespace_lists, *default_lists;
	struct doc *given_fields; /* managedFields as the body had them, or NULL */
	struct managed_apply *apply; /* of an apply */
	const char *now;      /* RFC 3339 */
	struct faults faults;
};

/* One subresource that is written: how the new object is made from the body,
 * before the common rules are applied. */
struct subresource {
	const char *name;
	/* The body is the object itself; what it may change is decided here. */
	void (*prepare)(struct write *w);
	void (*validate)(struct write *w);
	bool counts; /* what it changes of the spec is a generation */
	/* The body is something else (a Binding): makes w->obj, a copy of w->old,
	 * what it shall be; NULL in w->obj: it has completed the plan itself.
	 * A Status refuses. It is of this kind, in these versions (up to a NULL), and
	 * names the object; `check`, or NULL, looks at it before anything is read. */
	const char *kind;
	const char *const *versions;
	struct doc *(*check)(struct write *w, struct doc *body);
	struct doc *(*create)(struct write *w, const struct doc *body);
	/* The body is another type ("autoscaling/v1.Scale") that shows a part of
	 * the object: `show` makes it of an object, `take` brings what it says
	 * into w->obj. */
	const char *type;
	struct doc *(*show)(struct arena *a, const struct doc *obj);
	void (*take)(struct write *w, const struct doc *shown);
};

struct strategy {
	name_check *name; /* NULL: a DNS subdomain */
	bool unconditional_update; /* a PUT needs no resourceVersion */
	bool create_on_update;	   /* a PUT makes what is not there */
	bool generation;	   /* counts changes of spec */
	bool counts_annotations;   /* and those of annotations */
	/* `status` is written by itself: a create or an update does not touch it,
	 * and the subresource touches nothing else. */
	bool status;
	bool returns_deleted;	   /* DELETE answers with the object */
	bool orphans;		   /* its default propagation */
	bool owns_nothing;	   /* no policy of propagation means anything */
	/* Objects of this namespace are soft keys of the store (store.h): gone
	 * after a restart, and no quota counts them. NULL: none are. */
	const char *soft_in;
	/* Tables (rules.h), or NULL; the functions come after them. */
	const struct fill *fills;
	const struct rule *rules;		  /* on create and update */
	const struct rule *status_rules;	  /* of the subresource */
	const char *const *fixed;		  /* paths that an update leaves as they are */
	void (*defaults)(struct write *w);	  /* of w->obj, as decoded */
	void (*prepare_create)(struct write *w);  /* drops what clients may not set */
	void (*prepare_update)(struct write *w);  /* takes from w->old what they may not change */
	void (*validate)(struct write *w);	  /* of w->obj, on create and update */
	void (*validate_update)(struct write *w); /* against w->old */
	bool (*admit_update)(struct write *w); /* of what is valid; false: refused */
	void (*validate_status)(struct write *w); /* of the subresource */
	/* Tells what is odd in w->obj (warning.h): of a new object, and of one whose
	 * spec changes. */
	void (*warn)(struct write *w);
	/* Seconds that a deletion waits; 0: none. NULL: never waits. */
	int64_t (*grace_s)(const struct write *w);
	/* Whether more than metadata.finalizers keeps a deleted object. */
	bool (*kept)(const struct write *w, const struct doc *obj);
	/* Marks a first deletion in a way of its own; NULL: as usual. */
	void (*mark_deleted)(struct write *w);
	/* NULL, or a Status that refuses a deletion. */
	struct doc *(*may_delete)(struct write *w);
	/* Takes and releases what the object holds beside its own key: called
	 * before w->obj is put, and with `removing` before it is removed. May
	 * complete w->obj. False: refused. */
	bool (*claims)(struct write *w, bool removing);
	const struct subresource *subresources; /* the last one has no name */
};

extern const struct strategy strategy_plain, strategy_pod, strategy_namespace, strategy_node,
	strategy_configmap, strategy_secret, strategy_serviceaccount, strategy_event,
	strategy_lease, strategy_replicationcontroller, strategy_service, strategy_endpoints,
	strategy_endpointslice, strategy_deployment, strategy_replicaset, strategy_daemonset,
	strategy_statefulset, strategy_controllerrevision, strategy_job, strategy_cronjob,
	strategy_autoscaler, strategy_poddisruptionbudget, strategy_ingress, strategy_ingressclass,
	strategy_networkpolicy, strategy_role, strategy_clusterrole, strategy_rolebinding,
	strategy_clusterrolebinding, strategy_storageclass, strategy_volumeattachment,
	strategy_csidriver, strategy_csinode, strategy_priorityclass, strategy_runtimeclass,
	strategy_persistentvolume, strategy_persistentvolumeclaim, strategy_resourcequota,
	strategy_limitrange, strategy_podtemplate;

/* ---- what strategies share */

/* Subresources of a kind whose status is written by itself, with and without a
 * Scale (spec.replicas, status.replicas, a LabelSelector). */
extern const struct subresource subresources_status[], subresources_scale[];

/* spec, status and the like: w->obj's child becomes a copy of w->old's. */
void keep_old(struct write *w, const char *field);
/* A copy of `d` in the write's arena, NULL of NULL. */
struct doc *copy_of(struct write *w, const struct doc *d);
/* Replaces or removes (NULL) a child of a map. */
void put_or_remove(struct write *w, struct doc *map, const char *key, struct doc *value);
static inline bool doc_absent(const struct doc *d)
{
	return !d || d->type == DOC_NULL;
}

#endif
