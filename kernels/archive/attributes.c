/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <stdlib.h>
#include <string.h>

/* Texts and numbers beside the tables. */

#define MAX_ATTRIBUTES 10000

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
reid_h5_delete_text (hid_t object, const char *key)
{
  htri_t exists = H5Aexists (object, key);

  return exists == 0 || (exists > 0 && H5Adelete (object, key) >= 0);
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

bool
reid_h5_get_number (hid_t file, const char *key, int64_t *value)
{
  hid_t attribute =
      H5Aexists (file, key) > 0 ? H5Aopen (file, key, H5P_DEFAULT) : -1;
  hid_t type = attribute >= 0 ? H5Aget_type (attribute) : -1;
  hid_t space = attribute >= 0 ? H5Aget_space (attribute) : -1;
  bool ok = type >= 0 && space >= 0 && H5Tget_class (type) == H5T_INTEGER
            && H5Tget_size (type) <= 8
            && H5Sget_simple_extent_type (space) == H5S_SCALAR
            && H5Aread (attribute, H5T_NATIVE_INT64, value) >= 0;

  if (space >= 0)
    H5Sclose (space);
  if (type >= 0)
    H5Tclose (type);
  if (attribute >= 0)
    H5Aclose (attribute);
  return ok;
}

/* ---- All of them */

typedef struct {
  ReidAttribute *items;
  int n;
  size_t capacity;
  ReidError *error;
} AttributeList;

static char *
read_text (hid_t attribute, hid_t type, size_t size)
{
  char *text = calloc (1, size + 1);
  hid_t memory = text ? H5Tcopy (type) : -1;
  bool ok = memory >= 0 && H5Aread (attribute, memory, text) >= 0;

  if (memory >= 0)
    H5Tclose (memory);
  if (!ok) {
    free (text);
    return NULL;
  }
  return text;
}

static bool
keep_attribute (AttributeList *list, const char *key, char *value)
{
  char *name = strdup (key);

  if (name && (size_t) list->n == list->capacity) {
    size_t capacity = list->capacity ? 2 * list->capacity : 16;
    ReidAttribute *more = realloc (list->items, capacity * sizeof *more);
    if (!more) {
      free (name);
      name = NULL;
    } else {
      list->items = more;
      list->capacity = capacity;
    }
  }
  if (!name) {
    free (value);
    return reid_error_set (list->error, REID_ERROR_MEMORY, "out of memory");
  }
  list->items[list->n++] = (ReidAttribute){ name, value };
  return true;
}

static herr_t
visit_attribute (hid_t object, const char *key, const H5A_info_t *info,
                 void *user)
{
  AttributeList *list = user;
  hid_t attribute = H5Aopen (object, key, H5P_DEFAULT);
  hid_t type = attribute >= 0 ? H5Aget_type (attribute) : -1;
  hid_t space = attribute >= 0 ? H5Aget_space (attribute) : -1;
  bool readable = type >= 0 && space >= 0;
  bool ok = readable
            || reid_error_set (list->error, REID_ERROR_FORMAT,
                               "attribute %.100s: damaged", key);

  /* Texts of fixed length are ours; others may have been added by hand. */
  if (readable && H5Tget_class (type) == H5T_STRING
      && H5Tis_variable_str (type) == 0
      && H5Tget_size (type) <= REID_ATTRIBUTE_MAX
      && H5Sget_simple_extent_type (space) == H5S_SCALAR) {
    char *text = read_text (attribute, type, H5Tget_size (type));
    if (!text)
      ok = reid_error_set (list->error, REID_ERROR_FORMAT,
                           "attribute %.100s: cannot be read", key);
    else if (!reid_utf8_valid (key) || !reid_utf8_valid (text)) {
      free (text);
      ok = reid_error_set (list->error, REID_ERROR_FORMAT,
                           "an attribute is no UTF-8: the file is damaged");
    } else {
      ok = keep_attribute (list, key, text);
    }
  }
  if (ok && list->n > MAX_ATTRIBUTES)
    ok = reid_error_set (list->error, REID_ERROR_FORMAT,
                         "has more than %d attributes", MAX_ATTRIBUTES);
  if (space >= 0)
    H5Sclose (space);
  if (type >= 0)
    H5Tclose (type);
  if (attribute >= 0)
    H5Aclose (attribute);
  return ok ? 0 : -1;
}

bool
reid_h5_get_texts (hid_t object, ReidAttribute **attributes, int *n,
                   ReidError *error)
{
  AttributeList list = { NULL, 0, 0, error };
  hsize_t at = 0;
  bool ok = H5Aiterate2 (object, H5_INDEX_NAME, H5_ITER_INC, &at,
                         visit_attribute, &list)
            >= 0;

  *attributes = list.items;
  *n = list.n;
  return ok || reid_h5_error (error, REID_ERROR_FORMAT, "attributes");
}

bool
reid_read_attributes (hid_t file, ReidEpisode *episode, ReidError *error)
{
  int64_t version = 0, partial = 0;

  if (!reid_h5_get_texts (file, &episode->attributes, &episode->n_attributes,
                          error))
    return false;
  if (!reid_h5_get_number (file, "format_version", &version)
      || !reid_h5_get_number (file, "partial", &partial))
    return reid_error_set (error, REID_ERROR_FORMAT,
                           "attribute partial: missing or no number");
  episode->version = (int) version;
  episode->partial = partial != 0;
  return true;
}

const char *
reid_attribute_value (const ReidAttribute *attributes, int n, const char *key)
{
  for (int i = 0; i < n; i++)
    if (strcmp (attributes[i].key, key) == 0)
      return attributes[i].value;
  return NULL;
}

void
reid_attributes_free (ReidAttribute *attributes, int n)
{
  for (int i = 0; i < n; i++) {
    free ((char *) attributes[i].key);
    free ((char *) attributes[i].value);
  }
  free (attributes);
}
