/* One message out, answers in until the kernel's acknowledgement.
 *
 * Requests are built in a buffer on the stack; attributes nest as the kernel
 * wants them. Each request has a number from the clock, so that what a request
 * that timed out still gets is told apart from the answer to the next one. */
#include "nodes/network/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 1024, ANSWER_BYTES = 32768, TIMEOUT_S = 1 };

struct request {
	union {
		struct nlmsghdr head;
		uint8_t room[REQUEST_BYTES];
	};
};

/* ---- building: copied byte by byte, since the room has no type of its own */

static void put_raw(struct request *r, const void *data, size_t n)
{
	void *at = r->room + NLMSG_ALIGN(r->head.nlmsg_len);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + n);
	if (n)
		memcpy(at, data, n);
}

/* `body`: the header of its family, as struct ifinfomsg. */
static struct request request(uint16_t type, uint16_t flags, const void *body, size_t n)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	struct request r;
	memset(&r, 0, sizeof r);
	r.head.nlmsg_len = NLMSG_HDRLEN;
	r.head.nlmsg_type = type;
	r.head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r.head.nlmsg_seq = (uint32_t)(t.tv_sec * 1000000000 + t.tv_nsec);
	put_raw(&r, body, n);
	return r;
}

static void put(struct request *r, uint16_t type, const void *data, size_t n)
{
	struct rtattr a = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(n)};
	put_raw(r, &a, sizeof a);
	put_raw(r, data, n);
}

static void put_text(struct request *r, uint16_t type, const char *text)
{
	put(r, type, text, strlen(text) + 1);
}

static void put_u32(struct request *r, uint16_t type, uint32_t v)
{
	put(r, type, &v, sizeof v);
}

static size_t nest(struct request *r, uint16_t type)
{
	size_t at = NLMSG_ALIGN(r->head.nlmsg_len);
	put(r, type, NULL, 0);
	return at;
}

static void nest_end(struct request *r, size_t at)
{
	uint16_t n = (uint16_t)(r->head.nlmsg_len - at);
	memcpy(r->room + at + offsetof(struct rtattr, rta_len), &n, sizeof n);
}

/* `up`: 1 yes, 0 no, -1 as it is. */
static struct request link_request(uint16_t type, uint16_t flags, const char *name, int up)
{
	struct ifinfomsg i = {
		.ifi_family = AF_UNSPEC,
		.ifi_flags = up > 0 ? IFF_UP : 0,
		.ifi_change = up >= 0 ? IFF_UP : 0,
	};
	struct request r = request(type, flags, &i, sizeof i);
	if (name)
		put_text(&r, IFLA_IFNAME, name);
	return r;
}

/* ---- asking */

static int code_of(int error)
{
	switch (error) {
	case EEXIST:
		return ERR_EXISTS;
	case ENODEV:
	case ESRCH:
	case ENOENT:
	case EADDRNOTAVAIL:
		return ERR_NOT_FOUND;
	case EPERM:
	case EACCES:
		return ERR_FORBIDDEN;
	case EBUSY:
		return ERR_BUSY;
	case EAGAIN:
		return ERR_TIMEOUT;
	default:
		return ERR_IO;
	}
}

static int fail(struct err *e, const char *what, const char *name, int error, const char *more)
{
	const char *why = strerrordesc_np(error);
	return err_set(e, code_of(error), "cannot %s %s: %s%s%s%s", what, name,
		       why ? why : "unknown error", more ? " (" : "", more ? more : "",
		       more ? ")" : "");
}

