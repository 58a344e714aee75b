/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jpeglib.h>

#define JPEG_QUALITY 92

/* ---- JPEG: libjpeg ends the process on an error unless it is kept from it */

typedef struct {
  struct jpeg_error_mgr base; /* first */
  jmp_buf out;
} JpegErrors;

static void
jpeg_failed (j_common_ptr info)
{
  longjmp (((JpegErrors *) info->err)->out, 1);
}

static void
jpeg_silent (j_common_ptr info)
{
}

static bool
encode (const uint8_t *rgb, int width, int height, unsigned char **data,
        unsigned long *size)
{
  struct jpeg_compress_struct info;
  JpegErrors errors;

  *data = NULL;
  *size = 0;
  if (width > JPEG_MAX_DIMENSION || height > JPEG_MAX_DIMENSION)
    return false;
  info.err = jpeg_std_error (&errors.base);
  errors.base.error_exit = jpeg_failed;
  errors.base.output_message = jpeg_silent;
  if (setjmp (errors.out)) {
    jpeg_destroy_compress (&info);
    /* It may be the buffer before the last one, which is freed. */
    *data = NULL;
    return false;
  }
  jpeg_create_compress (&info);
  jpeg_mem_dest (&info, data, size);
  info.image_width = (JDIMENSION) width;
  info.image_height = (JDIMENSION) height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults (&info);
  jpeg_set_quality (&info, JPEG_QUALITY, TRUE);
  info.dct_method = JDCT_ISLOW;
  jpeg_start_compress (&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row =
        (JSAMPROW) rgb + (size_t) info.next_scanline * 3 * (size_t) width;
    jpeg_write_scanlines (&info, &row, 1);
  }
  jpeg_finish_compress (&info);
  jpeg_destroy_compress (&info);
  return true;
}

/* ---- Files: into a directory of a temporary name, which then takes the place
 * of the old one; so a picture needs no rename of its own. */

static int
write_all (int fd, const unsigned char *data, size_t size)
{
  while (size > 0) {
    ssize_t n = write (fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? errno : ENOSPC;
    data += n;
    size -= (size_t) n;
  }
  return 0;
}

static bool
write_picture (int root, const char *name, const unsigned char *data,
               size_t size, const char *directory, ReidError *error)
{
  char full[4300];
  int number = 0;
  int fd = openat (root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  if (fd < 0) {
    number = errno;
  } else {
    number = write_all (fd, data, size);
    if (close (fd) != 0 && !number)
      number = errno;
  }
  if (!number)
    return true;
  snprintf (full, sizeof full, "%s/faces/%s", directory, name);
  return reid_write_failed (error, full, number);
}

static bool
write_chip (const ReidEpisode *episode, const ReidTrackRow *track, size_t row,
            const ReidPixelSource *source, int root, const char *directory,
            ReidError *error)
{
  const ReidChipRow *chip = &episode->chips[row];
  char name[80];
  unsigned char *data = NULL;
  unsigned long size = 0;

  if (!source->has (source->user, row))
    return true;
  const uint8_t *rgb = source->get (source->user, row, error);
  if (!rgb)
    return false;
  bool ok = encode (rgb, chip->width, chip->height, &data, &size);
  source->release (source->user, rgb);
  if (!ok)
    reid_error_set (error, REID_ERROR_UNSUPPORTED,
                    "%s: the picture of track %" PRIu32 " in frame %" PRIu64
                    " (%u x %u) cannot be made a JPEG",
                    directory, track->id, chip->frame, chip->width,
                    chip->height);
  snprintf (name, sizeof name, "%03" PRIu32, track->identity);
  if (ok && mkdirat (root, name, 0777) != 0 && errno != EEXIST)
    ok = reid_write_failed (error, directory, errno);
  snprintf (name, sizeof name, "%03" PRIu32 "/%" PRIu32 "_%" PRIu64 ".jpg",
            track->identity, track->id, chip->frame);
  ok = ok && write_picture (root, name, data, size, directory, error);
  free (data);
  return ok;
}

/* The new directory takes the old one's name. */
bool
reid_faces_put (const char *directory, const char *temporary, const char *faces,
                ReidError *error)
{
  char *old = reid_temporary (directory, NULL);
  bool had = false;
  int number = 0;

  if (!old)
    return reid_write_failed (error, faces, errno);
  /* onto the empty directory that was just made */
  if (rename (faces, old) == 0)
    had = true;
  else if (errno != ENOENT)
    number = errno;
  if (!number && rename (temporary, faces) != 0) {
    number = errno;
    if (had && rename (old, faces) == 0)
      had = false;
  }
  if (had)
    reid_directory_remove_faces (old);
  else
    rmdir (old);
  free (old);
  return !number || reid_write_failed (error, faces, number);
}

bool
reid_write_faces_from (const ReidEpisode *episode,
                       const ReidPixelSource *source, const char *directory,
                       ReidError *error)
{
  char *faces = reid_path_join (directory, "faces");
  char *temporary = NULL;
  int root = -1;
  bool ok = faces
            || reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory",
                               directory);

  ok = ok && reid_directory_check_faces (faces, error);
  if (ok) {
    temporary = reid_temporary (directory, NULL);
    if (temporary)
      root = open (temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
      ok = reid_write_failed (error, faces, errno);
  }
  for (size_t i = 0; ok && i < episode->n_tracks; i++) {
    const ReidTrackRow *t = &episode->tracks[i];
    for (uint32_t k = 0; ok && k < t->n_chips; k++)
      ok = write_chip (episode, t, (size_t) t->first_chip + k, source, root,
                       directory, error);
  }
  /* One for all the pictures: thousands of fsync() take minutes on a disk. */
  if (ok && syncfs (root) != 0)
    ok = reid_write_failed (error, faces, errno);
  if (root >= 0)
    close (root);
  ok = ok && reid_faces_put (directory, temporary, faces, error);
  if (!ok && temporary)
    reid_directory_remove_faces (temporary);
  free (temporary);
  free (faces);
  return ok;
}
