#include "nodes/network/pod_names.h"

#include <stdlib.h>
#include <string.h>

enum {
	HOSTNAME_MAX = 63,
	KERNEL_NAME_MAX = 64,
	SERVERS_MAX = 3,
	SEARCHES_MAX = 32,
	SEARCH_BYTES_MAX = 253,       /* of one */
	SEARCH_LINE_BYTES_MAX = 2048, /* of all, with a space between each two */
	WORDS_MAX = 512,              /* of one kind, before the limits */
};

bool pod_host_network(struct mp pod)
{
	return mp_path_bool(pod, "spec.hostNetwork", false);
}

static struct span in_arena(struct arena *a, struct buf *b)
{
	struct span s = {(const uint8_t *)arena_ndup(a, b->data, b->len), b->len};
	buf_fini(b);
	return s;
}

static const char *cluster_domain(const struct pod_names_facts *f)
{
	return f->cluster_domain ? f->cluster_domain : POD_NAMES_DOMAIN;
}

/* ---- the hostname */

int pod_hostname(struct arena *a, struct mp pod, const struct pod_names_facts *f,
		 struct pod_hostname *out, struct err *e)
{
	struct span name = mp_path_str(pod, "spec.hostname");
	struct span subdomain = mp_path_str(pod, "spec.subdomain");
	struct span ns = mp_path_str(pod, "metadata.namespace");
	if (!name.len)
		name = mp_path_str(pod, "metadata.name");
	if (name.len > HOSTNAME_MAX) {
		name.len = HOSTNAME_MAX;
		while (name.len && (name.data[name.len - 1] == '-' || name.data[name.len - 1] == '.'))
			name.len--;
	}
	out->name = out->kernel = arena_ndup(a, name.data, name.len);
	out->domain = "";
	if (subdomain.len)
		out->domain = arena_printf(a, "%.*s.%.*s.svc.%s", (int)subdomain.len,
					   (const char *)subdomain.data, (int)ns.len,
					   (const char *)ns.data, cluster_domain(f));
	if (!*out->domain || !mp_path_bool(pod, "spec.setHostnameAsFQDN", false))
		return 0;
	out->kernel = arena_printf(a, "%s.%s", out->name, out->domain);
	size_t n = strlen(out->kernel);
	if (n <= KERNEL_NAME_MAX)
		return 0;
	return err_set(e, ERR_INVALID,
		       "failed to construct FQDN from pod hostname and cluster domain, FQDN %s is "
		       "too long (%d characters is the max, %zu characters requested)",
		       out->kernel, KERNEL_NAME_MAX, n);
}

/* ---- /etc/hosts */

static void put_aliases(struct buf *b, struct mp pod)
{
	struct mp list;
	size_t n = 0, names;
	if (!mp_path(pod, "spec.hostAliases", &list) || mp_array(&list, &n) || !n)
		return;
	buf_puts(b, "\n# Entries added by HostAliases.\n");
	for (; n > 0; n--, mp_skip(&list)) {
		struct mp hostnames;
		struct span ip = mp_path_str(list, "ip"), name;
		buf_append(b, ip.data, ip.len);
		if (!mp_find(list, "hostnames", &hostnames) || mp_array(&hostnames, &names))
			names = 0;
		if (!names)
			buf_putc(b, '\t');
		for (; names > 0 && mp_str(&hostnames, &name) == 0; names--) {
			buf_putc(b, '\t');
			buf_append(b, name.data, name.len);
		}
		buf_putc(b, '\n');
	}
}

static void put_own(struct buf *b, const struct pod_names_facts *f, const struct pod_hostname *h)
{
	buf_puts(b, "# Kubernetes-managed hosts file.\n"
		    "127.0.0.1\tlocalhost\n"
		    "::1\tlocalhost ip6-localhost ip6-loopback\n"
		    "fe00::\tip6-localnet\n"
		    "fe00::\tip6-mcastprefix\n"
		    "fe00::1\tip6-allnodes\n"
		    "fe00::2\tip6-allrouters\n");
	for (const char *const *ip = f->pod_ips; ip && *ip; ip++)
		if (*h->domain)
			buf_printf(b, "%s\t%s.%s\t%s\n", *ip, h->name, h->domain, h->name);
		else
			buf_printf(b, "%s\t%s\n", *ip, h->name);
}

