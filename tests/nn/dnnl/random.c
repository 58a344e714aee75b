/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small random networks: dnnl against the reference, and the same bytes with
 * one and two threads, alone and in a batch of three.
 *
 * A number is a network, the same everywhere; what failed is written out. Other
 * networks: REID_RANDOM=320 and so on is added to the numbers. */

#include "test.h"
#include "tinyonnx.h"

#include <stdarg.h>

#include "nn/nn.h"

#define SOME 80
#define MAX_VALUES 48
#define MAX_OUT 8

typedef struct {
  char name[12];
  int c, h, w;
} Value;

typedef struct {
  TinyOnnx *t;
  uint64_t state;
  Value values[MAX_VALUES]; /* the first is the input */
  int n, serial, n_out;
  char text[8192]; /* what it is made of */
} Net;

static int
any (Net *net, int least, int most)
{
  return least + (int) (test_random (&net->state) >> 33) % (most - least + 1);
}

static bool
one_in (Net *net, int n)
{
  return any (net, 1, n) == 1;
}

static void
name_new (Net *net, char *name)
{
  snprintf (name, 12, "t%d", net->serial++);
}

/* An initializer of random floats about 1 / sqrt (fan); its name. */
static const char *
floats (Net *net, int rank, const int64_t *dims, double fan)
{
  static char names[8][12];
  char *name = names[net->serial & 7];
  size_t n = 1;
  for (int i = 0; i < rank; i++)
    n *= (size_t) dims[i];
  float *data = malloc (n * sizeof *data);
  for (size_t i = 0; i < n; i++)
    data[i] = (float) ((test_uniform (&net->state) * 2 - 1) * sqrt (3 / fan));
  snprintf (name, 12, "w%d", net->serial++);
  tiny_floats (net->t, name, rank, dims, data);
  free (data);
  return name;
}

/* A node whose output is a new value of that shape; its inputs in printf
 * style. */
static Value *
node (Net *net, const char *type, int c, int h, int w, const char *format, ...)
{
  Value *v = &net->values[net->n++];
  char in[128];
  va_list args;
  va_start (args, format);
  vsnprintf (in, sizeof in, format, args);
  va_end (args);
  *v = (Value){ "", c, h, w };
  name_new (net, v->name);
  tiny_node (net->t, type, in, v->name);
  size_t at = strlen (net->text);
  snprintf (net->text + at, sizeof net->text - at,
            "#   %s (%s) -> %s [%d %d %d]\n", type, in, v->name, c, h, w);
  return v;
}

static void
ints (Net *net, const char *name, int n, const int64_t *v)
{
  tiny_attr_ints (net->t, name, n, v);
  size_t at = strlen (net->text);
  at += (size_t) snprintf (net->text + at, sizeof net->text - at, "#     %s",
                           name);
  for (int i = 0; i < n && at < sizeof net->text; i++)
    at += (size_t) snprintf (net->text + at, sizeof net->text - at, " %d",
                             (int) v[i]);
  if (at < sizeof net->text)
    snprintf (net->text + at, sizeof net->text - at, "\n");
}

static int
extent (int in, int before, int after, int window, int stride)
{
  int room = in + before + after - window;
  return room < 0 ? 0 : room / stride + 1;
}

/* Pads are those of a window in its middle, or any. */
static void
conv (Net *net, Value x, int out, int groups, int kh, int kw)
{
  int stride = one_in (net, 4) ? 2 : 1, dilation = one_in (net, 8) ? 2 : 1;
  int64_t w[] = { out, x.c / groups, kh, kw }, b[] = { out };
  int64_t pads[] = { kh / 2, kw / 2, kh / 2, kw / 2 };
  if (one_in (net, 3))
    for (int i = 0; i < 4; i++)
      pads[i] = any (net, 0, 2);
  int h = extent (x.h, (int) pads[0], (int) pads[2], (kh - 1) * dilation + 1,
                  stride),
      width = extent (x.w, (int) pads[1], (int) pads[3],
                      (kw - 1) * dilation + 1, stride);
  if (h < 1 || width < 1)
    return;
  const char *weight = floats (net, 4, w, (double) (w[1] * kh * kw));
  if (one_in (net, 2))
    node (net, "Conv", out, h, width, "%s,%s", x.name, weight);
  else
    node (net, "Conv", out, h, width, "%s,%s,%s", x.name, weight,
          floats (net, 1, b, 3));
  tiny_attr_int (net->t, "group", groups);
  ints (net, "pads", 4, pads);
  ints (net, "strides", 2, (int64_t[]){ stride, stride });
  ints (net, "dilations", 2, (int64_t[]){ dilation, dilation });
}

