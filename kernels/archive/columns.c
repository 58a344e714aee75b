/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

/* The columns of every table, as docs/formats.md lists them. The file holds
 * their names, units and descriptions as attributes. A column may be added
 * (readers look columns up by name); one that is there never changes its
 * meaning without a new REID_ARCHIVE_VERSION. */

#define COLUMN(s, field, type, unit, text)                                     \
  {                                                                            \
#field, type, 1, offsetof(s, field), unit, text                            \
  }
#define ARRAY(s, field, n, type, unit, text)                                   \
  {                                                                            \
#field, type, n, offsetof(s, field), unit, text                            \
  }
#define TABLE(id, name, s, chunk, text)                                        \
  const ReidTableSpec reid_table_##id = {                                      \
    name,  text,         sizeof (s),                                           \
    chunk, id##_columns, (int) (sizeof id##_columns / sizeof id##_columns[0])  \
  }

static const ReidColumn frames_columns[] = {
  COLUMN (ReidFrameRow, frame, REID_U64, "1",
          "number of the frame, counted from 0"),
  COLUMN (ReidFrameRow, time, REID_I64, "ns", "stream time; -1 = unknown"),
  COLUMN (ReidFrameRow, duration, REID_I64, "ns", "-1 = unknown"),
  COLUMN (ReidFrameRow, segment, REID_U32, "1",
          "rises with every seek, loop or flush"),
  COLUMN (ReidFrameRow, width, REID_U32, "pixel",
          "display width: upright, square pixels"),
  COLUMN (ReidFrameRow, height, REID_U32, "pixel",
          "display height: upright, square pixels"),
  COLUMN (ReidFrameRow, state, REID_U8, "1",
          "0 = the detector ran, 1 = it did not run, 2 = its last answer "
          "still held, 3 = it failed"),
  COLUMN (ReidFrameRow, n_faces, REID_U16, "1", "faces found in the frame"),
};
TABLE (frames, "frames", ReidFrameRow, 1024, "one row for each frame seen");

static const ReidColumn shots_columns[] = {
  COLUMN (ReidShotRow, first, REID_U64, "1", "first frame"),
  COLUMN (ReidShotRow, end, REID_U64, "1", "frame after the last one"),
  COLUMN (ReidShotRow, start_time, REID_I64, "ns",
          "stream time of the first frame; -1 = unknown"),
  COLUMN (ReidShotRow, end_time, REID_I64, "ns",
          "stream time at which the shot is over; -1 = unknown"),
  COLUMN (ReidShotRow, kind, REID_U8, "1",
          "change that led to it: 0 = none (the first), 1 = cut, 2 = fade"),
};
TABLE (shots, "shots", ReidShotRow, 256, "one row for each shot");

static const ReidColumn detections_columns[] = {
  COLUMN (ReidDetectionRow, frame, REID_U64, "1", "number of the frame"),
  COLUMN (ReidDetectionRow, track, REID_U32, "1",
          "id of its track; 0 = belongs to no track"),
  COLUMN (ReidDetectionRow, left, REID_F32, "frame width", "left edge"),
  COLUMN (ReidDetectionRow, top, REID_F32, "frame height", "top edge"),
  COLUMN (ReidDetectionRow, width, REID_F32, "frame width", "width"),
  COLUMN (ReidDetectionRow, height, REID_F32, "frame height", "height"),
  COLUMN (ReidDetectionRow, score, REID_F32, "1", "the detector's, 0 to 1"),
  COLUMN (ReidDetectionRow, has_landmarks, REID_U8, "1",
          "1 = landmarks are valid"),
  ARRAY (ReidDetectionRow, landmarks, 10, REID_F32, "frame width, frame height",
         "x, y of image-left eye, image-right eye, nose, image-left and "
         "image-right mouth corner"),
  COLUMN (ReidDetectionRow, quality, REID_F32, "1", "total quality, 0 to 1"),
};
TABLE (detections, "detections", ReidDetectionRow, 1024,
       "one row for each face found in a frame");

