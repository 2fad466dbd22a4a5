#include "actors/objects/address.h"

#include <arpa/inet.h>

static bool text_of(struct span s, char out[INET6_ADDRSTRLEN])
{
	if (s.len == 0 || s.len >= INET6_ADDRSTRLEN || memchr(s.data, 0, s.len))
		return false;
	memcpy(out, s.data, s.len);
	out[s.len] = 0;
	return true;
}

bool address_v4(struct span s, uint32_t *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr a;
	if (!text_of(s, text) || inet_pton(AF_INET, text, &a) != 1)
		return false;
	*out = ntohl(a.s_addr);
	return true;
}

bool address_v6(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	return text_of(s, text) && inet_pton(AF_INET6, text, &a) == 1;
}

bool address_range(struct span cidr, struct address_range *out)
{
	char text[INET6_ADDRSTRLEN];
	const uint8_t *slash = cidr.len ? memchr(cidr.data, '/', cidr.len) : NULL;
	if (!slash)
		return false;
	struct span bits = {slash + 1, cidr.len - (size_t)(slash - cidr.data) - 1};
	memset(out, 0, sizeof *out);
	if (!text_of((struct span){cidr.data, (size_t)(slash - cidr.data)}, text))
		return false;
	out->v6 = strchr(text, ':') != NULL;
	if (inet_pton(out->v6 ? AF_INET6 : AF_INET, text, out->bytes) != 1)
		return false;
	for (size_t i = 0; i < bits.len && i < 4; i++) {
		if (bits.data[i] < '0' || bits.data[i] > '9')
			return false;
		out->bits = 10 * out->bits + bits.data[i] - '0';
	}
	bool leading = bits.len > 1 && bits.data[0] == '0';
	return bits.len > 0 && bits.len < 4 && !leading && out->bits <= (out->v6 ? 128u : 32u);
}

bool address_range_holds(const struct address_range *all, const struct address_range *part)
{
	if (all->v6 != part->v6)
		return false;
	for (unsigned i = 0; i < all->bits; i++) {
		unsigned mask = 0x80u >> i % 8;
		if ((all->bytes[i / 8] ^ part->bytes[i / 8]) & mask)
			return false;
	}
	return true;
}

const char *address_text(struct arena *a, uint32_t n)
{
	return arena_printf(a, "%u.%u.%u.%u", n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
}

void check_address(struct faults *f, const struct fpath *p, struct span text)
{
	uint32_t n;
	if (!address_v4(text, &n) && !address_v6(text))
		field_invalid(f, p, text,
			      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

static bool is_loopback(uint32_t n)
{
	return n >> 24 == 127;
}

void check_endpoint_address(struct write *w, const struct fpath *p, struct span text)
{
	const struct obj_cluster *c = w->req->cluster ? w->req->cluster : &obj_cluster_default;
	struct faults *f = &w->faults;
	uint32_t n;
	bool v4 = address_v4(text, &n);
	if (!v4) {
		check_address(f, p, text);
		if (span_is(text, "::1"))
			field_invalid(f, p, text,
				      "may not be in the loopback range (127.0.0.0/8, ::1/128)");
		return;
	}
	if (n == 0)
		field_invalid(f, p, text, "may not be unspecified (0.0.0.0 or ::)");
	if (is_loopback(n) && !is_loopback(c->service_base))
		field_invalid(f, p, text,
			      "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (n >> 16 == (169u << 8 | 254))
		field_invalid(f, p, text,
			      "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	if (n >> 8 == 224u << 16)
		field_invalid(f, p, text,
			      "may not be in the link-local multicast range (224.0.0.0/24, "
			      "ff02::/10)");
}

void check_port_number(struct faults *f, const struct fpath *p, const struct doc *number)
{
	int64_t n = doc_is(number, DOC_INT) ? number->integer : 0;
	if (n < 1 || n > 65535)
		field_invalid_int(f, p, n, "must be between 1 and 65535, inclusive");
}

void check_protocol(struct faults *f, const struct fpath *p, const struct doc *protocol)
{
	static const char *const all[] = {"SCTP", "TCP", "UDP", NULL};
	if (!doc_is(protocol, DOC_STR) || protocol->text.len == 0)
		field_required(f, p, "");
	else
		check_enum(f, p, protocol, all);
}
