/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clusters.h"

/* Every allocation fails once, and each failure is one clear error. The
 * linker puts these in the place of the allocators (--wrap); with a sanitizer
 * it does so for the shared libraries, too, which must then see them. */

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
void *__real_reid_alloc_aligned (size_t size);
REID_API void *__wrap_malloc (size_t size);
REID_API void *__wrap_calloc (size_t n, size_t size);
REID_API void *__wrap_realloc (void *p, size_t size);
REID_API void *__wrap_reid_alloc_aligned (size_t size);

static int fail_at; /* the n-th allocation from now; 0: none */

static bool
fails (void)
{
  return fail_at && --fail_at == 0;
}

void *
__wrap_malloc (size_t size)
{
  return fails () ? NULL : __real_malloc (size);
}

void *
__wrap_calloc (size_t n, size_t size)
{
  return fails () ? NULL : __real_calloc (n, size);
}

void *
__wrap_realloc (void *p, size_t size)
{
  return fails () ? NULL : __real_realloc (p, size);
}

void *
__wrap_reid_alloc_aligned (size_t size)
{
  return fails () ? NULL : __real_reid_alloc_aligned (size);
}

TEST (clustering_without_memory_is_an_error)
{
  const float v[] = { 1, 0, 1, 0, 0.8f, 0.6f, 0, 1 };
  const uint64_t keys[] = { 1, 2, 3, 4 };
  const ReidPair pair = { 0, 1, 1 };
  ReidClusterParams params;
  int labels[4];

  reid_cluster_params_init (&params);
  for (int m = 0; m < 2; m++) {
    int failures = 0, want;

    params.method = (ReidClusterMethod) m;
    want = reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, NULL);
    CHECK (want > 1);
    for (;;) {
      ReidError error = REID_ERROR_INIT;
      int k;

      fail_at = failures + 1;
      k = reid_cluster (v, 4, 2, keys, &pair, 1, &params, labels, &error);
      if (fail_at) {
        fail_at = 0;
        CHECK (k == want);
        break;
      }
      failures++;
      CHECK (k == -1);
      CHECK_MSG (error.status == REID_ERROR_MEMORY
                     && strstr (error.message, "no memory"),
                 "%d: %s", failures, error.message);
    }
    CHECK (failures > 15);
  }
}

TEST (a_gallery_without_memory_goes_on)
{
  const float v[2][2] = { { 1, 0 }, { 0, 1 } };
  ReidGalleryParams params;
  int failures = 0;
  bool whole = false;

  reid_gallery_params_init (&params, 0.4f);
  while (!whole) {
    ReidGallery *g;
    ReidError error = REID_ERROR_INIT;
    ReidName n;
    uint32_t given = 0;

    fail_at = failures + 1;
    g = reid_gallery_new (2, &params);
    for (int i = 0; g && i < 40; i++) {
      /* The frame is full of earlier ones, so each call makes a person. */
      static uint32_t taken[40];
      bool ok = reid_gallery_name (g, v[i % 2], 1, i, 0, taken, (int) given,
                                   false, &n, &error);

      if (!ok) {
        CHECK (error.status == REID_ERROR_MEMORY);
        reid_error_clear (&error);
        CHECK (reid_gallery_count (g) == (int) given);
        continue;
      }
      CHECK (n.state == REID_NAME_NEW && n.identity == given + 1);
      taken[given++] = n.identity;
    }
    whole = fail_at != 0;
    fail_at = 0;
    CHECK (!g || given == (whole ? 40u : 39u));
    CHECK (!g
           || reid_gallery_bytes (g) <= reid_gallery_bytes_bound (&params, 2));
    reid_gallery_free (g);
    failures += !whole;
  }
  CHECK (failures > 100);
}

TEST_MAIN ()
