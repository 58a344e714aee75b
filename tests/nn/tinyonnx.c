/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tinyonnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t *data;
  size_t size, room;
} Bytes;

struct TinyOnnx {
  int opset;
  Bytes graph, node, file; /* node: the one that still takes attributes */
};

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
  free (t->node.data);
  free (t->file.data);
  free (t);
}

static void
value_info (TinyOnnx *t, unsigned field, const char *name, int rank,
            const int64_t *dims)
{
  Bytes shape = { 0 }, tensor = { 0 }, type = { 0 }, info = { 0 };

  for (int i = 0; i < rank; i++) {
    Bytes dim = { 0 };
    if (dims[i] >= 0)
      put_int (&dim, 1, dims[i]);
    put_message (&shape, 1, &dim);
  }
  put_int (&tensor, 1, 1);
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
  value_info (t, 11, name, rank, dims);
}

void
tiny_output (TinyOnnx *t, const char *name)
{
  value_info (t, 12, name, -1, NULL);
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
tiny_attr_graph (TinyOnnx *t, const char *name, const void *data, size_t size)
{
  Bytes a = { 0 };
  put_text (&a, 1, name);
  put_bytes (&a, 6, data, size);
  put_int (&a, 20, 5);
  put_message (&t->node, 5, &a);
}

const uint8_t *
tiny_bytes (TinyOnnx *t, size_t *size)
{
  Bytes opset = { 0 };

  end_node (t);
  t->file.size = 0;
  put_int (&t->file, 1, 8);
  put_text (&t->file, 2, "tinyonnx");
  put_bytes (&t->file, 7, t->graph.data, t->graph.size);
  put_text (&opset, 1, "");
  put_int (&opset, 2, t->opset);
  put_message (&t->file, 8, &opset);
  *size = t->file.size;
  return t->file.data;
}

bool
tiny_write (TinyOnnx *t, const char *path)
{
  size_t size;
  const uint8_t *data = tiny_bytes (t, &size);
  FILE *f = fopen (path, "wb");
  bool ok = f && fwrite (data, 1, size, f) == size;

  if (f && fclose (f) != 0)
    ok = false;
  return ok;
}
