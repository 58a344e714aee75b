/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What layers are made with: pooling, projections, and the files of numpy's
 * that hold them. */
#include "test.h"
#include "embed/pool.h"
#include "embed/projection.h"

#include <unistd.h>

static void
fill (float *to, int64_t n, uint64_t *state)
{
  for (int64_t i = 0; i < n; i++)
    to[i] = (float) (2 * test_uniform (state) - 1);
}

/* A pixel is in a cell when any part of it is. */
static double
plain_cell (const float *map, int height, int width, int rows, int columns,
            int row, int column)
{
  double sum = 0;
  int n = 0;

  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      if ((y + 1) * rows > row * height && y * rows < (row + 1) * height
          && (x + 1) * columns > column * width
          && x * columns < (column + 1) * width) {
        sum += map[y * width + x];
        n++;
      }
  return sum / n;
}

TEST (pooling_is_the_mean_of_the_pixels_in_each_cell)
{
  static float map[3 * 17 * 23], out[3 * 20 * 20];
  uint64_t state = 5;

  for (int round = 0; round < 300; round++) {
    int channels = 1 + (int) (test_random (&state) % 3),
        height = 1 + (int) (test_random (&state) % 17),
        width = 1 + (int) (test_random (&state) % 23),
        grid[2] = { 1 + (int) (test_random (&state) % 20),
                    1 + (int) (test_random (&state) % 20) };
    fill (map, (int64_t) channels * height * width, &state);
    reid_pool_grid (map, channels, height, width, grid, out);
    for (int c = 0; c < channels; c++)
      for (int i = 0; i < grid[0]; i++)
        for (int k = 0; k < grid[1]; k++)
          CHECK_NEAR (out[(c * grid[0] + i) * grid[1] + k],
                      plain_cell (map + c * height * width, height, width,
                                  grid[0], grid[1], i, k),
                      1e-6);
  }
}

TEST (pooling_over_tokens_is_their_mean)
{
  const float tokens[] = { 1, 2, 3, 4, 5, 9 };
  float out[2];

  reid_pool_tokens (tokens, 3, 2, out);
  CHECK (out[0] == 3 && out[1] == 5);
}

TEST (drawn_rows_are_orthonormal)
{
  static const int sizes[][2] = {
    { 1, 1 }, { 2, 2 }, { 7, 7 }, { 3, 50 }, { 64, 1000 }
  };
  ReidError error = REID_ERROR_INIT;

  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int rows = sizes[s][0], cols = sizes[s][1];
    ReidProjection *p = reid_projection_draw (rows, cols, 1, &error);
    REQUIRE_OK (p != NULL, error);
    for (int i = 0; i < rows; i++)
      for (int k = 0; k <= i; k++) {
        double dot = 0;
        for (int c = 0; c < cols; c++)
          dot += (double) p->data[i * cols + c] * p->data[k * cols + c];
        CHECK_NEAR (dot, i == k, 1e-6);
      }
    reid_projection_free (p);
  }
}

/* Archives hold only the seed: the bytes must never change. */
TEST (a_seed_always_draws_the_same_bytes)
{
  ReidError error = REID_ERROR_INIT;
  char text[REID_SHA256_TEXT];

  for (uint64_t seed = 1; seed <= 2; seed++) {
    ReidProjection *p = reid_projection_draw (16, 100, seed, &error);
    ReidSha256 sum;
    REQUIRE_OK (p != NULL, error);
    reid_sha256_init (&sum);
    reid_sha256_update (&sum, p->data, 16 * 100 * sizeof *p->data);
    reid_sha256_end (&sum, text);
    bool known = !strncmp (text, "6596aeae92ea7d65", 16);
    CHECK_MSG (known == (seed == 1), "%s", text);
    reid_projection_free (p);
  }
}

TEST (more_rows_than_numbers_are_refused)
{
  ReidError error = REID_ERROR_INIT;

  CHECK (!reid_projection_draw (5, 4, 1, &error));
  CHECK_MSG (error.status == REID_ERROR_ARGUMENT, "%s", error.message);
  reid_error_clear (&error);
  CHECK (!reid_projection_draw (4096, 1 << 20, 1, &error));
  CHECK_MSG (error.status == REID_ERROR_ARGUMENT, "%s", error.message);
}

