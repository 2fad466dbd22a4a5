/* What the service proxy needs of a data plane: a port that is told which
 * listeners there are to be, and says which of them it could not open.
 *
 * `id` is the actor's number of the listener. Payloads are msgpack maps.
 *
 * Calls:
 *   PROXY_LISTEN    {service, address, port, protocol, affinity_s, endpoints:
 *                   [[address, port], ...]}; protocol: enum proxy_protocol.
 *                   Whole, for a new listener and for a changed one; the same
 *                   again tries to open what failed. Address, port and protocol
 *                   of a number never change. Without endpoints nothing listens:
 *                   who connects is refused
 *   PROXY_CLOSE     that listener goes; what is connected goes on
 * Events:
 *   PROXY_BOUND     it listens
 *   PROXY_FAILED    {text}; arg: ERR_BUSY the address is in use, ERR_NOT_FOUND it
 *                   is none of this machine's, ERR_UNSUPPORTED (never will),
 *                   ERR_LIMIT too many listeners, ERR_IO anything else
 *   PROXY_COUNTERS  {connections, flows, accepted, ...}: when something changed,
 *                   at most once a second */
#ifndef PROXY_PROXY_PORT_H
#define PROXY_PROXY_PORT_H

enum { PROXY_LISTEN = 1, PROXY_CLOSE };
enum { PROXY_BOUND = 1, PROXY_FAILED, PROXY_COUNTERS };

#endif
