/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* On a CPU 1x1, since of a 3x3 filter Winograd's way leaves multiply-adds out;
 * on a GPU 3x3, since 1x1 waits for the memory, and so deep that copies are of
 * no account. */
#define CPU_KERNEL 1
#define GPU_KERNEL 3
#define CPU_DEPTH 4
#define GPU_DEPTH 48
#define CPU_BATCH 8
#define GPU_BATCH 128
#define PEAK_CHANNELS 256
#define PEAK_SIDE 28

/* ONNX's wire format, as much of it as one convolution needs. */
typedef struct {
  uint8_t *data;
  size_t n;
} Bytes;

static void
put (Bytes *b, const void *data, size_t n)
{
  memcpy (b->data + b->n, data, n);
  b->n += n;
}

static void
put_number (Bytes *b, uint64_t v)
{
  do {
    uint8_t byte = (uint8_t) ((v & 127) | (v > 127 ? 128 : 0));
    put (b, &byte, 1);
    v >>= 7;
  } while (v);
}

static void
put_int (Bytes *b, int field, uint64_t v)
{
  put_number (b, (uint64_t) field << 3);
  put_number (b, v);
}

static void
put_bytes (Bytes *b, int field, const void *data, size_t n)
{
  put_number (b, (uint64_t) field << 3 | 2);
  put_number (b, n);
  put (b, data, n);
}

static void
put_text (Bytes *b, int field, const char *text)
{
  put_bytes (b, field, text, strlen (text));
}

/* ValueInfoProto; dimensions of -1 are free. */
static void
put_value (Bytes *graph, int field, const char *name, const int64_t dims[4])
{
  uint8_t room[4][128];
  Bytes shape = { room[0], 0 }, type = { room[1], 0 }, value = { room[2], 0 },
        info = { room[3], 0 };

  for (int i = 0; i < 4; i++) {
    uint8_t dim_room[16];
    Bytes dim = { dim_room, 0 };
    if (dims[i] < 0)
      put_text (&dim, 2, "n");
    else
      put_int (&dim, 1, (uint64_t) dims[i]);
    put_bytes (&shape, 1, dim.data, dim.n);
  }
  put_int (&type, 1, 1);
  put_bytes (&type, 2, shape.data, shape.n);
  put_bytes (&value, 1, type.data, type.n);
  put_text (&info, 1, name);
  put_bytes (&info, 2, value.data, value.n);
  put_bytes (graph, field, info.data, info.n);
}

static void
put_ints (Bytes *node, const char *name, int n, uint64_t value)
{
  uint8_t room[64];
  Bytes a = { room, 0 };

  put_text (&a, 1, name);
  for (int i = 0; i < n; i++)
    put_int (&a, 8, value);
  put_int (&a, 20, 7); /* INTS */
  put_bytes (node, 5, a.data, a.n);
}

/* `depth` convolutions behind each other, with the same weights. */
static Bytes
peak_network (int kernel, int depth)
{
  static const int64_t in[] = { -1, PEAK_CHANNELS, PEAK_SIDE, PEAK_SIDE };
  size_t n = (size_t) PEAK_CHANNELS * PEAK_CHANNELS
             * (size_t) (kernel * kernel),
         bytes = n * 4;
  uint8_t node_room[256], opset_room[16];
  Bytes model = { malloc (2 * bytes + 65536), 0 },
        graph = { malloc (2 * bytes + 32768), 0 },
        weight = { malloc (bytes + 1024), 0 }, node = { node_room, 0 },
        opset = { opset_room, 0 };
  float *w = malloc (bytes);
  uint32_t h = 7;

  if (model.data && graph.data && weight.data && w) {
    for (size_t i = 0; i < n; i++) {
      h = h * 1664525u + 1013904223u;
      /* values keep their size from layer to layer */
      w[i] = ((float) (h >> 16) / 32768.f - 1) / (9.24f * (float) kernel);
    }
    for (int i = 0; i < depth; i++) {
      char in_name[16], out_name[16];
      snprintf (in_name, sizeof in_name, "v%d", i);
      snprintf (out_name, sizeof out_name, "v%d", i + 1);
      node.n = 0;
      put_text (&node, 1, i == 0 ? "x" : in_name);
      put_text (&node, 1, "w");
      put_text (&node, 2, i == depth - 1 ? "y" : out_name);
      put_text (&node, 4, "Conv");
      put_ints (&node, "kernel_shape", 2, (uint64_t) kernel);
      put_ints (&node, "pads", 4, (uint64_t) kernel / 2);
      put_bytes (&graph, 1, node.data, node.n);
    }
    put_text (&graph, 2, "peak");
    put_int (&weight, 1, PEAK_CHANNELS);
    put_int (&weight, 1, PEAK_CHANNELS);
    put_int (&weight, 1, (uint64_t) kernel);
    put_int (&weight, 1, (uint64_t) kernel);
    put_int (&weight, 2, 1); /* FLOAT */
    put_text (&weight, 8, "w");
    put_bytes (&weight, 9, w, bytes);
    put_bytes (&graph, 5, weight.data, weight.n);
    put_value (&graph, 11, "x", in);
    put_value (&graph, 12, "y", in);
    put_int (&model, 1, 8); /* IR version */
    put_bytes (&model, 7, graph.data, graph.n);
    put_int (&opset, 2, 13);
    put_bytes (&model, 8, opset.data, opset.n);
  } else {
    free (model.data);
    model.data = NULL;
  }
  free (graph.data);
  free (weight.data);
  free (w);
  return model;
}

static ReidSession *
open_peak (int kernel, int depth, const ReidSessionOptions *device,
           ReidError *error)
{
  Bytes model = peak_network (kernel, depth);
  ReidSession *s = NULL;

  if (model.data)
    s = reid_session_open_memory (model.data, model.n, "the peak's network",
                                  device, error);
  else
    reid_error_set (error, REID_ERROR_MEMORY, "not enough memory");
  free (model.data);
  return s;
}

double
reid_measure_peak (const ReidSessionOptions *device, int threads,
                   double seconds, ReidError *error)
{
  ReidMeasureOptions o = {
    .batch = CPU_BATCH, .threads = threads, .callers = 1, .seconds = seconds
  };
  ReidMeasurement r;
  ReidSession *s = open_peak (CPU_KERNEL, CPU_DEPTH, device, error);
  double peak = 0;
  bool gpu = s && reid_session_on_gpu (s);

  if (gpu) {
    reid_session_unref (s);
    s = open_peak (GPU_KERNEL, GPU_DEPTH, device, error);
    o.batch = GPU_BATCH;
    o.callers = 2;
  }
  if (s && reid_measure (s, &o, &r, error))
    peak = gpu ? r.gflops : r.gflops * r.ms / r.fastest;
  reid_session_unref (s);
  return peak;
}
