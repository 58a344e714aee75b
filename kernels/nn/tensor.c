/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/onnx.h"

#include <string.h>

static bool
read_dims (ReidOnnxTensor *t, const ReidField *f)
{
  ReidBytes packed = f->bytes;

  if (f->type == REID_WIRE_VARINT) {
    if (t->rank == REID_MAX_RANK)
      t->wrong = "it has more than 8 dimensions";
    else
      t->dims[t->rank++] = (int64_t) f->value;
    return true;
  }
  if (f->type != REID_WIRE_BYTES)
    return false;
  for (uint64_t v; packed.size;) {
    if (!reid_wire_varint (&packed, &v))
      return false;
    if (t->rank == REID_MAX_RANK) {
      t->wrong = "it has more than 8 dimensions";
      return true;
    }
    t->dims[t->rank++] = (int64_t) v;
  }
  return true;
}

/* Digits only: what does not fit is larger than any file. */
static bool
decimal (ReidBytes text, int64_t *out)
{
  int64_t v = 0;

  if (text.size == 0 || text.size > 18)
    return false;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9')
      return false;
    v = v * 10 + (text.data[i] - '0');
  }
  *out = v;
  return true;
}

/* One pair of external_data; keys that are not known (a checksum) are no
 * matter. */
static bool
read_external (ReidOnnxTensor *t, ReidBytes message)
{
  ReidBytes key = { NULL, 0 }, value = { NULL, 0 };
  ReidField f;
  ReidWireStep step;

  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD)
    if (f.number == 1 && f.type == REID_WIRE_BYTES)
      key = f.bytes;
    else if (f.number == 2 && f.type == REID_WIRE_BYTES)
      value = f.bytes;
  if (reid_bytes_equal (key, "location"))
    t->location = value;
  else if ((reid_bytes_equal (key, "offset") && !decimal (value, &t->offset))
           || (reid_bytes_equal (key, "length")
               && !decimal (value, &t->length)))
    t->wrong = "where its data lie in another file is no number";
  return step == REID_WIRE_END;
}

bool
reid_onnx_tensor (ReidOnnxTensor *t, ReidBytes message)
{
  ReidField f;
  ReidWireStep step;

  memset (t, 0, sizeof *t);
  t->message = message;
  t->length = -1;
  while ((step = reid_wire_next (&message, &f)) == REID_WIRE_FIELD) {
    if (f.number == 1 && !read_dims (t, &f))
      return false;
    else if (f.number == 2 && f.type == REID_WIRE_VARINT)
      t->type = (int64_t) f.value;
    else if (f.number == 3 && !t->wrong)
      t->wrong = "it is stored in segments";
    else if (f.number == 8 && f.type == REID_WIRE_BYTES)
      t->name = f.bytes;
    else if (f.number == 13 && f.type == REID_WIRE_BYTES
             && !read_external (t, f.bytes))
      return false;
    else if (f.number == 14 && f.type == REID_WIRE_VARINT)
      t->external = f.value == 1;
  }
  if (step != REID_WIRE_END)
    return false;
  t->count = 1;
  for (int i = 0; i < t->rank && !t->wrong; i++) {
    if (t->dims[i] < 0
        || __builtin_mul_overflow (t->count, t->dims[i], &t->count)
        || t->count > REID_MAX_COUNT)
      t->wrong = "its dimensions are negative or too large";
  }
  return true;
}

bool
reid_onnx_is_float (const ReidOnnxTensor *t)
{
  return t->type == REID_ONNX_FLOAT || t->type == REID_ONNX_FLOAT16
         || t->type == REID_ONNX_DOUBLE || t->type == REID_ONNX_BFLOAT16;
}

bool
reid_onnx_is_int (const ReidOnnxTensor *t)
{
  return t->type == REID_ONNX_INT64 || t->type == REID_ONNX_INT32
         || t->type == REID_ONNX_BOOL;
}

static float
from_half (uint16_t h)
{
  uint32_t sign = (uint32_t) (h & 0x8000) << 16, e = (h >> 10) & 31,
           m = h & 0x3ff, bits;
  float f;

  if (e == 0) {
    f = (float) m * 0x1p-24f;
    return sign ? -f : f;
  }
  bits = sign | (e == 31 ? 0x7f800000u : (e + 112) << 23) | m << 13;
  memcpy (&f, &bits, 4);
  return f;
}

