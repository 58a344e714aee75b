/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/wire.h"

#include <string.h>

bool
reid_wire_varint (ReidBytes *packed, uint64_t *value)
{
  uint64_t v = 0;

  for (unsigned i = 0; i < 10 && i < packed->size; i++) {
    uint64_t byte = packed->data[i];
    if (i == 9 && byte > 1)
      return false;
    v |= (byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) {
      packed->data += i + 1;
      packed->size -= i + 1;
      *value = v;
      return true;
    }
  }
  return false;
}

static bool
fixed (ReidBytes *message, unsigned n, uint64_t *value)
{
  if (message->size < n)
    return false;
  *value = 0;
  for (unsigned i = 0; i < n; i++)
    *value |= (uint64_t) message->data[i] << (8 * i);
  message->data += n;
  message->size -= n;
  return true;
}

ReidWireStep
reid_wire_next (ReidBytes *message, ReidField *field)
{
  uint64_t tag, length;

  if (message->size == 0)
    return REID_WIRE_END;
  memset (field, 0, sizeof *field);
  if (!reid_wire_varint (message, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
    return REID_WIRE_BROKEN;
  field->number = (uint32_t) (tag >> 3);
  field->type = (ReidWireType) (tag & 7);
  switch ((int) (tag & 7)) {
    case REID_WIRE_VARINT:
      return reid_wire_varint (message, &field->value) ? REID_WIRE_FIELD
                                                       : REID_WIRE_BROKEN;
    case REID_WIRE_FIXED64:
      return fixed (message, 8, &field->value) ? REID_WIRE_FIELD
                                               : REID_WIRE_BROKEN;
    case REID_WIRE_FIXED32:
      return fixed (message, 4, &field->value) ? REID_WIRE_FIELD
                                               : REID_WIRE_BROKEN;
    case REID_WIRE_BYTES:
      if (!reid_wire_varint (message, &length) || length > message->size)
        return REID_WIRE_BROKEN;
      field->bytes.data = message->data;
      field->bytes.size = (size_t) length;
      message->data += length;
      message->size -= (size_t) length;
      return REID_WIRE_FIELD;
    default: /* groups went out of use before ONNX began */
      return REID_WIRE_BROKEN;
  }
}

bool
reid_bytes_equal (ReidBytes a, const char *b)
{
  size_t n = strlen (b);
  return a.size == n && (n == 0 || memcmp (a.data, b, n) == 0);
}

float
reid_wire_float (uint64_t fixed32)
{
  uint32_t bits = (uint32_t) fixed32;
  float f;
  memcpy (&f, &bits, sizeof f);
  return f;
}