/* The kernel's own words behind an error, or NULL. */
static const char *words(const struct nlmsghdr *h)
{
	const struct nlmsgerr *m = NLMSG_DATA(h);
	size_t at = NLMSG_HDRLEN + sizeof *m;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(m->msg.nlmsg_len) - sizeof m->msg;
	while (at + sizeof(struct rtattr) <= h->nlmsg_len) {
		const struct rtattr *a = (const void *)((const uint8_t *)h + at);
		if (a->rta_len < sizeof *a || at + a->rta_len > h->nlmsg_len)
			break;
		const char *text = (const char *)RTA_DATA(a);
		if (a->rta_type == NLMSGERR_ATTR_MSG && RTA_PAYLOAD(a) > 0 &&
		    text[RTA_PAYLOAD(a) - 1] == 0)
			return text;
		at += RTA_ALIGN(a->rta_len);
	}
	return NULL;
}

struct asked {
	const char *what, *name; /* for people: "add the bridge", "cni0" */
	bool (*each)(void *arg, const struct nlmsghdr *h); /* answers but errors; may be NULL */
	void *arg;
};

/* 1: the end; 0: more comes; negative: an error. */
static int on_message(const struct asked *q, const struct nlmsghdr *h, bool *open, struct err *e)
{
	const struct nlmsgerr *m = NLMSG_DATA(h);
	if (h->nlmsg_type == NLMSG_DONE)
		return 1;
	if (h->nlmsg_type == NLMSG_ERROR) {
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof *m))
			return err_set(e, ERR_IO, "a short answer of the kernel");
		return m->error ? fail(e, q->what, q->name, -m->error, words(h)) : 1;
	}
	if (*open && q->each)
		*open = q->each(q->arg, h);
	return 0;
}

/* Receives until the acknowledgement; a dump that `each` has enough of is read
 * to its end all the same, or the next request would get the rest. */
static int answers(int fd, uint32_t seq, const struct asked *q, struct err *e)
{
	union {
		struct nlmsghdr head;
		uint8_t room[ANSWER_BYTES];
	} in;
	bool open = true;
	for (;;) {
		ssize_t got = recv(fd, in.room, sizeof in.room, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(e, q->what, q->name, got ? errno : EPIPE, NULL);
		size_t left = (size_t)got;
		for (struct nlmsghdr *h = &in.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_seq != seq)
				continue;
			int rc = on_message(q, h, &open, e);
			if (rc)
				return rc < 0 ? rc : 0;
		}
	}
}

static int ask(int fd, struct request *r, const struct asked *q, struct err *e)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	r->head.nlmsg_flags |= NLM_F_ACK;
	ssize_t n;
	do
		n = sendto(fd, r->room, r->head.nlmsg_len, 0, (struct sockaddr *)&to, sizeof to);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(e, q->what, q->name, errno, NULL);
	return answers(fd, r->head.nlmsg_seq, q, e);
}

static int act(int fd, struct request *r, const char *what, const char *name, struct err *e)
{
	struct asked q = {.what = what, .name = name};
	return ask(fd, r, &q, e);
}

int netlink_open(int *out, struct err *e)
{
	int one = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct timeval wait = {.tv_sec = TIMEOUT_S};
	struct sockaddr_nl me = {.nl_family = AF_NETLINK};
	if (fd < 0)
		return fail(e, "open", "a netlink socket", errno, NULL);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	if (bind(fd, (struct sockaddr *)&me, sizeof me)) {
		int why = errno;
		close(fd);
		return fail(e, "bind", "a netlink socket", why, NULL);
	}
	*out = fd;
	return 0;
}

/* ---- reading links */

