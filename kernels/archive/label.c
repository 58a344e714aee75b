/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Which track is whom: written when a run ends, and again by a reclustering. */

typedef struct {
  uint32_t track, identity;
  bool seen;
} Label;

typedef struct {
  uint32_t id, n_detections, identity;
} TrackPart;

#define BLOCK 4096 /* rows at a time */

static int
compare_labels (const void *a, const void *b)
{
  const Label *x = a, *y = b;

  return x->track < y->track ? -1 : x->track > y->track;
}

static int
compare_people (const void *a, const void *b)
{
  const ReidIdentityRecord *x = a, *y = b;

  return x->id < y->id ? -1 : x->id > y->id;
}

static Label *
sorted_labels (const uint32_t *track_ids, const uint32_t *identities, size_t n,
               ReidError *error)
{
  Label *labels =
      n < SIZE_MAX / sizeof *labels ? calloc (n ? n : 1, sizeof *labels) : NULL;

  if (!labels) {
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
    return NULL;
  }
  for (size_t i = 0; i < n; i++) {
    labels[i] = (Label){ track_ids[i], identities[i], false };
    if (identities[i] == 0) {
      reid_error_set (error, REID_ERROR_ARGUMENT,
                      "track %" PRIu32 " was given the identity 0: they begin "
                      "with 1",
                      track_ids[i]);
      free (labels);
      return NULL;
    }
  }
  qsort (labels, n, sizeof *labels, compare_labels);
  for (size_t i = 1; i < n; i++)
    if (labels[i].track == labels[i - 1].track) {
      reid_error_set (error, REID_ERROR_ARGUMENT,
                      "track %" PRIu32 " was given two identities",
                      labels[i].track);
      free (labels);
      return NULL;
    }
  return labels;
}

static hid_t
part_type (bool identity_only)
{
  hid_t type = H5Tcreate (H5T_COMPOUND, sizeof (TrackPart));
  bool ok = type >= 0
            && H5Tinsert (type, "identity", offsetof (TrackPart, identity),
                          H5T_NATIVE_UINT32)
                   >= 0;

  if (!identity_only)
    ok = ok
         && H5Tinsert (type, "id", offsetof (TrackPart, id), H5T_NATIVE_UINT32)
                >= 0
         && H5Tinsert (type, "n_detections", offsetof (TrackPart, n_detections),
                       H5T_NATIVE_UINT32)
                >= 0;
  if (!ok && type >= 0) {
    H5Tclose (type);
    return -1;
  }
  return type;
}

static ReidIdentityRecord *
people_of (const Label *labels, size_t n, size_t *n_people)
{
  ReidIdentityRecord *people = calloc (n ? n : 1, sizeof *people);
  size_t k = 0;

  if (!people)
    return NULL;
  for (size_t i = 0; i < n; i++)
    people[i].id = labels[i].identity;
  qsort (people, n, sizeof *people, compare_people);
  for (size_t i = 0; i < n; i++)
    if (k == 0 || people[k - 1].id != people[i].id)
      people[k++] = people[i];
  *n_people = k;
  return people;
}

/* First pass: does every label have its track?  Second: write. */
static bool
pass (ReidTable *tracks, bool write, Label *labels, size_t n,
      ReidIdentityRecord *people, size_t n_people, TrackPart *rows,
      ReidError *error)
{
  hid_t whole = part_type (false), only = part_type (true);
  bool ok = whole >= 0 && only >= 0;

  if (!ok)
    reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  for (hsize_t first = 0; ok && first < tracks->rows; first += BLOCK) {
    hsize_t m = tracks->rows - first < BLOCK ? tracks->rows - first : BLOCK;
    ok = reid_table_transfer (tracks, false, whole, first, m, rows, error);
    for (hsize_t i = 0; ok && i < m; i++) {
      Label key = { rows[i].id, 0, false };
      Label *label = bsearch (&key, labels, n, sizeof key, compare_labels);
      rows[i].identity = label ? label->identity : 0;
      if (!label)
        continue;
      label->seen = true;
      ReidIdentityRecord who = { label->identity, 0, 0 };
      ReidIdentityRecord *person =
          bsearch (&who, people, n_people, sizeof who, compare_people);
      if (write && person) {
        person->n_tracks++;
        person->n_detections += rows[i].n_detections;
      }
    }
    if (ok && write)
      ok = reid_table_transfer (tracks, true, only, first, m, rows, error);
  }
  if (whole >= 0)
    H5Tclose (whole);
  if (only >= 0)
    H5Tclose (only);
  return ok;
}