struct span pod_hosts(struct arena *a, struct mp pod, const struct pod_names_facts *f,
		      const struct pod_hostname *h)
{
	struct buf b = {0};
	if (pod_host_network(pod)) {
		buf_puts(&b, "# Kubernetes-managed hosts file (host network).\n");
		buf_append(&b, f->machine_hosts.data, f->machine_hosts.len);
	} else {
		put_own(&b, f, h);
	}
	put_aliases(&b, pod);
	return in_arena(a, &b);
}

/* ---- /etc/resolv.conf: words of three kinds, gathered, merged, cut */

struct words {
	struct span all[WORDS_MAX];
	size_t count;
};

struct dns {
	struct words servers, searches, options;
};

static void add(struct words *w, struct span word)
{
	if (word.len && w->count < WORDS_MAX)
		w->all[w->count++] = word;
}

static void add_new(struct words *w, struct span word)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_eq(w->all[i], word))
			return;
	add(w, word);
}

static struct span option_name(struct span option)
{
	const uint8_t *colon = option.len ? memchr(option.data, ':', option.len) : NULL;
	return colon ? (struct span){option.data, (size_t)(colon - option.data)} : option;
}

/* One of the same name gives way. */
static void put_option(struct words *w, struct span option)
{
	for (size_t i = 0; i < w->count; i++)
		if (span_eq(option_name(w->all[i]), option_name(option))) {
			w->all[i] = option;
			return;
		}
	add(w, option);
}

/* The next word of a line, which is taken off it; empty at its end. */
static struct span next_word(struct span *line)
{
	struct span word;
	while (line->len && byte_is_space(*line->data))
		line->data++, line->len--;
	word = (struct span){line->data, 0};
	while (line->len && !byte_is_space(*line->data))
		line->data++, line->len--, word.len++;
	return word;
}

static void read_searches(struct words *w, struct span line)
{
	w->count = 0; /* the last line counts */
	for (struct span word; (word = next_word(&line)).len;) {
		if (word.len > 1 && word.data[word.len - 1] == '.')
			word.len--;
		add(w, word);
	}
}

static void read_machine(struct dns *d, struct span text)
{
	while (text.len) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		struct span line = {text.data, end ? (size_t)(end - text.data) : text.len}, word;
		text.data += line.len + (end != NULL);
		text.len -= line.len + (end != NULL);
		word = next_word(&line);
		if (span_is(word, "nameserver"))
			add(&d->servers, next_word(&line));
		else if (span_is(word, "search"))
			read_searches(&d->searches, line);
		else if (span_is(word, "options"))
			while ((word = next_word(&line)).len)
				add_new(&d->options, word);
	}
}

/* The cluster's DNS first, then the machine's search paths. */
static void read_cluster(struct arena *a, struct dns *d, struct mp pod,
			 const struct pod_names_facts *f)
{
	struct span ns = mp_path_str(pod, "metadata.namespace");
	const char *domain = cluster_domain(f);
	struct words *machine = arena_alloc(a, sizeof *machine);
	*machine = d->searches;
	memset(d, 0, sizeof *d);
	add(&d->servers, span_of(f->cluster_dns));
	add(&d->searches, span_of(arena_printf(a, "%.*s.svc.%s", (int)ns.len,
					       (const char *)ns.data, domain)));
	add(&d->searches, span_of(arena_printf(a, "svc.%s", domain)));
	add(&d->searches, span_of(domain));
	for (size_t i = 0; i < machine->count; i++)
		add_new(&d->searches, machine->all[i]);
	add(&d->options, span_of("ndots:5"));
}

