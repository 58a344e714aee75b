/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tinyonnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t *data;
  size_t size, room;
} Bytes;

/* Numbers that are made when the file is written, and stand in no memory
 * before: `at` is where they belong in the graph's other bytes. */
typedef struct {
  size_t at, count;
  uint64_t seed;
  float low, high;
} Hole;

struct TinyOnnx {
  int opset;
  TinyStore store;
  Bytes graph, node, file; /* node: the one that still takes attributes */
  Hole *holes;
  size_t n_holes, room_holes;
  char location[64];
  uint64_t external; /* bytes in the other file so far */
};

/* Where numbers in the other file begin, and how many are made at a time. */
#define ALIGN 64
#define BLOCK 4096

static void
put (Bytes *b, const void *data, size_t size)
{
  if (b->size + size > b->room) {
    b->room = 2 * (b->size + size) + 64;
    b->data = realloc (b->data, b->room);
    if (!b->data)
      exit (99);
  }
  if (size)
    memcpy (b->data + b->size, data, size);
  b->size += size;
}

static void
put_varint (Bytes *b, uint64_t v)
{
  do {
    uint8_t byte = (uint8_t) ((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
    put (b, &byte, 1);
    v >>= 7;
  } while (v);
}

static void
put_int (Bytes *b, unsigned field, int64_t v)
{
  put_varint (b, field << 3);
  put_varint (b, (uint64_t) v);
}

static void
put_bytes (Bytes *b, unsigned field, const void *data, size_t size)
{
  put_varint (b, field << 3 | 2);
  put_varint (b, size);
  put (b, data, size);
}

static void
put_text (Bytes *b, unsigned field, const char *s)
{
  put_bytes (b, field, s, strlen (s));
}

static void
put_float (Bytes *b, unsigned field, float f)
{
  put_varint (b, field << 3 | 5);
  put (b, &f, 4);
}

/* Moves `from` into `to` as one message and empties it. */
static void
put_message (Bytes *to, unsigned field, Bytes *from)
{
  put_bytes (to, field, from->data, from->size);
  free (from->data);
  memset (from, 0, sizeof *from);
}

static void
end_node (TinyOnnx *t)
{
  if (t->node.size)
    put_message (&t->graph, 1, &t->node);
}

TinyOnnx *
tiny_new (int opset)
{
  TinyOnnx *t = calloc (1, sizeof *t);
  if (!t)
    exit (99);
  t->opset = opset;
  put_text (&t->graph, 2, "tiny");
  return t;
}

void
tiny_free (TinyOnnx *t)
{
  free (t->graph.data);
  free (t->holes);
  free (t->node.data);
  free (t->file.data);
  free (t);
}

static void
value_info (TinyOnnx *t, unsigned field, const char *name, int of, int rank,
            const int64_t *dims)
{
  Bytes shape = { 0 }, tensor = { 0 }, type = { 0 }, info = { 0 };

  for (int i = 0; i < rank; i++) {
    Bytes dim = { 0 };
    if (dims[i] >= 0)
      put_int (&dim, 1, dims[i]);
    put_message (&shape, 1, &dim);
  }
  put_int (&tensor, 1, of);
  if (rank >= 0)
    put_message (&tensor, 2, &shape);
  put_message (&type, 1, &tensor);
  put_text (&info, 1, name);
  put_message (&info, 2, &type);
  end_node (t);
  put_message (&t->graph, field, &info);
}

void
tiny_input (TinyOnnx *t, const char *name, int rank, const int64_t *dims)
{
  tiny_input_of (t, name, 1, rank, dims);
}

void
tiny_input_of (TinyOnnx *t, const char *name, int type, int rank,
               const int64_t *dims)
{
  value_info (t, 11, name, type, rank, dims);
}

void
tiny_output (TinyOnnx *t, const char *name)
{
  value_info (t, 12, name, 1, -1, NULL);
}

void
tiny_raw (TinyOnnx *t, const char *name, int type, int rank,
          const int64_t *dims, const void *data, size_t size)
{
  Bytes tensor = { 0 };

  for (int i = 0; i < rank; i++)
    put_int (&tensor, 1, dims[i]);
  put_int (&tensor, 2, type);
  put_text (&tensor, 8, name);
  put_bytes (&tensor, 9, data, size);
  end_node (t);
  put_message (&t->graph, 5, &tensor);
}

void
tiny_floats (TinyOnnx *t, const char *name, int rank, const int64_t *dims,
             const float *data)
{
  size_t n = 1;
  for (int i = 0; i < rank; i++)
    n *= (size_t) dims[i];
  tiny_raw (t, name, 1, rank, dims, data, n * sizeof *data);
}

void
tiny_ints (TinyOnnx *t, const char *name, int n, const int64_t *data)
{
  int64_t dims[] = { n };
  tiny_raw (t, name, 7, 1, dims, data, (size_t) n * sizeof *data);
}

static size_t
width (const TinyOnnx *t)
{
  return t->store == TINY_HALF ? 2 : 4;
}

static void
put_entry (Bytes *tensor, const char *key, const char *value)
{
  Bytes entry = { 0 };
  put_text (&entry, 1, key);
  put_text (&entry, 2, value);
  put_message (tensor, 13, &entry);
}

void
tiny_elsewhere (TinyOnnx *t, const char *name, int type, int rank,
                const int64_t *dims, const char *location, const char *offset,
                const char *length)
{
  Bytes tensor = { 0 };

  for (int i = 0; i < rank; i++)
    put_int (&tensor, 1, dims[i]);
  put_int (&tensor, 2, type);
  put_text (&tensor, 8, name);
  put_entry (&tensor, "location", location);
  if (offset)
    put_entry (&tensor, "offset", offset);
  if (length)
    put_entry (&tensor, "length", length);
  put_int (&tensor, 14, 1);
  end_node (t);
  put_message (&t->graph, 5, &tensor);
}

void
tiny_store (TinyOnnx *t, TinyStore store, const char *location)
{
  t->store = store;
  snprintf (t->location, sizeof t->location, "%s", location ? location : "");
}

void
tiny_random (TinyOnnx *t, const char *name, int rank, const int64_t *dims,
             uint64_t seed, float low, float high)
{
  Bytes tensor = { 0 };
  Hole hole = { 0, 1, seed, low, high };
  char stored[64], text[32];
  size_t inside;

  for (int i = 0; i < rank; i++) {
    put_int (&tensor, 1, dims[i]);
    hole.count *= (size_t) dims[i];
  }
  put_int (&tensor, 2, t->store == TINY_HALF ? 10 : 1);
  snprintf (stored, sizeof stored, "%.50s%s", name,
            t->store == TINY_HALF ? "_half" : "");
  put_text (&tensor, 8, stored);
  inside = hole.count * width (t);
  if (t->store == TINY_EXTERNAL) {
    t->external = (t->external + ALIGN - 1) / ALIGN * ALIGN;
    put_entry (&tensor, "location", t->location);
    snprintf (text, sizeof text, "%llu", (unsigned long long) t->external);
    put_entry (&tensor, "offset", text);
    snprintf (text, sizeof text, "%zu", inside);
    put_entry (&tensor, "length", text);
    put_int (&tensor, 14, 1);
    t->external += inside;
    inside = 0;
  } else {
    put_varint (&tensor, 9 << 3 | 2);
    put_varint (&tensor, inside);
  }
  end_node (t);
  put_varint (&t->graph, 5 << 3 | 2);
  put_varint (&t->graph, tensor.size + inside);
  put (&t->graph, tensor.data, tensor.size);
  free (tensor.data);
  hole.at = t->graph.size;
  if (t->n_holes == t->room_holes) {
    t->room_holes = 2 * t->room_holes + 64;
    t->holes = realloc (t->holes, t->room_holes * sizeof *t->holes);
    if (!t->holes)
      exit (99);
  }
  t->holes[t->n_holes++] = hole;
  if (t->store == TINY_HALF) {
    tiny_node (t, "Cast", stored, name);
    tiny_attr_int (t, "to", 1);
  }
}

/* splitmix64 of a counter: any part can be made alone. */
static float
number (const Hole *h, size_t i)
{
  uint64_t x = h->seed + (uint64_t) (i + 1) * 0x9e3779b97f4a7c15u;

  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return (float) ((double) h->low
                  + ((double) h->high - (double) h->low) * (double) (x >> 40)
                        * 0x1p-24);
}

/* Rounds to nearest, ties to even; weights are far from its largest. */
static uint16_t
to_half (float f)
{
  uint32_t bits, sign, m;
  int e;

  memcpy (&bits, &f, 4);
  sign = bits >> 16 & 0x8000;
  e = (int) (bits >> 23 & 255) - 112;
  m = (bits & 0x7fffff) | 0x800000;
  if (e > 30)
    return (uint16_t) (sign | 0x7bff);
  if (e < -10)
    return (uint16_t) sign;
  int drop = e > 0 ? 13 : 14 - e;
  uint32_t kept = m >> drop, rest = m & ((1u << drop) - 1),
           half = 1u << (drop - 1);
  kept += rest > half || (rest == half && (kept & 1));
  return (uint16_t) (sign | (e > 0 ? ((uint32_t) (e - 1) << 10) + kept : kept));
}

typedef bool (*Sink) (void *to, const void *data, size_t size);

static bool
fill (const TinyOnnx *t, const Hole *h, Sink sink, void *to)
{
  float block[BLOCK];
  uint16_t halves[BLOCK];
  bool ok = true;

  for (size_t i = 0; i < h->count && ok; i += BLOCK) {
    size_t n = h->count - i < BLOCK ? h->count - i : BLOCK;
    for (size_t k = 0; k < n; k++)
      block[k] = number (h, i + k);
    for (size_t k = 0; k < n && t->store == TINY_HALF; k++)
      halves[k] = to_half (block[k]);
    ok = sink (to, t->store == TINY_HALF ? (void *) halves : (void *) block,
               n * width (t));
  }
  return ok;
}

static void
put_list (Bytes *b, unsigned field, const char *names)
{
  for (const char *p = names; p;) {
    size_t n = strcspn (p, ",");
    put_bytes (b, field, p, n);
    p = p[n] ? p + n + 1 : NULL;
  }
}

void
tiny_node (TinyOnnx *t, const char *type, const char *in, const char *out)
{
  end_node (t);
  if (*in)
    put_list (&t->node, 1, in);
  put_list (&t->node, 2, out);
  put_bytes (&t->node, 3, out, strcspn (out, ","));
  put_text (&t->node, 4, type);
}

void
tiny_node_name (TinyOnnx *t, const char *name)
{
  put_text (&t->node, 3, name);
}

void
tiny_attr_int (TinyOnnx *t, const char *name, int64_t value)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  put_int (&a, 3, value);
  put_int (&a, 20, 2);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_float (TinyOnnx *t, const char *name, float value)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  put_float (&a, 2, value);
  put_int (&a, 20, 1);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_string (TinyOnnx *t, const char *name, const char *value)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  put_text (&a, 4, value);
  put_int (&a, 20, 3);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_ints (TinyOnnx *t, const char *name, int n, const int64_t *v)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  for (int i = 0; i < n; i++)
    put_int (&a, 8, v[i]);
  put_int (&a, 20, 7);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_floats (TinyOnnx *t, const char *name, int n, const float *v)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  for (int i = 0; i < n; i++)
    put_float (&a, 7, v[i]);
  put_int (&a, 20, 6);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_one (TinyOnnx *t, const char *name)
{
  Bytes a = { 0 }, tensor = { 0 };
  const int64_t one = 1;

  put_int (&tensor, 1, 1);
  put_int (&tensor, 2, 7);
  put_bytes (&tensor, 9, &one, sizeof one);
  put_text (&a, 1, name);
  put_message (&a, 5, &tensor);
  put_int (&a, 20, 4);
  put_message (&t->node, 5, &a);
}

void
tiny_attr_graph (TinyOnnx *t, const char *name, const void *data, size_t size)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  put_bytes (&a, 6, data, size);
  put_int (&a, 20, 5);
  put_message (&t->node, 5, &a);
}

static bool
to_memory (void *to, const void *data, size_t size)
{
  put (to, data, size);
  return true;
}

static bool
to_file (void *to, const void *data, size_t size)
{
  return fwrite (data, 1, size, to) == size;
}

static bool
write_all (TinyOnnx *t, Sink sink, void *to)
{
  Bytes head = { 0 }, opset = { 0 };
  size_t size, at = 0;
  bool inside = t->store != TINY_EXTERNAL, ok;

  end_node (t);
  size = t->graph.size;
  for (size_t i = 0; i < t->n_holes && inside; i++)
    size += t->holes[i].count * width (t);
  put_int (&head, 1, 8);
  put_text (&head, 2, "tinyonnx");
  put_text (&opset, 1, "");
  put_int (&opset, 2, t->opset);
  put_message (&head, 8, &opset);
  put_varint (&head, 7 << 3 | 2);
  put_varint (&head, size);
  ok = sink (to, head.data, head.size);
  free (head.data);
  for (size_t i = 0; i < t->n_holes && ok && inside; i++) {
    ok = sink (to, t->graph.data + at, t->holes[i].at - at)
         && fill (t, &t->holes[i], sink, to);
    at = t->holes[i].at;
  }
  return ok && sink (to, t->graph.data + at, t->graph.size - at);
}

const uint8_t *
tiny_bytes (TinyOnnx *t, size_t *size)
{
  t->file.size = 0;
  write_all (t, to_memory, &t->file);
  *size = t->file.size;
  return t->file.data;
}

/* The other file lies beside this one. */
static bool
write_external (TinyOnnx *t, const char *path)
{
  static const char zeros[ALIGN];
  const char *slash = strrchr (path, '/');
  size_t folder = slash ? (size_t) (slash - path) + 1 : 0;
  char *name = malloc (folder + sizeof t->location);
  uint64_t at = 0;
  FILE *f;
  bool ok;

  if (!name)
    exit (99);
  memcpy (name, path, folder);
  strcpy (name + folder, t->location);
  f = fopen (name, "wb");
  free (name);
  ok = f != NULL;
  for (size_t i = 0; i < t->n_holes && ok; i++) {
    size_t gap = (size_t) ((ALIGN - at % ALIGN) % ALIGN);
    ok = to_file (f, zeros, gap) && fill (t, &t->holes[i], to_file, f);
    at += gap + t->holes[i].count * width (t);
  }
  return f && fclose (f) == 0 && ok;
}

bool
tiny_write (TinyOnnx *t, const char *path)
{
  FILE *f = fopen (path, "wb");
  bool ok = f && write_all (t, to_file, f);

  if (f && fclose (f) != 0)
    ok = false;
  return ok && (t->store != TINY_EXTERNAL || write_external (t, path));
}
