/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TINYONNX_H
#define TINYONNX_H

/* Networks that a test makes for itself: a writer of ONNX files, and a
 * detector and embedders that are made of hand-set weights, so that tests of
 * the engine and of the elements need no model and no Python.
 *
 *   TinyOnnx *t = tiny_new (13);
 *   tiny_input (t, "x", 4, (int64_t[]){ -1, 3, -1, -1 });
 *   tiny_floats (t, "w", 4, (int64_t[]){ 8, 3, 3, 3 }, weights);
 *   tiny_node (t, "Conv", "x,w", "y");
 *   tiny_attr_ints (t, "pads", 4, (int64_t[]){ 1, 1, 1, 1 });
 *   tiny_output (t, "y");
 *   ok = tiny_write (t, path);
 *   tiny_free (t);
 *
 * To use it, add tests/nn/tinyonnx.c (and tinynets.c) to the test program's
 * sources and tests/nn to its include directories. It ends the program when
 * memory ends. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TinyOnnx TinyOnnx;

TinyOnnx *tiny_new (int opset);
void tiny_free (TinyOnnx *t);
/* dims: -1 = free. Free dimensions get no name. */
void tiny_input (TinyOnnx *t, const char *name, int rank, const int64_t *dims);
/* The same of another element type. */
void tiny_input_of (TinyOnnx *t, const char *name, int type, int rank,
                    const int64_t *dims);
void tiny_output (TinyOnnx *t, const char *name);
void tiny_floats (TinyOnnx *t, const char *name, int rank, const int64_t *dims,
                  const float *data);
void tiny_ints (TinyOnnx *t, const char *name, int n, const int64_t *data);
/* An initializer of any type whose elements are given as raw_data. */
void tiny_raw (TinyOnnx *t, const char *name, int type, int rank,
               const int64_t *dims, const void *data, size_t size);

typedef enum {
  TINY_FLOAT,
  TINY_HALF,    /* float16, and a Cast that every reader goes through */
  TINY_EXTERNAL /* in another file beside it: only with tiny_write() */
} TinyStore;

/* How what tiny_random() makes is stored; before the first of them. */
void tiny_store (TinyOnnx *t, TinyStore store, const char *location);
/* Floats from low to high, the same on every machine. They are made while the
 * file is written: a large network takes no memory. */
void tiny_random (TinyOnnx *t, const char *name, int rank, const int64_t *dims,
                  uint64_t seed, float low, float high);

/* An initializer in a file that somebody else writes; offset and length are
 * text in the format, and absent where they are NULL. */
void tiny_elsewhere (TinyOnnx *t, const char *name, int type, int rank,
                     const int64_t *dims, const char *location,
                     const char *offset, const char *length);

/* Names separated by commas; an empty one is an absent input. The node is
 * called like its first output. Attributes belong to the node made last. */
void tiny_node (TinyOnnx *t, const char *type, const char *in, const char *out);
/* In place of its first output's. */
void tiny_node_name (TinyOnnx *t, const char *name);
void tiny_attr_int (TinyOnnx *t, const char *name, int64_t value);
void tiny_attr_float (TinyOnnx *t, const char *name, float value);
void tiny_attr_string (TinyOnnx *t, const char *name, const char *value);
void tiny_attr_ints (TinyOnnx *t, const char *name, int n, const int64_t *v);
void tiny_attr_floats (TinyOnnx *t, const char *name, int n, const float *v);
/* A tensor that holds the integer 1. */
void tiny_attr_one (TinyOnnx *t, const char *name);
/* A subgraph, given as the bytes of its message. */
void tiny_attr_graph (TinyOnnx *t, const char *name, const void *data,
                      size_t size);
/* The finished file; valid until the next call on t. */
const uint8_t *tiny_bytes (TinyOnnx *t, size_t *size);
bool tiny_write (TinyOnnx *t, const char *path);

/* A detector with YuNet's twelve outputs (cls_8 ... kps_32) for any batch,
 * height and width (multiples of 32), 0..255 in any channel order. It finds
 * bright compact shapes on a dark ground: a pixel is bright when one of its
 * channels is above about 110 (fully from 120, not at all below 100).
 *
 *   size      of a face 11 to 112 pixels of the network's input, as the square
 *             root of its bright area: a filled square is found to about 1 %,
 *             a disc gets the square of its area (side .886 of the diameter)
 *   shape     one compact shape, no longer than about 1.7 times its width;
 *             anything else is not a face
 *   distance  other bright things must lie outside 2.5 cells of the stride that
 *             finds the face, from its centre: 20 pixels up to a size of 24, 40
 *             up to 48, 80 above; else the face is not found while they do
 *   landmarks at the places that the ArcFace template has in a face whose box
 *             is template (16, 26) to (96, 106), so that a chip that is
 *             aligned to 112x112 shows the box there
 *   score     0.95 (cls = obj); boxes of neighbouring cells agree, and any NMS
 *             leaves one
 *
 * The box is always a square about the centre of mass. */
bool tiny_yunet (const char *path);

typedef enum {
  /* Mean colours of a 4x4 grid over template (16, 26) to (96, 106), 48
   * values: faces of the same colours have a cosine near 1, faces of opposite
   * colours one below 0. */
  TINY_EMBED_COLOUR,
  TINY_EMBED_CONSTANT, /* always the same 64 values */
  TINY_EMBED_RANDOM    /* 64 values; pictures that differ by ever so little
                          have nothing in common (equal bytes stay equal) */
} TinyEmbedKind;

/* 112x112, three channels about -1..1 (RGB for COLOUR), any batch:
 * input "input", output "embedding". */
bool tiny_embedder (const char *path, TinyEmbedKind kind);

#endif /* TINYONNX_H */
