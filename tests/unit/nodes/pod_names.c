/* Hostname, hosts and resolv.conf as texts, beside what a kubelet writes. */
#include "nodes/network/pod_names.h"
#include "tests/unit/nodes/objects.h"

static const char machine_resolv[] = "# a comment\n"
				     "nameserver 1.1.1.1\n"
				     "  nameserver\t2.2.2.2 # no more\n"
				     "search old.example\n"
				     "search corp.example. svc.cluster.local .\n"
				     "options timeout:1 rotate timeout:1\n"
				     "\n"
				     "sortlist 1.2.3.4";

static const char *const ips[] = {"10.244.1.5", NULL};

static struct pod_names_facts facts(void)
{
	return (struct pod_names_facts){
		.cluster_dns = "10.96.0.10",
		.pod_ips = ips,
		.machine_hosts = span_of("127.0.0.1 localhost\n192.0.2.2 machine\n"),
		.machine_resolv = span_of(machine_resolv),
	};
}

static struct mp pod_of(struct arena *a, const char *spec)
{
	return mp_of(object_of(a, arena_printf(a, "{'metadata':{'name':'web-0','namespace':'shop'},"
						  "'spec':{%s}}", spec)));
}

static const char *text_of(struct arena *a, struct span s)
{
	return arena_ndup(a, s.data, s.len);
}

/* ---- hostname */

Test(pod_names, hostname_domain_and_what_the_kernel_is_told)
{
	static const struct {
		const char *spec, *name, *domain, *kernel;
	} rows[] = {
		{"", "web-0", "", "web-0"},
		{"'hostname':'db'", "db", "", "db"},
		{"'subdomain':'peers'", "web-0", "peers.shop.svc.cluster.local", "web-0"},
		{"'hostname':'db','subdomain':'peers'", "db", "peers.shop.svc.cluster.local", "db"},
		{"'hostname':'db','subdomain':'peers','setHostnameAsFQDN':true", "db",
		 "peers.shop.svc.cluster.local", "db.peers.shop.svc.cluster.local"},
		{"'hostname':'db','setHostnameAsFQDN':true", "db", "", "db"},
	};
	struct arena a = {0};
	struct pod_names_facts f = facts();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pod_hostname h;
		struct err e = {0};
		cr_assert_eq(pod_hostname(&a, pod_of(&a, rows[i].spec), &f, &h, &e), 0, "%s", e.text);
		cr_expect_str_eq(h.name, rows[i].name);
		cr_expect_str_eq(h.domain, rows[i].domain);
		cr_expect_str_eq(h.kernel, rows[i].kernel);
	}
	arena_fini(&a);
}

Test(pod_names, long_names_are_cut_and_long_whole_names_refused)
{
	struct arena a = {0};
	struct pod_names_facts f = facts();
	struct pod_hostname h;
	struct err e = {0};
	/* 62 letters, a dash, and more */
	const char *name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbb";
	struct span pod = object_of(&a, arena_printf(&a, "{'metadata':{'name':'%s','namespace':'shop'},"
							  "'spec':{}}", name));
	cr_assert_eq(pod_hostname(&a, mp_of(pod), &f, &h, &e), 0);
	cr_expect_eq(strlen(h.name), 62, "%s", h.name);
	struct mp whole = pod_of(&a, "'hostname':'a-name-of-twenty-five-byte','setHostnameAsFQDN':true,"
				     "'subdomain':'and-one-of-twenty'");
	cr_expect_eq(pod_hostname(&a, whole, &f, &h, &e), ERR_INVALID);
	cr_expect_str_eq(e.text,
			 "failed to construct FQDN from pod hostname and cluster domain, FQDN "
			 "a-name-of-twenty-five-byte.and-one-of-twenty.shop.svc.cluster.local is too "
			 "long (64 characters is the max, 67 characters requested)");
	arena_fini(&a);
}

/* ---- hosts */

static const char *hosts(struct arena *a, const char *spec)
{
	struct pod_names_facts f = facts();
	struct pod_hostname h;
	struct mp pod = pod_of(a, spec);
	cr_assert_eq(pod_hostname(a, pod, &f, &h, NULL), 0);
	return text_of(a, pod_hosts(a, pod, &f, &h));
}

#define OWN                                                                    \
	"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"             \
	"::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"    \
	"fe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"

Test(pod_names, hosts_name_the_pod_and_its_aliases)
{
	struct arena a = {0};
	cr_expect_str_eq(hosts(&a, ""), OWN "10.244.1.5\tweb-0\n");
	cr_expect_str_eq(hosts(&a, "'subdomain':'peers'"),
			 OWN "10.244.1.5\tweb-0.peers.shop.svc.cluster.local\tweb-0\n");
	cr_expect_str_eq(hosts(&a, "'hostAliases':[{'ip':'1.2.3.4','hostnames':['a','b']},"
				   "{'ip':'5.6.7.8','hostnames':['c']}]"),
			 OWN "10.244.1.5\tweb-0\n\n# Entries added by HostAliases.\n"
			     "1.2.3.4\ta\tb\n5.6.7.8\tc\n");
	cr_expect_str_eq(hosts(&a, "'hostAliases':[]"), OWN "10.244.1.5\tweb-0\n");
	cr_expect_str_eq(hosts(&a, "'hostNetwork':true,'hostAliases':[{'ip':'1.2.3.4',"
				   "'hostnames':['a']}]"),
			 "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n"
			 "192.0.2.2 machine\n\n# Entries added by HostAliases.\n1.2.3.4\ta\n");
	arena_fini(&a);
}