/* ---- .npy */

static char path[64];

static void
write_npy (const char *header, int version, const void *data, size_t size)
{
  size_t length = strlen (header);
  FILE *f;

  snprintf (path, sizeof path, "/tmp/reid-layers-%d.npy", (int) getpid ());
  f = fopen (path, "wb");
  if (!f)
    return;
  fprintf (f, "\x93NUMPY%c%c%c%c", version, 0, (int) (length & 255),
           (int) (length >> 8));
  if (version > 1)
    fwrite ("\0", 1, 2, f);
  fwrite (header, 1, length, f);
  if (size)
    fwrite (data, 1, size, f);
  fclose (f);
}

TEST (a_pca_is_read_and_applied)
{
  static const float rows[3][4] = { { 1, 2, 3, 4 },
                                    { 1, 0, 0, -1 },
                                    { 0, .5f, .5f, 0 } };
  const float x[4] = { 5, 4, 3, 2 };
  ReidError error = REID_ERROR_INIT;
  double wide[3][4];
  float y[2];

  for (int i = 0; i < 12; i++)
    wide[i / 4][i % 4] = rows[i / 4][i % 4];
  for (int k = 0; k < 3; k++) {
    if (k == 0)
      write_npy ("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
                 "      \n",
                 1, rows, sizeof rows);
    else
      write_npy ("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }"
                 "\n",
                 k + 1, wide, sizeof wide);
    ReidProjection *p = reid_projection_load (path, &error);
    REQUIRE_OK (p != NULL, error);
    CHECK (p->rows == 2 && p->cols == 4 && strlen (p->sha256) == 64);
    reid_projection_apply (p, x, y);
    CHECK (y[0] == 6 && y[1] == 1);
    reid_projection_free (p);
  }
  unlink (path);
}

static void
check_refused (const char *part)
{
  ReidError error = REID_ERROR_INIT;
  ReidProjection *p = reid_projection_load (path, &error);

  CHECK_MSG (!p && strstr (error.message, part) && strstr (error.message, path),
             "%s: %s", part, error.message);
  reid_projection_free (p);
}

TEST (broken_files_are_refused)
{
  static const char good[] =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n";
  static const struct {
    const char *header, *told;
  } bad[] = {
    { "", "broken" },
    { "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 4), }",
      "float32" },
    { "{'descr': '>f4', 'fortran_order': False, 'shape': (3, 4), }",
      "float32" },
    { "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }", "Fortran" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (12,), }",
      "two axes" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, 2), }",
      "two axes" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }", "size" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }",
      "no numbers" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 12), }",
      "component" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }",
      "too many" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 4), }",
      "two axes" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 4), }",
      "two axes" },
    { "{'descr': '<f4', 'shape': (3, 4), }", "broken" },
  };
  float rows[12] = { 0 };

  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    write_npy (bad[i].header, 1, rows, sizeof rows);
    check_refused (bad[i].told);
  }
  write_npy (good, 4, rows, sizeof rows);
  check_refused ("version");
  rows[7] = NAN;
  write_npy (good, 1, rows, sizeof rows);
  check_refused ("finite");
  rows[7] = 0;
  write_npy (good, 1, rows, sizeof rows);
  for (off_t n = 0; n < (off_t) (10 + sizeof good - 1 + sizeof rows); n++) {
    ReidError error = REID_ERROR_INIT;
    write_npy (good, 1, rows, sizeof rows);
    REQUIRE (truncate (path, n) == 0);
    ReidProjection *p = reid_projection_load (path, &error);
    CHECK_MSG (!p && error.status == REID_ERROR_FORMAT, "%d bytes: %s", (int) n,
               error.message);
    reid_projection_free (p);
  }
  unlink (path);
  check_refused ("cannot be opened");
}

TEST_MAIN ()
