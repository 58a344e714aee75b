/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_NN_WIRE_H
#define REID_NN_WIRE_H

/* The protobuf wire format, field by field, in place: nothing is copied and
 * nothing is trusted. See "Encoding" in the Protocol Buffers documentation. */

#include "base/base.h"

typedef struct {
  const uint8_t *data;
  size_t size;
} ReidBytes;

typedef enum {
  REID_WIRE_VARINT = 0,
  REID_WIRE_FIXED64 = 1,
  REID_WIRE_BYTES = 2,
  REID_WIRE_FIXED32 = 5
} ReidWireType;

typedef struct {
  uint32_t number;
  ReidWireType type;
  uint64_t value;  /* varint and fixed */
  ReidBytes bytes; /* REID_WIRE_BYTES */
} ReidField;

typedef enum {
  REID_WIRE_END,
  REID_WIRE_FIELD,
  REID_WIRE_BROKEN /* a length or a varint that leaves the message */
} ReidWireStep;

/* Takes the next field off the front of `message`. */
ReidWireStep reid_wire_next (ReidBytes *message, ReidField *field);
/* Takes one varint off the front of packed data. */
bool reid_wire_varint (ReidBytes *packed, uint64_t *value);

bool reid_bytes_equal (ReidBytes a, const char *b);
float reid_wire_float (uint64_t fixed32);

#endif /* REID_NN_WIRE_H */