static const struct rtattr *attribute(const void *first, size_t n, uint16_t type)
{
	const struct rtattr *a = first;
	for (; RTA_OK(a, n); a = RTA_NEXT(a, n))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static uint32_t u32_of(const struct rtattr *a)
{
	uint32_t v = 0;
	if (a && RTA_PAYLOAD(a) >= sizeof v)
		memcpy(&v, RTA_DATA(a), sizeof v);
	return v;
}

static void text_of(const struct rtattr *a, char *out, size_t max)
{
	size_t n = a ? RTA_PAYLOAD(a) : 0;
	n = n < max ? n : max - 1;
	memcpy(out, a ? RTA_DATA(a) : "", n);
	out[n] = 0;
}

static bool read_link(const struct nlmsghdr *h, struct netlink_link *l)
{
	const struct ifinfomsg *i = NLMSG_DATA(h);
	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof *i))
		return false;
	const void *first = IFLA_RTA(i);
	size_t n = h->nlmsg_len - NLMSG_LENGTH(sizeof *i);
	memset(l, 0, sizeof *l);
	l->index = i->ifi_index;
	l->up = i->ifi_flags & IFF_UP;
	l->master = (int)u32_of(attribute(first, n, IFLA_MASTER));
	l->mtu = u32_of(attribute(first, n, IFLA_MTU));
	text_of(attribute(first, n, IFLA_IFNAME), l->name, sizeof l->name);
	text_of(attribute(first, n, IFLA_IFALIAS), l->alias, sizeof l->alias);
	const struct rtattr *info = attribute(first, n, IFLA_LINKINFO);
	if (info)
		text_of(attribute(RTA_DATA(info), RTA_PAYLOAD(info), IFLA_INFO_KIND), l->kind,
			sizeof l->kind);
	return true;
}

static bool on_found(void *arg, const struct nlmsghdr *h)
{
	return !read_link(h, arg);
}

int netlink_find(int fd, const char *name, struct netlink_link *out, struct err *e)
{
	struct request r = link_request(RTM_GETLINK, 0, name, -1);
	struct asked q = {"find the link", name, on_found, out};
	memset(out, 0, sizeof *out);
	int rc = ask(fd, &r, &q, e);
	return rc || out->index ? rc : fail(e, q.what, name, ENODEV, NULL);
}

struct each_link {
	bool (*each)(void *arg, const struct netlink_link *l);
	void *arg;
};

static bool on_link(void *arg, const struct nlmsghdr *h)
{
	struct each_link *x = arg;
	struct netlink_link l;
	return !read_link(h, &l) || x->each(x->arg, &l);
}

int netlink_links(int fd, bool (*each)(void *arg, const struct netlink_link *l), void *arg,
		  struct err *e)
{
	struct request r = link_request(RTM_GETLINK, NLM_F_DUMP, NULL, -1);
	struct each_link x = {each, arg};
	struct asked q = {"list", "the links", on_link, &x};
	return ask(fd, &r, &q, e);
}

/* ---- changing links */

int netlink_add_bridge(int fd, const char *name, uint32_t mtu, const uint8_t *mac, struct err *e)
{
	struct request r = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name, -1);
	if (mtu)
		put_u32(&r, IFLA_MTU, mtu);
	if (mac)
		put(&r, IFLA_ADDRESS, mac, 6);
	size_t info = nest(&r, IFLA_LINKINFO);
	put_text(&r, IFLA_INFO_KIND, "bridge");
	nest_end(&r, info);
	return act(fd, &r, "add the bridge", name, e);
}

static void put_peer(struct request *r, const struct netlink_pair *p)
{
	size_t data = nest(r, IFLA_INFO_DATA);
	size_t peer = nest(r, VETH_INFO_PEER);
	put_raw(r, &(struct ifinfomsg){0}, sizeof(struct ifinfomsg));
	put_text(r, IFLA_IFNAME, p->peer);
	if (p->mtu)
		put_u32(r, IFLA_MTU, p->mtu);
	if (p->peer_mac)
		put(r, IFLA_ADDRESS, p->peer_mac, 6);
	if (p->peer_namespace >= 0)
		put_u32(r, IFLA_NET_NS_FD, (uint32_t)p->peer_namespace);
	nest_end(r, peer);
	nest_end(r, data);
}

int netlink_add_pair(int fd, const struct netlink_pair *p, struct err *e)
{
	struct request r = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, p->name,
					p->master ? 1 : -1);
	if (p->mtu)
		put_u32(&r, IFLA_MTU, p->mtu);
	if (p->master)
		put_u32(&r, IFLA_MASTER, (uint32_t)p->master);
	size_t info = nest(&r, IFLA_LINKINFO);
	put_text(&r, IFLA_INFO_KIND, "veth");
	put_peer(&r, p);
	nest_end(&r, info);
	return act(fd, &r, "add the pair", p->name, e);
}

