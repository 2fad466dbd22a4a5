/* Small files for the pause and the OCI program. */
#ifndef OCI_FILE_H
#define OCI_FILE_H

#include "broker/base/bytes.h"
#include "broker/base/err.h"

/* Makes it or writes it anew, for its owner alone. ERR_IO names it. */
int oci_write_file(const char *path, struct span data, struct err *e);

#endif
