/* What the printers of a Table's cells share. Private to actors/objects. */
#ifndef OBJECTS_TABLE_PRIVATE_H
#define OBJECTS_TABLE_PRIVATE_H

#include "actors/objects/table.h"

/* One row's cells on their way out. */
struct cells {
	struct buf *out;
	struct mp object;
	const struct schema_resource *resource;
	int64_t now_us;
	size_t count; /* written so far */
};

struct table_printer {
	const char *stream;
	void (*print)(struct cells *);
	/* The row's conditions as JSON, or NULL. */
	const char *(*conditions)(struct mp object);
};

void cell_text(struct cells *c, struct span text);
/* The text, or `otherwise` when it is empty. */
void cell_or(struct cells *c, struct span text, const char *otherwise);
void cell_int(struct cells *c, int64_t v);
void cell_bool(struct cells *c, bool v);
void cell_buf(struct cells *c, struct buf *text); /* and frees it */
/* How long ago a time was; "<unknown>" when there is none. */
void cell_age(struct cells *c, struct span time);
/* The same as text into a buffer. */
void age_of(struct buf *out, struct span time, int64_t now_us);
/* The entries of a map or an array; 0 when it is neither. */
size_t count_at(struct mp object, const char *path);

/* A map of labels as "a=b,c=d"; "<none>" when it is empty. */
void cell_labels(struct cells *c, const char *path);

/* A LabelSelector as text; "<none>" when it selects everything. */
void cell_selector(struct cells *c, const char *path);
/* The names and the images of the containers at a path: two cells. */
void cells_containers(struct cells *c, const char *path);
void cell_object_name(struct cells *c);
void cell_created(struct cells *c); /* how long ago */
struct span cell_at(const struct cells *c, const char *path);
/* Calls each(to, item) for the items of an array. */
void each_at(struct mp object, const char *path, void (*each)(void *to, struct mp item), void *to);
/* Puts an item behind the others, with a comma between. */
void put_item(struct buf *b, struct span s);

/* table_service.c */
void print_replicationcontroller(struct cells *c);
void print_service(struct cells *c);
void print_endpoints(struct cells *c);
void print_endpointslice(struct cells *c);
void print_pod(struct cells *c);
const char *pod_row_conditions(struct mp object);

/* table_node.c */
void print_node(struct cells *c);
void print_event(struct cells *c);
/* table_apps.c */
void print_deployment(struct cells *c);
void print_daemonset(struct cells *c);
void print_statefulset(struct cells *c);
void print_controllerrevision(struct cells *c);
void print_job(struct cells *c);
void print_cronjob(struct cells *c);
void print_podtemplate(struct cells *c);
/* table_autoscaler.c */
void print_autoscaler(struct cells *c);
/* table_policy.c: rights, limits, networks */
void print_resourcequota(struct cells *c);
void print_poddisruptionbudget(struct cells *c);
void print_binding(struct cells *c);
void print_ingress(struct cells *c);
void print_ingressclass(struct cells *c);
void print_networkpolicy(struct cells *c);
void print_priorityclass(struct cells *c);
void print_runtimeclass(struct cells *c);
/* table_storage.c */
void print_persistentvolume(struct cells *c);
void print_persistentvolumeclaim(struct cells *c);
void print_storageclass(struct cells *c);
void print_volumeattachment(struct cells *c);
void print_csidriver(struct cells *c);
void print_csinode(struct cells *c);

#endif
