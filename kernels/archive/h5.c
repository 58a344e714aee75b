/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t h5_lock = PTHREAD_MUTEX_INITIALIZER;

void
reid_h5_enter (ReidH5Guard *guard)
{
  pthread_mutex_lock (&h5_lock);
  H5open ();
  guard->func = NULL;
  guard->data = NULL;
  H5Eget_auto2 (H5E_DEFAULT, &guard->func, &guard->data);
  guard->stack = H5Eget_current_stack ();
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
}

void
reid_h5_leave (ReidH5Guard *guard)
{
  if (guard->stack >= 0)
    H5Eset_current_stack (guard->stack);
  H5Eset_auto2 (H5E_DEFAULT, guard->func, guard->data);
  pthread_mutex_unlock (&h5_lock);
}

/* ---- Errors */

static herr_t
innermost (unsigned n, const H5E_error2_t *entry, void *user)
{
  char *out = user;

  if (n == 0 && entry->desc)
    snprintf (out, 200, "%s", entry->desc);
  return 0;
}

bool
reid_h5_error (ReidError *error, ReidStatus status, const char *format, ...)
{
  char what[700], reason[200] = "";
  va_list args;

  H5Ewalk2 (H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
  for (char *p = reason; *p; p++)
    if ((unsigned char) *p < 32)
      *p = ' ';
  va_start (args, format);
  vsnprintf (what, sizeof what, format, args);
  va_end (args);
  if (reason[0])
    return reid_error_set (error, status, "%s (HDF5: %s)", what, reason);
  return reid_error_set (error, status, "%s", what);
}

/* ---- Objects */

int
reid_h5_find (hid_t parent, const char *name)
{
  H5L_info_t link;
  htri_t exists = H5Lexists (parent, name, H5P_DEFAULT);

  if (exists == 0)
    return 0;
  if (exists < 0 || H5Lget_info (parent, name, &link, H5P_DEFAULT) < 0
      || link.type != H5L_TYPE_HARD)
    return -1;
  return 1;
}

hid_t
reid_h5_open (hid_t parent, const char *name, H5I_type_t type)
{
  hid_t object = H5Oopen (parent, name, H5P_DEFAULT);

  if (object >= 0 && H5Iget_type (object) != type) {
    H5Oclose (object);
    return -1;
  }
  return object;
}
