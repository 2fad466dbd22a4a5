#include "actors/api/channels.h"

#include <gnutls/gnutls.h>

static const struct channel_protocol protocols[] = {
	{"", false, false, false},
	{"channel.k8s.io", false, false, false},
	{"base64.channel.k8s.io", true, false, false},
	{"v4.channel.k8s.io", false, true, false},
	{"v4.base64.channel.k8s.io", true, true, false},
	{"v5.channel.k8s.io", false, true, true},
};

static const struct {
	const char *name;
	bool base64;
} plain[] = {
	{"", false},
	{"binary.k8s.io", false},
	{"base64.binary.k8s.io", true},
};

const struct channel_protocol *channel_protocol(struct span list)
{
	struct span name;
	if (!list.len)
		return &protocols[0];
	while (span_next(&list, ',', &name))
		for (size_t i = 1; i < sizeof protocols / sizeof *protocols; i++)
			if (span_is(name, protocols[i].name))
				return &protocols[i];
	return NULL;
}

bool channel_plain(struct span list, const char **name, bool *base64)
{
	struct span one = {0};
	bool none = !list.len;
	while (none || span_next(&list, ',', &one)) {
		for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
			if (span_is(one, plain[i].name)) {
				*name = plain[i].name;
				*base64 = plain[i].base64;
				return true;
			}
		if (none)
			break;
	}
	return false;
}

void channel_base64(struct buf *out, struct span data)
{
	gnutls_datum_t in = {(void *)(uintptr_t)data.data, (unsigned)data.len}, text = {0};
	if (data.len && gnutls_base64_encode2(&in, &text) == 0)
		buf_append(out, text.data, text.size);
	gnutls_free(text.data);
}

void channel_write(const struct channel_protocol *p, enum channel channel, struct span data,
		   struct buf *out)
{
	buf_reserve(out, 1 + (p->base64 ? data.len / 3 * 4 + 4 : data.len));
	buf_putc(out, (char)(p->base64 ? '0' + (int)channel : (int)channel));
	if (p->base64)
		channel_base64(out, data);
	else
		buf_append(out, data.data, data.len);
}

static bool decode(struct arena *a, struct span *data)
{
	gnutls_datum_t in = {(void *)(uintptr_t)data->data, (unsigned)data->len}, raw = {0};
	if (!data->len)
		return true;
	if (gnutls_base64_decode2(&in, &raw) != 0)
		return false;
	*data = (struct span){(uint8_t *)arena_ndup(a, raw.data, raw.size), raw.size};
	gnutls_free(raw.data);
	return true;
}

bool channel_read(const struct channel_protocol *p, struct span message, struct arena *a,
		  struct channel_message *out)
{
	*out = (struct channel_message){0};
	if (!message.len)
		return false;
	if (p->close && message.data[0] == CHANNEL_CLOSE) {
		out->end = true;
		out->channel = message.len == 2 ? message.data[1] : CHANNELS;
		return out->channel < CHANNELS;
	}
	out->channel = (unsigned)message.data[0] - (p->base64 ? '0' : 0);
	out->data = (struct span){message.data + 1, message.len - 1};
	return out->channel < CHANNELS && (!p->base64 || decode(a, &out->data));
}