static void
activation (Net *net, Value x)
{
  static const char *const plain[] = { "Relu", "Sigmoid", "Tanh", "LeakyRelu" };
  int64_t slopes[] = { one_in (net, 3) ? 1 : x.c, 1, 1 };
  char low[12], high[12];
  int kind = any (net, 0, 6);
  if (kind < 4) {
    node (net, plain[kind], x.c, x.h, x.w, "%s", x.name);
  } else if (kind == 4) {
    node (net, "PRelu", x.c, x.h, x.w, "%s,%s", x.name,
          floats (net, 3, slopes, 3));
  } else if (kind == 5) {
    float lo = (float) any (net, -4, 2) / 4, hi = (float) any (net, -1, 6) / 4;
    name_new (net, low);
    name_new (net, high);
    tiny_floats (net->t, low, 0, NULL, &lo);
    tiny_floats (net->t, high, 0, NULL, &hi);
    node (net, "Clip", x.c, x.h, x.w, "%s,%s,%s", x.name, low, high);
  } else {
    Value gate = *node (net, "Sigmoid", x.c, x.h, x.w, "%s", x.name);
    node (net, "Mul", x.c, x.h, x.w, "%s,%s", x.name, gate.name);
  }
}

/* Another value of such a size (channels 0: of any number), x itself where
 * there is none. */
static Value
alike (Net *net, Value x, int c, int h, int w)
{
  int first = any (net, 0, net->n - 1);
  for (int i = 0; i < net->n; i++) {
    const Value *v = &net->values[(first + i) % net->n];
    if ((!c || v->c == c) && v->h == h && v->w == w
        && strcmp (v->name, x.name) != 0)
      return *v;
  }
  return x;
}

static void
add (Net *net, Value a, Value b)
{
  if (one_in (net, 2))
    node (net, "Add", a.c, a.h, a.w, "%s,%s", a.name, b.name);
  else
    node (net, "Add", a.c, a.h, a.w, "%s,%s", b.name, a.name);
}

static void
pool (Net *net, Value x)
{
  int kh = any (net, 2, 3), kw = any (net, 2, 3), sh = any (net, 1, 2),
      sw = any (net, 1, 2);
  int64_t pads[] = { any (net, 0, 1), any (net, 0, 1), any (net, 0, 1),
                     any (net, 0, 1) };
  int h = extent (x.h, (int) pads[0], (int) pads[2], kh, sh),
      w = extent (x.w, (int) pads[1], (int) pads[3], kw, sw);
  if (h < 1 || w < 1)
    return;
  node (net, one_in (net, 3) ? "AveragePool" : "MaxPool", x.c, h, w, "%s",
        x.name);
  ints (net, "kernel_shape", 2, (int64_t[]){ kh, kw });
  ints (net, "strides", 2, (int64_t[]){ sh, sw });
  ints (net, "pads", 4, pads);
}

static Value
enlarged (Net *net, Value x)
{
  int64_t four[] = { 4 };
  float scales[] = { 1, 1, 2, 2 };
  char name[12];
  if (one_in (net, 6)) /* not quite doubled, but as large */
    scales[2] = scales[3] = 2 + .5f / (float) (x.h > x.w ? x.h : x.w);
  name_new (net, name);
  tiny_floats (net->t, name, 1, four, scales);
  Value y =
      *node (net, "Resize", x.c, 2 * x.h, 2 * x.w, "%s,,%s", x.name, name);
  tiny_attr_string (net->t, "mode", "nearest");
  tiny_attr_string (net->t, "coordinate_transformation_mode", "asymmetric");
  tiny_attr_string (net->t, "nearest_mode", "floor");
  return y;
}