bool
reid_label_write (ReidTable *tracks, ReidTable *identities,
                  const uint32_t *track_ids, const uint32_t *ids, size_t n,
                  ReidError *error)
{
  Label *labels = sorted_labels (track_ids, ids, n, error);
  size_t n_people = 0;
  ReidIdentityRecord *people = labels ? people_of (labels, n, &n_people) : NULL;
  TrackPart *rows = labels ? malloc (BLOCK * sizeof *rows) : NULL;
  hsize_t none = 0;
  bool ok = labels != NULL;

  if (ok && !(people && rows))
    ok = reid_error_set (error, REID_ERROR_MEMORY, "out of memory");
  ok = ok && pass (tracks, false, labels, n, people, n_people, rows, error);
  for (size_t i = 0; ok && i < n; i++)
    if (!labels[i].seen)
      ok = reid_error_set (error, REID_ERROR_ARGUMENT,
                           "track %" PRIu32 " is not in the archive",
                           labels[i].track);
  ok = ok && pass (tracks, true, labels, n, people, n_people, rows, error);
  if (ok && H5Dset_extent (identities->dataset, &none) < 0)
    ok = reid_h5_error (error, REID_ERROR_WRITE, "/identities");
  if (ok) {
    hsize_t k = n_people;
    ok = H5Dset_extent (identities->dataset, &k) >= 0
         || reid_h5_error (error, REID_ERROR_WRITE, "/identities");
    identities->rows = k;
    ok = ok
         && reid_table_transfer (identities, true, identities->memory, 0, k,
                                 people, error);
  }
  free (rows);
  free (people);
  free (labels);
  return ok;
}

bool
reid_label_apply (ReidEpisode *episode, const uint32_t *track_ids,
                  const uint32_t *ids, size_t n, ReidError *error)
{
  Label *labels = sorted_labels (track_ids, ids, n, error);

  if (!labels)
    return false;
  for (size_t i = 0; i < episode->n_tracks; i++) {
    Label key = { episode->tracks[i].id, 0, false };
    const Label *label = bsearch (&key, labels, n, sizeof key, compare_labels);
    episode->tracks[i].identity = label ? label->identity : 0;
  }
  free (labels);
  return true;
}

bool
reid_archive_relabel (const char *path, const uint32_t *track_ids,
                      const uint32_t *identities, size_t n,
                      const ReidAttribute *attributes, int n_attributes,
                      ReidError *error)
{
  ReidError local = REID_ERROR_INIT;
  ReidTable tracks = REID_TABLE_INIT, people = REID_TABLE_INIT;
  ReidH5Guard guard;

  for (int i = 0; i < n_attributes; i++)
    if (!reid_attribute_check (attributes[i].key, attributes[i].value, error))
      return false;
  ReidReader *reader = reid_reader_open (path, true, error);
  if (!reader)
    return false;
  reid_h5_enter (&guard);
  uint64_t size = reid_store_file_size (reader->store);
  bool ok =
      reid_table_open (&tracks, reader->file, &reid_table_tracks, size, &local)
      && reid_table_open (&people, reader->file, &reid_table_identities, size,
                          &local)
      && reid_label_write (&tracks, &people, track_ids, identities, n, &local)
      && reid_reader_put (reader, attributes, n_attributes, &local);
  reid_table_close (&tracks);
  reid_table_close (&people);
  reid_h5_leave (&guard);
  return reid_reader_finish (reader, ok, &local, error);
}
