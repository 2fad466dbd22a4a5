/* What pods may set of the kernel, and what would be everybody's. */
#include "nodes/sysctls.h"

#include "tests/unit/nodes/objects.h"

Test(sysctls, only_what_is_the_pods_own)
{
	static const struct {
		const char *name, *spec, *words; /* NULL: it may */
	} rows[] = {
		{"kernel.shm_rmid_forced", "", NULL},
		{"net.ipv4.tcp_syncookies", "", NULL},
		{"net/ipv4/tcp_syncookies", "", NULL},
		{"kernel.core_pattern", "", "forbidden sysctl: \"kernel.core_pattern\" not allowlisted"},
		{"vm/swappiness", "", "forbidden sysctl: \"vm.swappiness\" not allowlisted"},
		{"net.core.somaxconn", "", "forbidden sysctl: \"net.core.somaxconn\" not allowlisted"},
		{"", "", "forbidden sysctl: \"\" not allowlisted"},
		{"net.ipv4.tcp_syncookies", "'hostNetwork':true,", /* of two the first is told */
		 "forbidden sysctl: \"net.ipv4.tcp_rmem\" not allowed with host net enabled"},
		{"net.ipv4.tcp_syncookies", "'hostIPC':true,", NULL},
		{"kernel.shm_rmid_forced", "'hostIPC':true,",
		 "forbidden sysctl: \"kernel.shm_rmid_forced\" not allowed with host ipc enabled"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct mp pod = mp_of(object_of(&a, arena_printf(&a,
			"{'spec':{%s'securityContext':{'sysctls':[{'name':'net.ipv4.tcp_rmem','value':'1'},"
			"{'name':'%s','value':'1'}]}}}", rows[i].spec, rows[i].name)));
		const char *why = sysctls_forbidden(&a, pod);
		if (rows[i].words)
			cr_expect_str_eq(why, rows[i].words, "row %zu", i);
		else
			cr_expect_null(why, "row %zu: %s", i, why);
		arena_fini(&a);
	}
	struct arena a = {0};
	cr_expect_null(sysctls_forbidden(&a, mp_of(object_of(&a, "{'spec':{}}"))));
	arena_fini(&a);
}
