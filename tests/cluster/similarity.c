/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

typedef struct {
  const char *name;
  unsigned flag;
  ReidSimilarityFunc run;
} Version;

static int
versions (Version *v)
{
  int n = 0;

  v[n++] = (Version){ "c", 0, reid_similarity_c };
#ifdef __x86_64__
  if (reid_cpu_flags () & REID_CPU_AVX2)
    v[n++] = (Version){ "avx2", REID_CPU_AVX2, reid_similarity_avx2 };
  if (reid_cpu_flags () & REID_CPU_AVX512)
    v[n++] = (Version){ "avx512", REID_CPU_AVX512, reid_similarity_avx512 };
#endif
  return n;
}

TEST (similarity_versions_give_the_same_bytes)
{
  static const int dims[] = { 1, 2, 15, 16, 17, 31, 32, 64, 100, 128, 512 };
  Version v[3];
  int n_versions = versions (v);
  uint64_t seed = 7;

  for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
    for (int round = 0; round < 40; round++) {
      int na = (int) (test_random (&seed) % 12);
      int nb = (int) (test_random (&seed) % 12);
      size_t stride = reid_cluster_stride (dims[d]), out_stride = nb + 3;
      size_t n_out = (na + 1) * out_stride;
      float *a = reid_alloc_aligned ((na + 1) * stride * sizeof *a);
      float *b = reid_alloc_aligned ((nb + 1) * stride * sizeof *b);
      float *want = malloc (n_out * sizeof *want);
      float *got = malloc (n_out * sizeof *got);
      double scale = round % 3 ? 1 : 1e15;

      REQUIRE (a && b && want && got);
      memset (a, 0, (na + 1) * stride * sizeof *a);
      memset (b, 0, (nb + 1) * stride * sizeof *b);
      for (int i = 0; i < na; i++)
        for (int k = 0; k < dims[d]; k++)
          a[i * stride + k] = (float) (scale * test_normal (&seed));
      for (int i = 0; i < nb; i++)
        for (int k = 0; k < dims[d]; k++)
          b[i * stride + k] = (float) (test_normal (&seed) / scale);
      memset (want, 0x5a, n_out * sizeof *want);
      reid_similarity_c (a, na, b, nb, stride, want, out_stride);
      for (int i = 0; i < na; i++)
        for (int j = 0; j < nb; j++) {
          double sum = 0, size = 0;

          for (int k = 0; k < dims[d]; k++) {
            double x = (double) a[i * stride + k] * b[j * stride + k];
            sum += x;
            size += fabs (x);
          }
          CHECK_NEAR (want[i * out_stride + j], sum, 1e-6 * size);
        }
      for (int k = 1; k < n_versions; k++) {
        memset (got, 0x5a, n_out * sizeof *got);
        v[k].run (a, na, b, nb, stride, got, out_stride);
        CHECK_MSG (!memcmp (got, want, n_out * sizeof *got),
                   "%s differs from c, dims %d, %d x %d", v[k].name, dims[d],
                   na, nb);
      }
      free (a);
      free (b);
      free (want);
      free (got);
    }
}

TEST (similarity_is_picked_by_the_flags)
{
  CHECK (reid_similarity_pick (0) == reid_similarity_c);
#ifdef __x86_64__
  CHECK (reid_similarity_pick (REID_CPU_AVX2) == reid_similarity_avx2);
  CHECK (reid_similarity_pick (REID_CPU_AVX2 | REID_CPU_AVX512)
         == reid_similarity_avx512);
#endif
}

typedef struct {
  int n;
  unsigned char *seen;
  const float *rows;
  size_t stride;
  int wrong;
} Cover;

static void
cover (void *user, int i0, int i1, int j0, int j1, const float *tile)
{
  Cover *c = user;

  for (int i = i0; i < i1; i++)
    for (int j = j0; j < j1 && j < i; j++) {
      float want;

      reid_similarity_c (c->rows + i * c->stride, 1, c->rows + j * c->stride, 1,
                         c->stride, &want, 1);
      c->wrong += want != tile[(i - i0) * REID_TILE + j - j0];
      c->seen[i * c->n + j]++;
    }
}

TEST (tiles_visit_every_pair_once)
{
  static const int ns[] = { 0, 1, 2, 63, 64, 65, 128, 150 };
  uint64_t seed = 3;

  for (size_t t = 0; t < sizeof ns / sizeof *ns; t++) {
    int n = ns[t];
    Cover c = { n, calloc (n * n + 1, 1), NULL, 16, 0 };
    float *rows = reid_alloc_aligned ((n + 1) * 16 * sizeof *rows);

    REQUIRE (c.seen && rows);
    for (int i = 0; i < n * 16; i++)
      rows[i] = (float) test_normal (&seed);
    c.rows = rows;
    reid_similarity_tiles (rows, n, 16, cover, &c);
    for (int i = 0; i < n; i++)
      for (int j = 0; j < n; j++)
        CHECK (c.seen[i * n + j] == (j < i));
    CHECK (c.wrong == 0);
    free (c.seen);
    free (rows);
  }
}

TEST (fixed_point_rounds_to_nearest)
{
  CHECK (reid_fixed (1) == REID_FIXED_ONE);
  CHECK (reid_fixed (-1) == -REID_FIXED_ONE);
  CHECK (reid_fixed (1.0001f) == REID_FIXED_ONE);
  CHECK (reid_fixed (-7) == -REID_FIXED_ONE);
  CHECK (reid_fixed (0) == 0);
  CHECK (reid_fixed (0x1p-31f) == 1);
  CHECK (reid_fixed (-0x1p-31f) == -1);
  CHECK (reid_fixed (0x1.8p-32f) == 0);
  CHECK (reid_fixed (0.5f) == REID_FIXED_ONE / 2);
}

TEST_MAIN ()