static void
resize (Net *net, Value x)
{
  if (x.h > 14 || x.w > 14)
    return;
  Value other = alike (net, x, x.c, x.h, x.w), y = enlarged (net, x);
  Value big = alike (net, y, y.c, y.h, y.w);
  if (one_in (net, 3) && strcmp (other.name, x.name) != 0)
    add (net, y, enlarged (net, other));
  else if (strcmp (big.name, y.name) != 0)
    add (net, y, big);
}

/* Before a convolution that can take it over, or into a sum that can. */
static void
pad (Net *net, Value x)
{
  bool channels = one_in (net, 2);
  int64_t p[] = { 0, 0, any (net, 0, 1), any (net, 0, 1),
                  0, 0, any (net, 0, 2), any (net, 0, 2) };
  char name[12];
  if (channels) {
    memset (p, 0, sizeof p);
    p[5] = any (net, 1, 9);
  }
  name_new (net, name);
  tiny_ints (net->t, name, 8, p);
  Value y = *node (net, "Pad", x.c + (int) p[5], x.h + (int) (p[2] + p[6]),
                   x.w + (int) (p[3] + p[7]), "%s,%s", x.name, name);
  if (!channels) {
    int k = any (net, 0, 1) ? 1 : 3;
    conv (net, y, any (net, 1, 20), 1, k, k);
    return;
  }
  int64_t w[] = { y.c, one_in (net, 2) ? x.c : y.c, 1, 1 };
  Value from = w[1] == y.c ? y : x;
  if (w[1] == y.c && one_in (net, 2)) { /* its own input beside it */
    w[0] = x.c;
    y = x;
  }
  Value c = *node (net, "Conv", (int) w[0], x.h, x.w, "%s,%s", from.name,
                   floats (net, 4, w, (double) w[1]));
  add (net, c, y);
}

static void
heads (Net *net, Value x)
{
  int n = any (net, 2, 4);
  if (net->n + 3 * n > MAX_VALUES || net->n_out + n > MAX_OUT)
    return;
  bool odd = one_in (net, 4);
  for (int i = 0; i < n; i++) {
    int c = any (net, 1, 10);
    int64_t p[] = { c, x.c, 1, 1 }, d[] = { c, 1, 3, 3 };
    int64_t one = odd && i == n - 1 ? 0 : 1, pads[] = { one, one, one, one };
    int h = x.h + 2 * (int) one - 2, w = x.w + 2 * (int) one - 2;
    if (h < 1 || w < 1)
      return;
    Value a = *node (net, "Conv", c, x.h, x.w, "%s,%s", x.name,
                     floats (net, 4, p, x.c));
    Value b =
        *node (net, "Conv", c, h, w, "%s,%s", a.name, floats (net, 4, d, 9));
    tiny_attr_int (net->t, "group", c);
    ints (net, "pads", 4, pads);
    /* Channels last: no more of the values that others may take. */
    Value y = *node (net, "Transpose", c, h, w, "%s", b.name);
    ints (net, "perm", 4, (int64_t[]){ 0, 2, 3, 1 });
    net->n--;
    tiny_output (net->t, y.name);
    net->n_out++;
  }
}

static void
grow (Net *net)
{
  Value x =
      net->values[one_in (net, 4) ? any (net, 0, net->n - 1) : net->n - 1];
  Value same = alike (net, x, x.c, x.h, x.w);
  int k = any (net, 2, 5);
  switch (any (net, 0, 15)) {
    case 0:
    case 1:
    case 2:
      conv (net, x, one_in (net, 2) ? x.c : any (net, 1, 40), 1, 1, 1);
      break;
    case 3:
    case 4:
      conv (net, x, x.c, x.c, k, one_in (net, 4) ? any (net, 1, 5) : k);
      break;
    case 5:
      conv (net, x, any (net, 1, 24), 1, k, one_in (net, 4) ? 3 : k);
      break;
    case 6:
      if (x.c % 2 == 0)
        conv (net, x, 2 * any (net, 1, 8), 2, 3, 3);
      break;
    case 7:
    case 8:
    case 9:
      activation (net, x);
      break;
    case 10:
      pool (net, x);
      break;
    case 11:
      resize (net, x);
      break;
    case 12:
      pad (net, x);
      break;
    case 13:
      heads (net, x);
      break;
    case 14:
      same = alike (net, x, 0, x.h, x.w);
      if (x.c + same.c <= 64) {
        node (net, "Concat", x.c + same.c, x.h, x.w, "%s,%s", x.name,
              same.name);
        tiny_attr_int (net->t, "axis", 1);
      }
      break;
    default:
      add (net, x, same);
      break;
  }
}