static float
from_bits (int64_t type, uint64_t bits)
{
  double d;

  switch (type) {
    case REID_ONNX_FLOAT16:
      return from_half ((uint16_t) bits);
    case REID_ONNX_BFLOAT16:
      return reid_wire_float ((bits & 0xffff) << 16);
    case REID_ONNX_DOUBLE:
      memcpy (&d, &bits, 8);
      return (float) d;
    default:
      return reid_wire_float (bits);
  }
}

/* Which field besides raw_data holds the elements, how wide one is there when
 * it is fixed, and how wide it is in raw_data. */
static void
layout (int64_t type, uint32_t *field, unsigned *fixed, unsigned *raw)
{
  *fixed = 0;
  switch (type) {
    case REID_ONNX_FLOAT:
      *field = 4, *fixed = 4, *raw = 4;
      break;
    case REID_ONNX_DOUBLE:
      *field = 10, *fixed = 8, *raw = 8;
      break;
    case REID_ONNX_INT64:
      *field = 7, *raw = 8;
      break;
    case REID_ONNX_INT32:
      *field = 5, *raw = 4;
      break;
    case REID_ONNX_BOOL:
      *field = 5, *raw = 1;
      break;
    default: /* the two 16-bit floats */
      *field = 5, *raw = 2;
      break;
  }
}

static uint64_t
load (const uint8_t *p, unsigned n)
{
  uint64_t v = 0;
  for (unsigned i = 0; i < n; i++)
    v |= (uint64_t) p[i] << (8 * i);
  return v;
}

static void
store (int64_t type, uint64_t bits, int64_t at, float *floats, int64_t *ints)
{
  if (floats)
    floats[at] = from_bits (type, bits);
  else if (type == REID_ONNX_INT32)
    ints[at] = (int32_t) (uint32_t) bits;
  else
    ints[at] = (int64_t) bits;
}

static void
decode_raw (const ReidOnnxTensor *t, ReidBytes bytes, unsigned width,
            float *floats, int64_t *ints)
{
  if (floats && t->type == REID_ONNX_FLOAT && t->count)
    memcpy (floats, bytes.data, bytes.size);
  else
    for (int64_t i = 0; i < t->count; i++)
      store (t->type, load (bytes.data + (size_t) i * width, width), i, floats,
             ints);
}

static const char *
decode (const ReidOnnxTensor *t, float *floats, int64_t *ints)
{
  ReidBytes rest = t->message;
  ReidField f;
  uint32_t field;
  unsigned fixed, raw;
  int64_t n = 0;
  const char *wrong_size = "its data do not have the size of its dimensions";

  if (t->wrong)
    return t->wrong;
  layout (t->type, &field, &fixed, &raw);
  if (t->external) {
    if (!t->raw.data && t->count)
      return "its data lie in another file";
    if (t->raw.size != (uint64_t) t->count * raw)
      return wrong_size;
    decode_raw (t, t->raw, raw, floats, ints);
    return NULL;
  }
  while (reid_wire_next (&rest, &f) == REID_WIRE_FIELD) {
    if (f.number == 9 && f.type == REID_WIRE_BYTES) {
      /* An empty raw_data beside typed data is how some writers say nothing. */
      if (f.bytes.size == 0 && t->count != 0)
        continue;
      if (n != 0 || f.bytes.size != (uint64_t) t->count * raw)
        return wrong_size;
      decode_raw (t, f.bytes, raw, floats, ints);
      n = t->count;
    } else if (f.number == field && f.type == REID_WIRE_BYTES) {
      while (f.bytes.size) {
        uint64_t v;
        if (fixed && f.bytes.size >= fixed) {
          v = load (f.bytes.data, fixed);
          f.bytes.data += fixed;
          f.bytes.size -= fixed;
        } else if (fixed || !reid_wire_varint (&f.bytes, &v)) {
          return wrong_size;
        }
        if (n == t->count)
          return wrong_size;
        store (t->type, v, n++, floats, ints);
      }
    } else if (f.number == field) {
      if (n == t->count)
        return wrong_size;
      store (t->type, f.value, n++, floats, ints);
    }
  }
  return n == t->count ? NULL : wrong_size;
}

const char *
reid_onnx_floats (const ReidOnnxTensor *t, float *out)
{
  return reid_onnx_is_float (t) ? decode (t, out, NULL)
                                : "it does not hold floats";
}

const char *
reid_onnx_ints (const ReidOnnxTensor *t, int64_t *out)
{
  return reid_onnx_is_int (t) ? decode (t, NULL, out)
                              : "it does not hold integers";
}
