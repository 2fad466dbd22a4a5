#include "nodes/process_user.h"

#include <pwd.h>
#include <stdio.h>

static int64_t group_of(int64_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd one, *found = NULL;
	char text[4096];
	while (f && !found)
		if (fgetpwent_r(f, &one, text, sizeof text, &found))
			break;
		else if (found->pw_uid != (uid_t)uid)
			found = NULL;
	int64_t gid = found ? (int64_t)found->pw_gid : 0;
	if (f)
		fclose(f);
	return gid;
}

int process_user_find(struct mp body, int64_t agent, struct process_user *out, struct err *e)
{
	int64_t user = mp_path_int(body, "runAsUser", -1), group = mp_path_int(body, "runAsGroup", -1);
	struct span pod = mp_path_str(body, "pod"), name = mp_path_str(body, "name");
	bool may = agent == 0;
	int64_t is = may && user >= 0 ? user : agent;
	*out = (struct process_user){.uid = -1, .gid = -1};
	if (is == 0 && mp_path_bool(body, "runAsNonRoot", false))
		return err_set(e, ERR_INVALID, "%s (pod: \"%.*s\", container: %.*s)",
			       user == 0 ? "container's runAsUser breaks non-root policy"
					 : "container has runAsNonRoot and image will run as root",
			       (int)pod.len, (const char *)pod.data, (int)name.len,
			       (const char *)name.data);
	if (!may)
		return 0;
	if (user >= 0 || group >= 0)
		*out = (struct process_user){.uid = user, .gid = group >= 0 ? group : group_of(user)};
	struct mp list;
	size_t n;
	if (mp_find(body, "groups", &list) && mp_array(&(struct mp){.p = list.p, .end = list.end}, &n) == 0 && n > 0)
		mp_raw(&list, &out->groups);
	return 0;
}