int netlink_delete(int fd, const char *name, struct err *e)
{
	struct request r = link_request(RTM_DELLINK, 0, name, -1);
	return act(fd, &r, "delete the link", name, e);
}

int netlink_set_up(int fd, const char *name, bool up, struct err *e)
{
	struct request r = link_request(RTM_SETLINK, 0, name, up);
	return act(fd, &r, up ? "bring up" : "bring down", name, e);
}

int netlink_set_alias(int fd, const char *name, const char *alias, struct err *e)
{
	struct request r = link_request(RTM_SETLINK, 0, name, -1);
	put(&r, IFLA_IFALIAS, alias, strnlen(alias, NETLINK_ALIAS_MAX));
	return act(fd, &r, "give an alias to", name, e);
}

/* ---- addresses */

int netlink_prefix_parse(const char *text, struct netlink_prefix *out, struct err *e)
{
	char ip[INET_ADDRSTRLEN], *rest = NULL;
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;
	if (n > 0 && n < sizeof ip) {
		memcpy(ip, text, n);
		ip[n] = 0;
		unsigned long bits = strtoul(slash + 1, &rest, 10);
		if (slash[1] >= '0' && slash[1] <= '9' && !*rest && bits <= 32 &&
		    inet_pton(AF_INET, ip, &out->ip) == 1) {
			out->bits = (unsigned)bits;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "'%s' is no IPv4 prefix like 10.244.1.0/24", text);
}

void netlink_prefix_format(struct netlink_prefix p, char out[NETLINK_PREFIX_MAX])
{
	inet_ntop(AF_INET, &p.ip, out, INET_ADDRSTRLEN);
	snprintf(out + strlen(out), 4, "/%u", p.bits);
}

struct netlink_prefix netlink_prefix_network(struct netlink_prefix p)
{
	uint32_t mask = p.bits ? htonl(UINT32_MAX << (32 - p.bits)) : 0;
	p.ip.s_addr &= mask;
	return p;
}

void netlink_mac_of(struct in_addr ip, uint8_t out[6])
{
	out[0] = 0x0a;
	out[1] = 0x58;
	memcpy(out + 2, &ip, 4);
}

int netlink_add_address(int fd, const char *name, struct netlink_prefix p, struct err *e)
{
	struct netlink_link l;
	struct in_addr all = netlink_prefix_network(p).ip;
	int rc = netlink_find(fd, name, &l, e);
	if (rc)
		return rc;
	struct ifaddrmsg a = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)p.bits,
		.ifa_index = (uint32_t)l.index,
	};
	struct request r = request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &a, sizeof a);
	put(&r, IFA_LOCAL, &p.ip, sizeof p.ip);
	put(&r, IFA_ADDRESS, &p.ip, sizeof p.ip);
	if (p.bits < 31) {
		all.s_addr |= htonl(UINT32_MAX >> p.bits);
		put(&r, IFA_BROADCAST, &all, sizeof all);
	}
	return act(fd, &r, "give an address to", name, e);
}

/* ---- routes */

static const struct {
	uint8_t type, table, scope;
	const char *add, *remove;
} route_kinds[] = {
	[NETLINK_UNICAST] = {RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, "add the route to",
			     "delete the route to"},
	[NETLINK_BLACKHOLE] = {RTN_BLACKHOLE, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE,
			       "add the blackhole for", "delete the blackhole for"},
	[NETLINK_LOCAL] = {RTN_LOCAL, RT_TABLE_LOCAL, RT_SCOPE_HOST, "make local",
			   "delete the local route to"},
};

