/* Who a container runs as: the pod's security context over the image's USER, with
 * names looked up in the image's own etc/passwd and etc/group. Reads files below
 * the image's layers; a link in them leads nowhere else. */
#ifndef OCI_USER_H
#define OCI_USER_H

#include "nodes/images/images.h"
#include "nodes/oci/oci_config.h"

/* ERR_NOT_FOUND: the image knows no such user. ERR_INVALID: runAsNonRoot is asked for
 * and does not hold; the text is a kubelet's. `title`: the pod in it. */
int oci_user_find(const struct oci_container *c, const struct image *image, const char *title,
		  struct oci_user *out, struct err *e);

#endif
