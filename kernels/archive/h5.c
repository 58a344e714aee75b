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

/* ---- Attributes */

bool
reid_utf8_valid (const char *s)
{
  const unsigned char *p = (const unsigned char *) s;

  while (*p) {
    int more = *p < 0x80                 ? 0
               : *p >= 0xc2 && *p < 0xe0 ? 1
               : *p >= 0xe0 && *p < 0xf0 ? 2
               : *p >= 0xf0 && *p < 0xf5 ? 3
                                         : -1;
    if (more < 0)
      return false;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)
        || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
      return false;
    for (p++; more > 0; more--, p++)
      if ((*p & 0xc0) != 0x80)
        return false;
  }
  return true;
}

bool
reid_attribute_check (const char *key, const char *value, ReidError *error)
{
  if (!key || !key[0] || !value)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an attribute needs a name and a value");
  if (strlen (key) > 255 || !reid_utf8_valid (key))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "an attribute's name is at most 255 bytes of UTF-8");
  if (strlen (value) > REID_ATTRIBUTE_MAX || !reid_utf8_valid (value))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "attribute %s: the value is at most %d bytes of "
                           "UTF-8",
                           key, REID_ATTRIBUTE_MAX);
  if (strcmp (key, "partial") == 0 || strcmp (key, "format_version") == 0)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "attribute %s: this name is the archive's own", key);
  return true;
}

static bool
put (hid_t object, const char *key, hid_t type, const void *value)
{
  hid_t space = H5Screate (H5S_SCALAR);
  htri_t exists = H5Aexists (object, key);
  bool ok =
      space >= 0 && exists >= 0 && (!exists || H5Adelete (object, key) >= 0);
  hid_t attribute =
      ok ? H5Acreate2 (object, key, type, space, H5P_DEFAULT, H5P_DEFAULT) : -1;

  ok = attribute >= 0 && H5Awrite (attribute, type, value) >= 0;
  if (attribute >= 0)
    H5Aclose (attribute);
  if (space >= 0)
    H5Sclose (space);
  return ok;
}

bool
reid_h5_put_text (hid_t object, const char *key, const char *value)
{
  size_t size = strlen (value);
  hid_t type = H5Tcopy (H5T_C_S1);
  /* Fixed length: variable-length strings live in a heap whose hostile
   * versions are hard to bound. Size 0 does not exist. */
  bool ok = type >= 0 && H5Tset_size (type, size ? size : 1) >= 0
            && H5Tset_strpad (type, H5T_STR_NULLPAD) >= 0
            && H5Tset_cset (type, H5T_CSET_UTF8) >= 0
            && put (object, key, type, value);

  if (type >= 0)
    H5Tclose (type);
  return ok;
}

bool
reid_h5_put_number (hid_t object, const char *key, hid_t type, uint32_t value)
{
  hid_t space = H5Screate (H5S_SCALAR);
  htri_t exists = H5Aexists (object, key);
  hid_t attribute = -1;

  if (space >= 0 && exists >= 0)
    attribute = exists ? H5Aopen (object, key, H5P_DEFAULT)
                       : H5Acreate2 (object, key, type, space, H5P_DEFAULT,
                                     H5P_DEFAULT);
  bool ok =
      attribute >= 0 && H5Awrite (attribute, H5T_NATIVE_UINT32, &value) >= 0;
  if (attribute >= 0)
    H5Aclose (attribute);
  if (space >= 0)
    H5Sclose (space);
  return ok;
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
