/* The shapes of names: DNS labels, subdomains, qualified names, label values.
 * Each returns NULL when the text is well-formed, else Kubernetes' message
 * about it (a constant). No state; any thread. */
#ifndef SCHEMA_NAMES_H
#define SCHEMA_NAMES_H

#include <stdbool.h>

#include "broker/base/bytes.h"

typedef const char *name_check(struct span text);

const char *name_dns1123_label(struct span text);     /* "web-1", 63 bytes */
const char *name_dns1123_subdomain(struct span text); /* "a.web-1", 253 bytes */
const char *name_dns1035_label(struct span text);     /* starts with a letter */
const char *name_label_value(struct span text);	      /* may be empty */
const char *name_qualified(struct span text);	      /* "prefix/name" of a label */
const char *name_env(struct span text);		      /* of an environment variable */
const char *name_config_key(struct span text);	      /* of a ConfigMap or Secret */
const char *name_path_segment(struct span text);      /* no "/" and "%", not "." */
const char *name_port(struct span text);	      /* IANA service name, 15 bytes */
const char *name_c_identifier(struct span text);

/* Whether a part of a file's path is "..". */
bool name_path_steps_back(struct span path);

#endif
