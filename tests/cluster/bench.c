/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times of this room, for people to read: nothing is asserted. */
#include "clusters.h"

#include <time.h>

enum { DIMS = 128 };

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void
bench_similarity (const char *name, ReidSimilarityFunc run)
{
  enum { N = 512 };
  float *rows = reid_alloc_aligned (N * DIMS * sizeof *rows);
  float *out = malloc ((size_t) N * N * sizeof *out);
  uint64_t seed = 1;
  double best = 1e9;

  if (!rows || !out) {
    free (rows);
    free (out);
    return;
  }
  for (int i = 0; i < N; i++)
    test_unit_vector (&seed, rows + i * DIMS, DIMS);
  for (int round = 0; round < 20; round++) {
    double t = now ();

    run (rows, N, rows, N, DIMS, out, N);
    t = now () - t;
    best = t < best ? t : best;
  }
  printf ("# similarity %-7s %6.2f ns a pair of %d floats\n", name,
          best / N / N * 1e9, DIMS);
  free (rows);
  free (out);
}

/* Tracks of n / 10 people; at a low threshold all hang together. */
static void
bench_cluster (int n, float threshold)
{
  float *v = malloc ((size_t) n * DIMS * sizeof *v), person[DIMS];
  uint64_t *keys = malloc (n * sizeof *keys), seed = 2;
  int *labels = malloc (n * sizeof *labels);

  for (int i = 0; v && keys && i < n; i++) {
    if (i % 10 == 0)
      test_unit_vector (&seed, person, DIMS);
    test_picture (&seed, person, 0.67, v + (size_t) i * DIMS, DIMS);
    keys[i] = i;
  }
  for (int m = 0; m < 2 && v && keys && labels; m++) {
    ReidClusterParams params;
    ReidError error = REID_ERROR_INIT;
    double t = now ();
    int k;

    reid_cluster_params_init (&params);
    params.method = (ReidClusterMethod) m;
    params.threshold = threshold;
    k = reid_cluster (v, n, DIMS, keys, NULL, 0, &params, labels, &error);
    printf ("# %s, %5d tracks, threshold %5.3f: %8.1f ms, %d clusters%s%s\n",
            m ? "whispers    " : "average link", n, threshold,
            (now () - t) * 1e3, k, k < 0 ? ": " : "", error.message);
  }
  free (v);
  free (keys);
  free (labels);
}

static void
bench_gallery (int people)
{
  ReidGalleryParams params;
  ReidGallery *g;
  uint64_t seed = 3;
  float v[DIMS];
  double t;
  ReidName n;

  reid_gallery_params_init (&params, 0.375f);
  params.max_people = people;
  g = reid_gallery_new (DIMS, &params);
  for (int i = 0; i < people * 8; i++) {
    test_unit_vector (&seed, v, DIMS);
    reid_gallery_name (g, v, 0.5f, i,
                       i < people ? 0 : (uint32_t) i % people + 1, NULL, 0,
                       true, &n, NULL);
  }
  t = now ();
  for (int i = 0; i < 1000; i++)
    reid_gallery_name (g, v, 0.5f, i, 0, NULL, 0, false, &n, NULL);
  printf ("# gallery of %5d people: %.1f us a name\n", reid_gallery_count (g),
          (now () - t) * 1e3);
  reid_gallery_free (g);
}

TEST (similarity)
{
  bench_similarity ("c", reid_similarity_c);
#ifdef __x86_64__
  if (reid_cpu_flags () & REID_CPU_AVX2)
    bench_similarity ("avx2", reid_similarity_avx2);
  if (reid_cpu_flags () & REID_CPU_AVX512)
    bench_similarity ("avx512", reid_similarity_avx512);
#endif
}

TEST (episodes)
{
  bench_cluster (1000, 0.375f);
  bench_cluster (1000, 0.1f);
  bench_cluster (5000, 0.375f);
  bench_cluster (5000, 0.1f);
  bench_cluster (20000, 0.375f);
}

TEST (galleries)
{
  bench_gallery (100);
  bench_gallery (1000);
}

TEST_MAIN ()