/* ---- resolv.conf */

static struct pod_resolv resolv(struct arena *a, const char *spec)
{
	struct pod_names_facts f = facts();
	return pod_resolv_conf(a, pod_of(a, spec), &f);
}

#define CLUSTER                                                                \
	"search shop.svc.cluster.local svc.cluster.local cluster.local corp.example .\n" \
	"nameserver 10.96.0.10\noptions ndots:5\n"
#define MACHINE                                                                \
	"search corp.example svc.cluster.local .\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n" \
	"options timeout:1 rotate\n"

Test(pod_names, resolv_conf_goes_by_the_policy)
{
	static const struct {
		const char *spec, *text;
	} rows[] = {
		{"", CLUSTER},
		{"'dnsPolicy':'ClusterFirst'", CLUSTER},
		{"'dnsPolicy':'ClusterFirst','hostNetwork':true", MACHINE},
		{"'dnsPolicy':'ClusterFirstWithHostNet','hostNetwork':true", CLUSTER},
		{"'dnsPolicy':'Default'", MACHINE},
		{"'dnsPolicy':'None','dnsConfig':{'nameservers':['9.9.9.9'],'searches':['x.y'],"
		 "'options':[{'name':'ndots','value':'2'},{'name':'edns0'}]}",
		 "search x.y\nnameserver 9.9.9.9\noptions ndots:2 edns0\n"},
		{"'dnsPolicy':'ClusterFirst','dnsConfig':{'nameservers':['9.9.9.9','10.96.0.10'],"
		 "'searches':['x.y','cluster.local'],'options':[{'name':'ndots','value':'2'}]}",
		 "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example . x.y\n"
		 "nameserver 10.96.0.10\nnameserver 9.9.9.9\noptions ndots:2\n"},
		{"'dnsPolicy':'None'", machine_resolv},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pod_resolv r = resolv(&a, rows[i].spec);
		cr_expect_str_eq(text_of(&a, r.text), rows[i].text, "%s: %s", rows[i].spec,
				 text_of(&a, r.text));
		cr_expect_eq(r.warning_count, 0);
	}
	arena_fini(&a);
}

Test(pod_names, without_a_cluster_dns_the_machine_has_the_say)
{
	struct arena a = {0};
	struct pod_names_facts f = facts();
	f.cluster_dns = NULL;
	cr_expect_str_eq(text_of(&a, pod_resolv_conf(&a, pod_of(&a, ""), &f).text), MACHINE);
	arena_fini(&a);
}

Test(pod_names, what_a_resolver_does_not_take_is_left_out_with_a_warning)
{
	struct arena a = {0};
	struct pod_resolv r = resolv(&a, "'dnsConfig':{'nameservers':['9.9.9.1','9.9.9.2','9.9.9.3']}");
	cr_assert_eq(r.warning_count, 1);
	cr_expect_str_eq(r.warnings[0],
			 "Nameserver limits were exceeded, some nameservers have been omitted, the "
			 "applied nameserver line is: 10.96.0.10 9.9.9.1 9.9.9.2");
	cr_expect(strstr(text_of(&a, r.text), "9.9.9.2\n") && !strstr(text_of(&a, r.text), "9.9.9.3"));

	struct buf b = {0};
	buf_puts(&b, "'dnsPolicy':'None','dnsConfig':{'nameservers':['9.9.9.9'],'searches':[");
	for (int i = 0; i < 33; i++)
		buf_printf(&b, "%s's%d'", i ? "," : "", i);
	buf_puts(&b, "]}");
	r = resolv(&a, buf_text(&b));
	cr_assert_eq(r.warning_count, 1);
	cr_expect(strstr(r.warnings[0], "Search Line limits were exceeded, some search paths have "
					"been omitted, the applied search line is: s0 s1 "));
	cr_expect(strstr(text_of(&a, r.text), " s31\n"));
	buf_fini(&b);

	/* ten of 229 bytes: eight fit in 2048 with the spaces */
	buf_puts(&b, "'dnsPolicy':'None','dnsConfig':{'nameservers':['9.9.9.9'],'searches':[");
	for (int i = 0; i < 10; i++) {
		buf_printf(&b, "%s'%d", i ? "," : "", i);
		for (int k = 0; k < 228; k++)
			buf_putc(&b, 'x');
		buf_puts(&b, "'");
	}
	buf_puts(&b, "]}");
	r = resolv(&a, buf_text(&b));
	cr_assert_eq(r.warning_count, 1);
	cr_expect_eq(strcspn(text_of(&a, r.text), "\n"), strlen("search ") + 8 * 229 + 7);
	buf_fini(&b);

	/* one of 254 bytes */
	buf_puts(&b, "'dnsPolicy':'None','dnsConfig':{'nameservers':['9.9.9.9'],'searches':['a','");
	for (int k = 0; k < 254; k++)
		buf_putc(&b, 'x');
	buf_puts(&b, "','b']}");
	r = resolv(&a, buf_text(&b));
	cr_assert_eq(r.warning_count, 1);
	cr_expect_str_eq(text_of(&a, r.text), "search a b\nnameserver 9.9.9.9\n");
	buf_fini(&b);
	arena_fini(&a);
}
