#ifndef TOOLS_VERSION_H
#define TOOLS_VERSION_H

#define TROUPE_VERSION "0.1.0"

#endif