static struct request route_request(uint16_t type, uint16_t flags, const struct netlink_route *r)
{
	struct netlink_prefix to = netlink_prefix_network(r->to);
	struct rtmsg m = {
		.rtm_family = AF_INET,
		.rtm_dst_len = (uint8_t)to.bits,
		.rtm_table = route_kinds[r->kind].table,
		.rtm_type = route_kinds[r->kind].type,
		.rtm_scope = route_kinds[r->kind].scope,
		.rtm_protocol = RTPROT_STATIC,
	};
	if (r->kind == NETLINK_UNICAST && !r->gateway.s_addr)
		m.rtm_scope = RT_SCOPE_LINK;
	struct request q = request(type, flags, &m, sizeof m);
	if (to.bits)
		put(&q, RTA_DST, &to.ip, sizeof to.ip);
	if (r->gateway.s_addr)
		put(&q, RTA_GATEWAY, &r->gateway, sizeof r->gateway);
	if (r->link)
		put_u32(&q, RTA_OIF, (uint32_t)r->link);
	return q;
}

struct route_text {
	char text[INET_ADDRSTRLEN + 4];
};

static struct route_text text_of_route(struct netlink_prefix to)
{
	struct route_text t = {"default"};
	if (!to.bits)
		return t;
	inet_ntop(AF_INET, &to.ip, t.text, INET_ADDRSTRLEN);
	char *at = t.text + strlen(t.text);
	*at++ = '/';
	if (to.bits >= 10)
		*at++ = (char)('0' + to.bits / 10);
	*at++ = (char)('0' + to.bits % 10);
	*at = 0;
	return t;
}

static int add_route(int fd, const struct netlink_route *r, uint16_t how, struct err *e)
{
	struct request q = route_request(RTM_NEWROUTE, (uint16_t)(NLM_F_CREATE | how), r);
	struct route_text t = text_of_route(r->to);
	return act(fd, &q, route_kinds[r->kind].add, t.text, e);
}

int netlink_add_route(int fd, const struct netlink_route *r, struct err *e)
{
	return add_route(fd, r, NLM_F_EXCL, e);
}

int netlink_put_route(int fd, const struct netlink_route *r, struct err *e)
{
	return add_route(fd, r, NLM_F_REPLACE, e);
}

int netlink_delete_route(int fd, const struct netlink_route *r, struct err *e)
{
	struct request q = route_request(RTM_DELROUTE, 0, r);
	struct route_text t = text_of_route(r->to);
	return act(fd, &q, route_kinds[r->kind].remove, t.text, e);
}

struct route_search {
	struct netlink_route *out;
	bool found;
};

static bool on_route(void *arg, const struct nlmsghdr *h)
{
	struct route_search *s = arg;
	const struct rtmsg *m = NLMSG_DATA(h);
	struct netlink_route *r = s->out;
	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof *m) ||
	    m->rtm_type != route_kinds[r->kind].type || m->rtm_dst_len != r->to.bits ||
	    m->rtm_table != route_kinds[r->kind].table)
		return true;
	const void *first = RTM_RTA(m);
	size_t n = h->nlmsg_len - NLMSG_LENGTH(sizeof *m);
	if (u32_of(attribute(first, n, RTA_DST)) != r->to.ip.s_addr)
		return true;
	r->gateway.s_addr = u32_of(attribute(first, n, RTA_GATEWAY));
	r->link = (int)u32_of(attribute(first, n, RTA_OIF));
	s->found = true;
	return false;
}

int netlink_find_route(int fd, enum netlink_route_kind kind, struct netlink_prefix to,
		       struct netlink_route *out, struct err *e)
{
	struct rtmsg m = {.rtm_family = AF_INET};
	struct request q = request(RTM_GETROUTE, NLM_F_DUMP, &m, sizeof m);
	struct route_search s = {.out = out};
	struct route_text t = text_of_route(to);
	struct asked a = {"find the route to", t.text, on_route, &s};
	*out = (struct netlink_route){.kind = kind, .to = netlink_prefix_network(to)};
	int rc = ask(fd, &q, &a, e);
	return rc || s.found ? rc : fail(e, a.what, a.name, ESRCH, NULL);
}