static void
make (Net *net, int number)
{
  static const int channels[] = { 1, 3, 4, 8, 16, 17, 20, 32 };
  memset (net, 0, sizeof *net);
  net->state = 0x5eedu + (uint64_t) number * 7919;
  for (int i = 0; i < 4; i++)
    test_random (&net->state);
  net->t = tiny_new (13);
  net->n = 1;
  net->values[0] = (Value){ "x", channels[any (net, 0, 7)], any (net, 2, 28),
                            any (net, 2, 28) };
  if (one_in (net, 8)) /* enough work for more than one thread */
    net->values[0].h = net->values[0].w = 48;
  const Value *x = &net->values[0];
  tiny_input (net->t, "x", 4, (int64_t[]){ -1, x->c, x->h, x->w });
  for (int left = any (net, 3, 14); left > 0 && net->n < MAX_VALUES - 16;
       left--)
    grow (net);
  /* Some values of the middle are outputs as well. */
  for (int i = any (net, 0, 2); i >= 0; i--) {
    Value v = net->values[i ? any (net, 0, net->n - 1) : net->n - 1];
    char name[12];
    if (net->n_out == MAX_OUT)
      break;
    snprintf (name, sizeof name, "y%d", i);
    tiny_node (net->t, one_in (net, 2) ? "Relu" : "Neg", v.name, name);
    tiny_output (net->t, name);
    net->n_out++;
  }
}

/* --- what they make of it --- */

typedef struct {
  float *data[MAX_OUT];
  size_t count[MAX_OUT];
} Result;

static void
clear (Result *r)
{
  for (int i = 0; i < MAX_OUT; i++)
    free (r->data[i]);
  memset (r, 0, sizeof *r);
}

/* Pictures first..first + batch. */
static bool
run (const Net *net, ReidSession *s, int threads, int first, int batch,
     Result *r)
{
  const Value *x = &net->values[0];
  ReidError error = REID_ERROR_INIT;
  ReidTensor in = { 4, { batch, x->c, x->h, x->w }, NULL }, out[MAX_OUT];
  ReidContext *c = s ? reid_context_new (s, threads, &error) : NULL;
  size_t picture = (size_t) x->c * x->h * x->w;
  bool ok = c && reid_context_input (c, 0, &in, &error);

  memset (r, 0, sizeof *r);
  for (int b = 0; b < batch && ok; b++) {
    uint64_t state = 99 + (uint64_t) (first + b);
    for (size_t i = 0; i < picture; i++)
      in.data[(size_t) b * picture + i] =
          (float) (test_uniform (&state) * 4 - 2);
  }
  ok = ok && reid_context_run (c, &in, out, &error);
  for (int i = 0; ok && i < net->n_out; i++) {
    r->count[i] = 1;
    for (int k = 0; k < out[i].rank; k++)
      r->count[i] *= (size_t) out[i].dims[k];
    r->data[i] = malloc (r->count[i] * sizeof (float));
    memcpy (r->data[i], out[i].data, r->count[i] * sizeof (float));
  }
  if (!ok)
    printf ("# %d threads, batch %d: %s\n", threads, batch, error.message);
  reid_context_free (c);
  return ok;
}

static bool
close_enough (const Net *net, const Result *want, const Result *got,
              ReidPrecision precision)
{
  bool exact = precision == REID_PRECISION_F32;
  for (int i = 0; i < net->n_out; i++) {
    double top = .1, off = 0, squares = 0, differences = 0;
    if (want->count[i] != got->count[i]) {
      printf ("# output %d has another size\n", i);
      return false;
    }
    for (size_t k = 0; k < want->count[i]; k++) {
      double d = fabs ((double) want->data[i][k] - (double) got->data[i][k]);
      top = fmax (top, fabs ((double) want->data[i][k]));
      off = d <= off ? off : d; /* a NaN stays */
      squares += (double) want->data[i][k] * (double) want->data[i][k];
      differences += d * d;
    }
    if (!(off <= (exact ? 1e-4 : .1) * top)
        || (!exact && !(differences <= .01 * squares + 1e-6))) {
      printf ("# output %d is off by %g of %g, %g of all\n", i, off, top,
              sqrt (differences / squares));
      return false;
    }
  }
  return true;
}

