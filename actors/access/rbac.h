/* Who may do what: roles and bindings, as Kubernetes' RBAC has them.
 *
 * Everything is read from views of the cell: a change of a role counts with
 * the turn in which the view shows it. Bindings are found by their subjects,
 * so that a question costs what concerns its asker.
 *
 * A cluster role with an aggregationRule has the rules that its controller wrote
 * into it (actors/controllers/clusterrole_aggregation.h).
 * Pure but for the views that rbac_open follows; the cell's thread. */
#ifndef ACCESS_RBAC_H
#define ACCESS_RBAC_H

#include "actors/access/identity.h"
#include "actors/runtime/actor.h"

struct rbac {
	struct view *roles, *cluster_roles, *bindings, *cluster_bindings;
	struct view_index *by_subject, *cluster_by_subject;
};

/* What somebody wants to do. */
struct access {
	struct span verb;
	struct span path; /* no resource; else empty */
	struct span group, resource, subresource, namespace, name;
};

struct rbac_rule {
	struct mp rule; /* a PolicyRule */
	const char *binding_kind, *role_kind;
	struct span binding, role; /* names */
};

/* Follows the four streams. */
void rbac_open(struct rbac *r, struct ctx *c);
bool rbac_synced(const struct rbac *r);
/* Whether `who` may; the reason why goes to `reason` (may be NULL). */
bool rbac_allows(const struct rbac *r, const struct identity *who, const struct access *a,
		 struct buf *reason);
/* All rules that hold for `who`: everywhere, and in the namespace unless that is
 * empty. Until `each` returns non-zero (returned). */
int rbac_each(const struct rbac *r, const struct identity *who, struct span namespace,
	      int (*each)(void *arg, const struct rbac_rule *rule), void *arg);
/* Whether one rule allows it. */
bool rbac_rule_allows(struct mp rule, const struct access *a);
/* Whether `who` holds all that the rule (a PolicyRule) gives in that namespace,
 * or everywhere when it is empty. Nobody hands out more than that. */
bool rbac_covers(const struct rbac *r, const struct identity *who, struct span namespace,
		 struct mp rule);
/* The rules of a role by its kind ("Role", "ClusterRole") and name: each. */
int rbac_each_of_role(const struct rbac *r, struct span kind, struct span namespace,
		      struct span name, int (*each)(void *arg, struct mp rule), void *arg);

#endif