static const ReidColumn tracks_columns[] = {
  COLUMN (ReidTrackRow, id, REID_U32, "1", "number of the track, from 1"),
  COLUMN (ReidTrackRow, shot, REID_U32, "1",
          "row of its shot in /shots; beyond its end = none"),
  COLUMN (ReidTrackRow, first, REID_U64, "1", "first frame with a detection"),
  COLUMN (ReidTrackRow, last, REID_U64, "1", "last frame with a detection"),
  COLUMN (ReidTrackRow, start_time, REID_I64, "ns",
          "stream time of the first frame; -1 = unknown"),
  COLUMN (ReidTrackRow, end_time, REID_I64, "ns",
          "stream time at which the last frame ends; -1 = unknown"),
  COLUMN (ReidTrackRow, n_detections, REID_U32, "1", "detections in it"),
  COLUMN (ReidTrackRow, end, REID_U8, "1",
          "why it ended: 0 = gap, 1 = cut, 2 = end of stream, 3 = end of a "
          "segment, 4 = the pipeline was stopped"),
  COLUMN (ReidTrackRow, first_chip, REID_U64, "1",
          "row of its first chip in /chips"),
  COLUMN (ReidTrackRow, n_chips, REID_U32, "1",
          "its chips, in falling quality"),
  COLUMN (ReidTrackRow, identity, REID_U32, "1",
          "the person, from 1; 0 = none"),
};
TABLE (tracks, "tracks", ReidTrackRow, 128,
       "one row for each track, in the order in which they ended");

#define CHIP(field, type, unit, text)                                          \
  {                                                                            \
#field, type, 1, offsetof(ReidChipRecord, row.field), unit, text           \
  }
#define CHIP_ARRAY(field, n, unit, text)                                       \
  {                                                                            \
#field, REID_F32, n, offsetof(ReidChipRecord, row.field), unit, text       \
  }

static const ReidColumn chips_columns[] = {
  CHIP (track, REID_U32, "1", "id of its track"),
  CHIP (frame, REID_U64, "1", "number of the frame it was cut from"),
  CHIP (time, REID_I64, "ns", "stream time of that frame; -1 = unknown"),
  CHIP (width, REID_U16, "pixel", "width of the picture"),
  CHIP (height, REID_U16, "pixel", "height of the picture"),
  CHIP_ARRAY (box, 4, "chip pixel", "left, top, width, height of the face"),
  CHIP_ARRAY (landmarks, 10, "chip pixel",
              "x, y of image-left eye, image-right eye, nose, image-left and "
              "image-right mouth corner"),
  CHIP (has_landmarks, REID_U8, "1", "1 = landmarks are valid"),
  CHIP_ARRAY (face, 4, "frame width, frame height",
              "left, top, width, height of the face in the frame"),
  CHIP (score, REID_F32, "1", "the detector's, 0 to 1"),
  CHIP (size, REID_F32, "1", "quality from the size, 0 to 1"),
  CHIP (sharpness, REID_F32, "1", "quality from the sharpness, 0 to 1"),
  CHIP (frontalness, REID_F32, "1", "quality from the pose, 0 to 1"),
  CHIP (exposure, REID_F32, "1", "quality from the exposure, 0 to 1"),
  CHIP (total, REID_F32, "1", "geometric mean of the five above"),
  COLUMN (ReidChipRecord, offset, REID_U64, "byte",
          "where its PNG file begins in /pixels"),
  COLUMN (ReidChipRecord, bytes, REID_U32, "byte",
          "length of its PNG file; 0 = no pixels were kept"),
};
TABLE (chips, "chips", ReidChipRecord, 128,
       "one row for each picture of a face that was kept");

static const ReidColumn identities_columns[] = {
  COLUMN (ReidIdentityRecord, id, REID_U32, "1", "number of the person"),
  COLUMN (ReidIdentityRecord, n_tracks, REID_U32, "1", "tracks of the person"),
  COLUMN (ReidIdentityRecord, n_detections, REID_U64, "1",
          "detections in these tracks"),
};
TABLE (identities, "identities", ReidIdentityRecord, 256,
       "one row for each person, in rising id");
