/* Rows of volumes, what asks for them, and what makes them. */
#include "actors/objects/table_private.h"

/* In the order in which they are shown. */
static const struct {
	const char *mode, *text;
} access_modes[] = {
	{"ReadWriteOnce", "RWO"},
	{"ReadOnlyMany", "ROX"},
	{"ReadWriteMany", "RWX"},
	{"ReadWriteOncePod", "RWOP"},
};

static void note_mode(void *to, struct mp item)
{
	struct span s;
	unsigned *set = to;
	for (unsigned i = 0; i < 4; i++) {
		struct mp m = item;
		if (!mp_str(&m, &s) && span_is(s, access_modes[i].mode))
			*set |= 1u << i;
	}
}

static void modes_cell(struct cells *c, const char *path)
{
	unsigned set = 0;
	struct buf b = {0};
	each_at(c->object, path, note_mode, &set);
	for (unsigned i = 0; i < 4; i++)
		if (set & 1u << i)
			put_item(&b, span_of(access_modes[i].text));
	cell_buf(c, &b);
}

static void phase_cell(struct cells *c)
{
	bool gone = cell_at(c, "metadata.deletionTimestamp").len > 0;
	cell_text(c, gone ? span_of("Terminating") : cell_at(c, "status.phase"));
}

void print_persistentvolume(struct cells *c)
{
	struct span ns = cell_at(c, "spec.claimRef.namespace"),
		    name = cell_at(c, "spec.claimRef.name");
	struct buf claim = {0};
	struct mp unused;
	if (mp_path(c->object, "spec.claimRef", &unused))
		buf_printf(&claim, "%.*s/%.*s", (int)ns.len, (const char *)ns.data, (int)name.len,
			   (const char *)name.data);
	cell_object_name(c);
	cell_text(c, cell_at(c, "spec.capacity.storage"));
	modes_cell(c, "spec.accessModes");
	cell_text(c, cell_at(c, "spec.persistentVolumeReclaimPolicy"));
	phase_cell(c);
	cell_buf(c, &claim);
	cell_text(c, cell_at(c, "spec.storageClassName"));
	cell_or(c, cell_at(c, "spec.volumeAttributesClassName"), "<unset>");
	cell_text(c, cell_at(c, "status.reason"));
	cell_created(c);
	cell_or(c, cell_at(c, "spec.volumeMode"), "<unset>");
}

void print_persistentvolumeclaim(struct cells *c)
{
	bool bound = cell_at(c, "spec.volumeName").len > 0;
	cell_object_name(c);
	phase_cell(c);
	cell_text(c, cell_at(c, "spec.volumeName"));
	cell_text(c, bound ? cell_at(c, "status.capacity.storage") : (struct span){0});
	modes_cell(c, bound ? "status.accessModes" : "none");
	cell_text(c, cell_at(c, "spec.storageClassName"));
	cell_or(c, cell_at(c, "spec.volumeAttributesClassName"), "<unset>");
	cell_created(c);
	cell_or(c, cell_at(c, "spec.volumeMode"), "<unset>");
}

void print_storageclass(struct cells *c)
{
	static const char key[] = "storageclass.kubernetes.io/is-default-class",
			  old_key[] = "storageclass.beta.kubernetes.io/is-default-class";
	struct span name = cell_at(c, "metadata.name"), yes = {0};
	struct mp all, v;
	struct buf b = {0};
	if (mp_path(c->object, "metadata.annotations", &all) &&
	    (mp_find(all, key, &v) || mp_find(all, old_key, &v)))
		mp_str(&v, &yes);
	buf_append(&b, name.data, name.len);
	buf_puts(&b, span_is(yes, "true") ? " (default)" : "");
	cell_buf(c, &b);
	cell_text(c, cell_at(c, "provisioner"));
	cell_text(c, cell_at(c, "reclaimPolicy"));
	cell_text(c, cell_at(c, "volumeBindingMode"));
	cell_bool(c, mp_path_bool(c->object, "allowVolumeExpansion", false));
	cell_created(c);
}

void print_volumeattachment(struct cells *c)
{
	cell_object_name(c);
	cell_text(c, cell_at(c, "spec.attacher"));
	cell_text(c, cell_at(c, "spec.source.persistentVolumeName"));
	cell_text(c, cell_at(c, "spec.nodeName"));
	cell_bool(c, mp_path_bool(c->object, "status.attached", false));
	cell_created(c);
}

static void put_text(void *to, struct mp item)
{
	struct span s;
	if (!mp_str(&item, &s))
		put_item(to, s);
}

void print_csidriver(struct cells *c)
{
	struct buf modes = {0};
	each_at(c->object, "spec.volumeLifecycleModes", put_text, &modes);
	if (!modes.len)
		buf_puts(&modes, "<unset>");
	cell_object_name(c);
	cell_bool(c, mp_path_bool(c->object, "spec.attachRequired", true));
	cell_bool(c, mp_path_bool(c->object, "spec.podInfoOnMount", false));
	cell_buf(c, &modes);
	cell_created(c);
}

void print_csinode(struct cells *c)
{
	cell_object_name(c);
	cell_int(c, (int64_t)count_at(c->object, "spec.drivers"));
	cell_created(c);
}