static void read_texts(struct words *w, struct mp config, const char *key)
{
	struct mp list;
	struct span word;
	size_t n = 0;
	if (!mp_find(config, key, &list) || mp_array(&list, &n))
		return;
	for (; n > 0 && mp_str(&list, &word) == 0; n--)
		add_new(w, word);
}

static void read_config(struct arena *a, struct dns *d, struct mp config)
{
	struct mp list;
	size_t n = 0;
	read_texts(&d->servers, config, "nameservers");
	read_texts(&d->searches, config, "searches");
	if (!mp_find(config, "options", &list) || mp_array(&list, &n))
		return;
	for (; n > 0; n--, mp_skip(&list)) {
		struct span name = mp_path_str(list, "name"), value = mp_path_str(list, "value");
		if (value.len)
			name = span_of(arena_printf(a, "%.*s:%.*s", (int)name.len,
						    (const char *)name.data, (int)value.len,
						    (const char *)value.data));
		put_option(&d->options, name);
	}
}

static const char *join(struct arena *a, const struct words *w, const char *between)
{
	struct buf b = {0};
	for (size_t i = 0; i < w->count; i++) {
		buf_puts(&b, i ? between : "");
		buf_append(&b, w->all[i].data, w->all[i].len);
	}
	const char *text = arena_ndup(a, b.data ? b.data : (const uint8_t *)"", b.len);
	buf_fini(&b);
	return text;
}

static void warn(struct pod_resolv *r, struct arena *a, const char *what, const char *line)
{
	r->warnings[r->warning_count++] = arena_printf(a, "%s: %s", what, line);
}

static void cut_servers(struct arena *a, struct words *w, struct pod_resolv *r)
{
	if (w->count <= SERVERS_MAX)
		return;
	w->count = SERVERS_MAX;
	warn(r, a,
	     "Nameserver limits were exceeded, some nameservers have been omitted, the applied "
	     "nameserver line is",
	     join(a, w, " "));
}

static void cut_searches(struct arena *a, struct words *w, struct pod_resolv *r)
{
	size_t all = w->count, kept = 0, line = 0;
	for (size_t i = 0; i < all && i < SEARCHES_MAX; i++)
		if (w->all[i].len <= SEARCH_BYTES_MAX)
			w->all[kept++] = w->all[i];
	for (w->count = 0; w->count < kept; w->count++) {
		line += w->all[w->count].len + (w->count > 0);
		if (line > SEARCH_LINE_BYTES_MAX)
			break;
	}
	if (w->count < all)
		warn(r, a,
		     "Search Line limits were exceeded, some search paths have been omitted, the "
		     "applied search line is",
		     join(a, w, " "));
}

static struct span resolv_text(struct arena *a, const struct dns *d)
{
	struct buf b = {0};
	if (d->searches.count)
		buf_printf(&b, "search %s\n", join(a, &d->searches, " "));
	if (d->servers.count)
		buf_printf(&b, "nameserver %s\n", join(a, &d->servers, "\nnameserver "));
	if (d->options.count)
		buf_printf(&b, "options %s\n", join(a, &d->options, " "));
	return in_arena(a, &b);
}

struct pod_resolv pod_resolv_conf(struct arena *a, struct mp pod, const struct pod_names_facts *f)
{
	struct dns *d = arena_alloc(a, sizeof *d);
	struct pod_resolv r = {0};
	struct span policy = mp_path_str(pod, "spec.dnsPolicy");
	struct mp config;
	bool cluster = span_is(policy, "ClusterFirstWithHostNet") ||
		       ((!policy.len || span_is(policy, "ClusterFirst")) && !pod_host_network(pod));
	if (!span_is(policy, "None"))
		read_machine(d, f->machine_resolv);
	if (cluster && f->cluster_dns)
		read_cluster(a, d, pod, f);
	if (mp_path(pod, "spec.dnsConfig", &config))
		read_config(a, d, config);
	cut_servers(a, &d->servers, &r);
	cut_searches(a, &d->searches, &r);
	r.text = resolv_text(a, d);
	if (!r.text.len) /* as containerd does */
		r.text = f->machine_resolv;
	return r;
}
