/* CRC-32C (Castagnoli), the checksum of every stored record.
 * Polynomial 0x1EDC6F41, reflected; iSCSI's test vector "123456789" gives
 * 0xE3069283. Continue a sum by passing the previous result. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stdint.h>

#include "broker/base/bytes.h"

uint32_t crc32c(uint32_t sum, struct span data);

#endif
