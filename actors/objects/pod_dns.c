/* How a pod finds names: what a node could do nothing with, or not all of it. */
#include "actors/objects/address.h"
#include "actors/objects/pod.h"

enum { NAME_SERVERS_MAX = 3, SEARCHES_MAX = 32 };

static const struct doc *list_of(const struct doc *d, const char *key)
{
	const struct doc *list = doc_get(d, key);
	return doc_is(list, DOC_ARRAY) ? list : NULL;
}

static struct span text_of(const struct doc *d)
{
	return doc_is(d, DOC_STR) ? d->text : (struct span){0};
}

static void validate_servers(struct faults *f, const struct fpath *p, const struct doc *servers)
{
	int i = 0;
	if (servers && servers->count > NAME_SERVERS_MAX)
		field_invalid_doc(f, p, servers, "must not have more than 3 nameservers");
	DOC_EACH(d, servers)
		check_address(f, FPATH_AT(p, i++), text_of(d));
}

static void validate_config(struct faults *f, const struct fpath *p, const struct doc *config)
{
	const struct doc *searches = list_of(config, "searches");
	int i = 0;
	validate_servers(f, FPATH(p, "nameservers"), list_of(config, "nameservers"));
	if (searches && searches->count > SEARCHES_MAX)
		field_invalid_doc(f, FPATH(p, "searches"), searches,
				  "must not have more than 32 search paths");
	DOC_EACH(d, list_of(config, "options"))
	{
		if (doc_get_str(d, "name").len == 0)
			field_required(f, FPATH_AT(FPATH(p, "options"), i), "must not be empty");
		i++;
	}
}

static void validate_aliases(struct faults *f, const struct fpath *p, const struct doc *aliases)
{
	int i = 0;
	DOC_EACH(d, aliases)
	{
		const struct fpath *here = FPATH_AT(p, i++);
		int k = 0;
		check_address(f, FPATH(here, "ip"), doc_get_str(d, "ip"));
		DOC_EACH(name, list_of(d, "hostnames"))
			check_name(f, FPATH_AT(FPATH(here, "hostnames"), k++), text_of(name),
				   name_dns1123_subdomain);
	}
}

void pod_dns_validate(struct faults *f, const struct fpath *p, const struct doc *spec)
{
	const struct fpath *here = FPATH(p, "dnsConfig");
	const struct doc *config = doc_get(spec, "dnsConfig");
	const struct doc *servers = list_of(config, "nameservers");
	bool none = span_is(doc_get_str(spec, "dnsPolicy"), "None");
	if (none && doc_absent(config))
		field_required(f, here, "must provide `dnsConfig` when `dnsPolicy` is None");
	else if (none && !(servers && servers->count))
		field_required(f, FPATH(here, "nameservers"),
			       "must provide at least one DNS nameserver when `dnsPolicy` is None");
	validate_config(f, here, config);
	validate_aliases(f, FPATH(p, "hostAliases"), list_of(spec, "hostAliases"));
}
