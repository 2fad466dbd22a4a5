/* The port "http": libmicrohttpd inside the cell's own loop, TLS by GnuTLS.
 *
 * Config: address ("127.0.0.1:6443"), cert, key, ca (PEM files), accounts (the
 * PEM file of the key that signs service accounts' tokens, or ""), audited (whether
 * audits tell of requests, when somebody listens), audit-kept (or also when nobody does).
 * A request is told whole (its body is read first, up to HTTP_BODY_MAX; of a larger one,
 * and of an address that is no text, that it is so: who asks matters for the answer); the
 * actor answers it with one reply, or opens a stream and sends data until it
 * ends it. Slow readers of a stream are cut off at HTTP_STREAM_MAX.
 * A request of a proxy's path (proxy_name.h) is told when its headers are there:
 * its body is read while it goes on to where HTTP_FORWARD says, and the answer
 * comes from there; neither is ever here whole.
 *
 * Events (op, id of the request):
 *   HTTP_REQUEST  payload: msgpack map {method, path, uri (as it came, with its
 *                 query; of a proxy's request or for an audit), args: [[name, value]...],
 *                 auth, accept, type, agent, user (verified client certificate's
 *                 CN, or ""), groups: [O...], impersonate: [[name, value]...]
 *                 (headers, names in lower case without "impersonate-"),
 *                 claims: bin (payload of a bearer token that was signed by us,
 *                 or empty), upgrade (what the connection is asked to become, in
 *                 lower case), protocols (of a WebSocket, as the client lists them),
 *                 when an audit tells of it: audit (its id, which the answer has
 *                 too), from (the client's address), via (X-Forwarded-For);
 *                 unreadable: bool (the address is no text: path as it came, no args),
 *                 too-large: bool (there was more of a body, which is not here),
 *                 body: bin}
 *   HTTP_GONE     the client left before the answer or in a stream
 *   HTTP_MESSAGE  of a WebSocket, which was asked for; arg: whether it is text
 *   HTTP_SENT     all that a WebSocket was given is on its way
 *   HTTP_PONG     its client has answered a HTTP_PING
 *   HTTP_VERIFIED payload: what such a token says, or NULL: it is none of ours
 *   HTTP_SIGNED   payload: the token, or NULL: there is no key
 *   HTTP_FORWARDED arg: the server's status, the rest follows by itself and at its end
 *                 HTTP_GONE; or 0, payload: why there was none. That is to be answered
 * Calls (op, id, arg, payload):
 *   HTTP_HEADER   payload "Name: value"; before reply or stream
 *   HTTP_REPLY    arg: HTTP_ARG(status, type); payload: the body
 *   HTTP_STREAM   arg: HTTP_ARG(status, type)
 *   HTTP_DATA     payload: bytes of the stream
 *   HTTP_END      the stream is over
 *   HTTP_UPGRADE  it becomes a WebSocket; payload: the chosen protocol, or NULL
 *   HTTP_NEXT     its next message is wanted
 *   HTTP_SEND     a message to it; arg: whether it is text
 *   HTTP_PING
 *   HTTP_SHUT     its end, after what was sent; arg: RFC 6455's code; payload: why
 *   HTTP_VERIFY   payload: a token; answered by HTTP_VERIFIED of that id
 *   HTTP_SIGN     payload: claims; answered by HTTP_SIGNED of that id
 *   HTTP_FORWARD  a proxy's request goes on; payload: msgpack map {address (IPv4), port,
 *                 tls, path (percent-encoded), prefix (the proxy's own path, so too)} */
#ifndef API_HTTP_PORT_H
#define API_HTTP_PORT_H

#include "actors/runtime/port.h"

enum { HTTP_REQUEST = 1, HTTP_GONE, HTTP_VERIFIED, HTTP_SIGNED, HTTP_MESSAGE, HTTP_SENT,
       HTTP_FORWARDED, HTTP_PONG };
enum { HTTP_HEADER = 1, HTTP_REPLY, HTTP_STREAM, HTTP_DATA, HTTP_END, HTTP_VERIFY, HTTP_SIGN,
       HTTP_UPGRADE, HTTP_NEXT, HTTP_SEND, HTTP_PING, HTTP_SHUT, HTTP_FORWARD };

enum http_type { HTTP_JSON, HTTP_YAML, HTTP_TEXT, HTTP_OCTETS, HTTP_DISCOVERY, HTTP_OPENAPI_V2,
		 HTTP_PROTOBUF, HTTP_PROTOBUF_WATCH, HTTP_TYPES };

#define HTTP_ARG(status, type) ((uint32_t)(status) | (uint32_t)(type) << 16)

enum {
	HTTP_BODY_MAX = 3 * 1024 * 1024,
	HTTP_STREAM_MAX = 16 * 1024 * 1024,
	HTTP_CONNECTIONS_MAX = 15000, /* unless `connections` of the config says another number */
	HTTP_AUDIT_ID_MAX = 64,
	HTTP_IDLE_S = 90, /* without a byte read or written; not of waiting requests */
};

extern const struct port_driver http_port_driver;

#endif
