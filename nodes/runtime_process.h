/* The runtime `process`: containers are processes of this machine, each pod
 * under a pause of its own (pause/, launcher/). Port "runtime-process";
 * config: node, data_dir. Calls and events in runtime.h.
 *
 * A pod's address is one of 127.0.0.0/8, drawn from its uid, kept in
 * <data>/ips/ADDRESS so that an adopted pod has the same. */
#ifndef NODES_RUNTIME_PROCESS_H
#define NODES_RUNTIME_PROCESS_H

#include "actors/runtime/port.h"

extern const struct port_driver runtime_process_port_driver;

#endif