/* Is `one` picture `at` of `all`? */
static bool
same_bytes (const Net *net, const Result *all, const Result *one, int at,
            const char *what)
{
  for (int i = 0; i < net->n_out; i++) {
    size_t n = one->count[i];
    if (all->count[i] < n * ((size_t) at + 1)
        || memcmp (all->data[i] + n * (size_t) at, one->data[i],
                   n * sizeof (float))) {
      printf ("# output %d of picture %d changes with %s\n", i, at, what);
      return false;
    }
  }
  return true;
}

static bool
check (int number, ReidPrecision precision)
{
  static Net net;
  ReidSessionOptions plain = { "reference", REID_PRECISION_F32 },
                     fast = { "dnnl", precision };
  ReidError error = REID_ERROR_INIT;
  Result want = { 0 }, alone[3] = { { { NULL }, { 0 } } }, r = { 0 };
  size_t size;

  make (&net, number);
  const uint8_t *data = tiny_bytes (net.t, &size);
  ReidSession *a =
      reid_session_open_memory (data, size, "random", &plain, &error);
  ReidSession *b =
      reid_session_open_memory (data, size, "random", &fast, &error);
  bool ok = a && b;
  if (!ok)
    printf ("# %s\n", error.message);
  ok = ok && run (&net, a, 1, 0, 1, &want);
  for (int i = 0; i < 3 && ok; i++)
    ok = run (&net, b, 1, i, 1, &alone[i]);
  ok = ok && close_enough (&net, &want, &alone[0], precision);
  for (int threads = 1; threads <= 2 && ok; threads++) {
    for (int batch = 1; batch <= 3 && ok; batch += 2) {
      ok = run (&net, b, threads, 0, batch, &r);
      for (int i = 0; i < batch && ok; i++)
        ok = same_bytes (&net, &r, &alone[i], i,
                         threads == 1 ? "the batch"
                         : batch == 1 ? "the threads"
                                      : "threads and batch");
      clear (&r);
    }
  }
  if (!ok)
    printf ("# network %d, x [%d %d %d]:\n%s", number, net.values[0].c,
            net.values[0].h, net.values[0].w, net.text);
  clear (&want);
  for (int i = 0; i < 3; i++)
    clear (&alone[i]);
  reid_session_unref (a);
  reid_session_unref (b);
  tiny_free (net.t);
  return ok;
}

/* bf16 needs AMX, or what stands for it in tests. */
static bool
there (ReidPrecision precision)
{
  ReidSessionOptions options = { "dnnl", precision };
  ReidError error = REID_ERROR_INIT;
  static Net net;
  size_t size;
  make (&net, 0);
  const uint8_t *data = tiny_bytes (net.t, &size);
  ReidSession *s =
      reid_session_open_memory (data, size, "random", &options, &error);
  reid_session_unref (s);
  tiny_free (net.t);
  return s || error.status != REID_ERROR_ARGUMENT;
}

static void
check_some (int first, ReidPrecision precision)
{
  const char *offset = getenv ("REID_RANDOM");
  if (!there (precision))
    SKIP ("needs AMX");
  for (int i = first; i < first + SOME; i++) {
    int number = i + (offset ? atoi (offset) : 0);
    CHECK_MSG (check (number, precision), "network %d", number);
  }
}

/* Which precision is tested is told by the name: see meson.build. */
#define NETWORKS(first)                                                        \
  TEST (f32_networks_from_##first)                                             \
  {                                                                            \
    check_some (first, REID_PRECISION_F32);                                    \
  }                                                                            \
  TEST (bf16_networks_from_##first)                                            \
  {                                                                            \
    check_some (first, REID_PRECISION_BF16);                                   \
  }

NETWORKS (0)
NETWORKS (80)
NETWORKS (160)
NETWORKS (240)

TEST_MAIN ()
