/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:gstreidmodel
 * @title: GstReidModel
 * @short_description: finding networks
 *
 * A network is a .onnx file. It may be named by its path, or by a name that is
 * looked up in folders (see gst_reid_model_get_search_path()). A key file
 * beside it, `NAME.modelinfo` or `NAME.onnx.modelinfo`, overrides what is
 * known of it:
 *
 * |[
 * [model]
 * role=embedder            # or detector
 * name=my-network
 * licence=MIT
 * [input]
 * channels=rgb             # rgb, bgr or gray
 * mean=127.5;127.5;127.5   # input = (v - mean) * scale, v in 0..255
 * scale=0.0078125;0.0078125;0.0078125
 * fit=letterbox            # detectors: letterbox or stretch
 * [detector]
 * head=yunet               # yunet, ultralight or blazeface
 * threshold=0.6
 * [embedder]
 * landmarks=38.3;51.7;73.5;51.5;56.0;71.7;41.5;92.4;70.7;92.2
 * threshold=0.4
 * ]|
 *
 * A small network of each role ships with the library. When none is named, it
 * is taken where no other one is described or known.
 *
 * Since: 0.1
 */
#include "gstreidmodel-private.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sha256.h"

/* Deeper folders are no model folders; the bound keeps a REID_MODEL_PATH of
 * "/" from walking a whole disk. */
#define MAX_DEPTH 2
#define MAX_ENTRIES 4096

G_DEFINE_BOXED_TYPE (GstReidModel, gst_reid_model, gst_reid_model_copy,
                     gst_reid_model_free)

GType
gst_reid_model_role_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { GST_REID_MODEL_DETECTOR, "Face detector", "detector" },
    { GST_REID_MODEL_EMBEDDER, "Face embedder", "embedder" },
    { 0, NULL, NULL },
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
                       g_enum_register_static ("GstReidModelRole", values));
  return (GType) type;
}

GstReidModel *
gst_reid_model_copy (const GstReidModel *model)
{
  GstReidModel *m = g_new0 (GstReidModel, 1);

  m->path = g_strdup (model->path);
  m->name = g_strdup (model->name);
  m->sha256 = g_strdup (model->sha256);
  m->licence = g_strdup (model->licence);
  m->info = g_strdup (model->info);
  m->reason = g_strdup (model->reason);
  m->size = model->size;
  m->role = model->role;
  return m;
}

void
gst_reid_model_free (GstReidModel *model)
{
  g_free (model->path);
  g_free (model->name);
  g_free (model->sha256);
  g_free (model->licence);
  g_free (model->info);
  g_free (model->reason);
  g_free (model);
}

static const gchar *
role_nick (GstReidModelRole role)
{
  return role == GST_REID_MODEL_DETECTOR ? "detector" : "embedder";
}

/* Where this library lies, seen from the root of an install and of a build,
 * and the networks that came with it. */
static const gchar in_install[] = "/" REID_LIBDIR;
static const gchar in_build[] = "/gst/reid";
static const gchar install_models[] = "/" REID_DATADIR "/gst-reid/models";
static const gchar build_models[] = "/kernels/models";

/* The folder of those networks, or NULL when the library does not lie in such a
 * place. It follows the library, so that an install may be moved, and the
 * path of a build is written into none. */
static gchar *
folder_beside (const gchar *library, const gchar *models)
{
  gchar real[PATH_MAX], *dir, *folder = NULL;
  Dl_info here;

  if (!dladdr (in_build, &here) || !here.dli_fname
      || !realpath (here.dli_fname, real))
    return NULL;
  dir = g_path_get_dirname (real);
  if (g_str_has_suffix (dir, library)) {
    dir[strlen (dir) - strlen (library)] = '\0';
    folder = g_strconcat (dir, models, NULL);
  }
  g_free (dir);
  return folder;
}

static void
add_folder (GPtrArray *dirs, gchar *dir)
{
  gboolean known = FALSE;

  for (guint i = 0; i < dirs->len; i++)
    known = known || g_strcmp0 (dirs->pdata[i], dir) == 0;
  if (dir && !known)
    g_ptr_array_add (dirs, dir);
  else
    g_free (dir);
}

/**
 * gst_reid_model_get_search_path:
 *
 * Returns: (transfer full) (array zero-terminated=1): folders, best first
 *
 * Since: 0.1
 */
gchar **
gst_reid_model_get_search_path (void)
{
  GPtrArray *dirs = g_ptr_array_new ();
  const gchar *env = g_getenv ("REID_MODEL_PATH");
  const gchar *const *system = g_get_system_data_dirs ();

  if (env && *env) {
    gchar **parts = g_strsplit (env, G_SEARCHPATH_SEPARATOR_S, -1);
    for (gchar **p = parts; *p; p++)
      if (**p)
        g_ptr_array_add (dirs, g_strdup (*p));
    g_strfreev (parts);
  }
  g_ptr_array_add (dirs, g_build_filename (g_get_user_data_dir (), "gst-reid",
                                           "models", NULL));
  /* a build goes before what is installed */
  add_folder (dirs, folder_beside (in_build, build_models));
  for (; *system; system++)
    g_ptr_array_add (dirs,
                     g_build_filename (*system, "gst-reid", "models", NULL));
  add_folder (dirs, folder_beside (in_install, install_models));
  add_folder (dirs, g_strdup (REID_MODEL_DIR));
  g_ptr_array_add (dirs, NULL);
  return (gchar **) g_ptr_array_free (dirs, FALSE);
}

static const GstReidKnownModel *
known_by_hash (const gchar *sha256)
{
  for (const GstReidKnownModel *k = gst_reid_known_models; k->sha256; k++)
    if (g_str_equal (k->sha256, sha256))
      return k;
  return NULL;
}

static gboolean
size_is_known (goffset size)
{
  for (const GstReidKnownModel *k = gst_reid_known_models; k->sha256; k++)
    if (k->size == size)
      return TRUE;
  return FALSE;
}

static gchar *
stem_of (const gchar *path)
{
  gchar *base = g_path_get_basename (path);

  if (g_str_has_suffix (base, ".onnx"))
    base[strlen (base) - 5] = '\0';
  return base;
}

/* The .modelinfo beside a network, or NULL. */
static gchar *
info_path (const gchar *path)
{
  gchar *info = g_strconcat (path, ".modelinfo", NULL);

  if (g_file_test (info, G_FILE_TEST_IS_REGULAR))
    return info;
  g_free (info);
  if (g_str_has_suffix (path, ".onnx")) {
    gchar *stem = g_strndup (path, strlen (path) - 5);
    info = g_strconcat (stem, ".modelinfo", NULL);
    g_free (stem);
    if (g_file_test (info, G_FILE_TEST_IS_REGULAR))
      return info;
    g_free (info);
  }
  return NULL;
}

static GKeyFile *
load_info (const gchar *path, GError **error)
{
  GKeyFile *keys = g_key_file_new ();
  GError *err = NULL;

  if (!g_key_file_load_from_file (keys, path, G_KEY_FILE_NONE, &err)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                 "%s is no key file that can be read: %s", path, err->message);
    g_error_free (err);
    g_key_file_free (keys);
    return NULL;
  }
  return keys;
}

/* A key's value without surrounding blanks, or NULL. */
static gchar *
info_string (GKeyFile *keys, const gchar *group, const gchar *key)
{
  gchar *value = g_key_file_get_string (keys, group, key, NULL);

  return value ? g_strstrip (value) : NULL;
}

static gboolean
bad_key (const GstReidModel *m, const gchar *group, const gchar *key,
         const gchar *want, GError **error)
{
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
               "%s: [%s] %s must be %s", m->info, group, key, want);
  return FALSE;
}

/* FALSE, unless it is said; *ok is FALSE when something else is said. */
static gboolean
info_shipped (GKeyFile *keys, gboolean *ok)
{
  GError *err = NULL;
  gboolean shipped = g_key_file_get_boolean (keys, "model", "shipped", &err);

  *ok =
      !g_error_matches (err, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE);
  g_clear_error (&err);
  return shipped;
}

static GstReidModel *
model_new (GstReidModelRole role, const gchar *path, GError **error)
{
  GstReidModel *m;
  const GstReidKnownModel *known;
  gchar sha[REID_SHA256_TEXT];
  struct stat st;

  if (!reid_sha256_of_file (path, sha) || stat (path, &st) != 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
                 "Cannot read the model file %s: %s", path, g_strerror (errno));
    return NULL;
  }
  m = g_new0 (GstReidModel, 1);
  m->path = g_strdup (path);
  m->sha256 = g_strdup (sha);
  m->size = (guint64) st.st_size;
  m->role = role;
  m->info = info_path (path);
  known = known_by_hash (sha);
  if (known) {
    m->name = g_strdup (known->name);
    m->licence = g_strdup (known->licence);
  }
  if (m->info) {
    GKeyFile *keys = load_info (m->info, error);
    gboolean ok = keys != NULL;
    gchar *s;
    if (keys)
      info_shipped (keys, &ok);
    if (keys && !ok) {
      bad_key (m, "model", "shipped", "true or false", error);
      g_key_file_free (keys);
    }
    if (!ok) {
      gst_reid_model_free (m);
      return NULL;
    }
    if ((s = info_string (keys, "model", "name"))) {
      g_free (m->name);
      m->name = s;
    }
    if ((s = info_string (keys, "model", "licence"))) {
      g_free (m->licence);
      m->licence = s;
    }
    g_key_file_free (keys);
  }
  if (!m->name)
    m->name = stem_of (path);
  return m;
}

/* The role that is known of a model, with its rank; -1 = unknown. */
static gint
model_rank (const GstReidModel *m, GstReidModelRole role)
{
  const GstReidKnownModel *known = known_by_hash (m->sha256);
  gint rank = known && known->role == role ? known->rank : -1;

  if (m->info) {
    GKeyFile *keys = load_info (m->info, NULL);
    gchar *s = keys ? info_string (keys, "model", "role") : NULL;
    gboolean ok;
    if (s && !g_str_equal (s, role_nick (role)))
      rank = -1;
    else if (s)
      rank = info_shipped (keys, &ok) ? GST_REID_MODEL_SHIPPED_RANK
                                      : GST_REID_MODEL_DESCRIBED_RANK;
    g_free (s);
    if (keys)
      g_key_file_free (keys);
  }
  return rank;
}

static const gchar *
known_by (gint rank)
{
  switch (rank) {
    case GST_REID_MODEL_DESCRIBED_RANK:
      return "described by its .modelinfo";
    case GST_REID_MODEL_SHIPPED_RANK:
      return "the network that ships with gst-reid";
    default:
      return "known by its SHA-256";
  }
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const gchar *const *) a, *(const gchar *const *) b);
}

/* All .onnx files below a folder, in the order of their names, so that the
 * choice does not hang on the order of the directory. */
static void
list_files (const gchar *dir, guint depth, GPtrArray *files)
{
  GDir *d = g_dir_open (dir, 0, NULL);
  GPtrArray *names;
  const gchar *name;

  if (!d)
    return;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (d)) && names->len < MAX_ENTRIES)
    if (name[0] != '.')
      g_ptr_array_add (names, g_strdup (name));
  g_dir_close (d);
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len && files->len < MAX_ENTRIES; i++) {
    gchar *path = g_build_filename (dir, names->pdata[i], NULL);
    if (g_str_has_suffix (path, ".onnx")
        && g_file_test (path, G_FILE_TEST_IS_REGULAR))
      g_ptr_array_add (files, g_strdup (path));
    else if (depth < MAX_DEPTH && g_file_test (path, G_FILE_TEST_IS_DIR)
             && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      list_files (path, depth + 1, files);
    g_free (path);
  }
  g_ptr_array_free (names, TRUE);
}

static GPtrArray *
all_files (void)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  gchar **dirs = gst_reid_model_get_search_path ();

  for (gchar **d = dirs; *d; d++)
    list_files (*d, 0, files);
  g_strfreev (dirs);
  return files;
}

/**
 * gst_reid_model_list_files:
 *
 * Returns: (transfer full) (array zero-terminated=1): the files
 *
 * Since: 0.1
 */
gchar **
gst_reid_model_list_files (void)
{
  GPtrArray *files = all_files ();

  g_ptr_array_set_free_func (files, NULL);
  g_ptr_array_add (files, NULL);
  return (gchar **) g_ptr_array_free (files, FALSE);
}

/**
 * gst_reid_model_list:
 * @role: what they are for
 *
 * Returns: (transfer full) (element-type GstReidModel): networks, best first
 *
 * Since: 0.1
 */
GPtrArray *
gst_reid_model_list (GstReidModelRole role)
{
  GPtrArray *files = all_files ();
  GPtrArray *models =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_reid_model_free);
  GArray *ranks = g_array_new (FALSE, FALSE, sizeof (gint));

  for (guint i = 0; i < files->len; i++) {
    const gchar *path = files->pdata[i];
    gchar *info = info_path (path);
    gboolean candidate = info != NULL;
    struct stat st;
    g_free (info);
    if (!candidate)
      candidate = stat (path, &st) == 0 && size_is_known (st.st_size);
    GstReidModel *m = candidate ? model_new (role, path, NULL) : NULL;
    if (!m)
      continue;
    gint rank = model_rank (m, role);
    if (rank < 0) {
      gst_reid_model_free (m);
      continue;
    }
    m->reason = g_strdup (known_by (rank));
    guint at = 0;
    while (at < ranks->len && g_array_index (ranks, gint, at) >= rank)
      at++;
    g_array_insert_val (ranks, at, rank);
    g_ptr_array_insert (models, at, m);
  }
  g_array_free (ranks, TRUE);
  g_ptr_array_free (files, TRUE);
  return models;
}

static gchar *
searched (void)
{
  gchar **dirs = gst_reid_model_get_search_path ();
  gchar *s = g_strjoinv (", ", dirs);

  g_strfreev (dirs);
  return s;
}

static GstReidModel *
find_best (GstReidModelRole role, GError **error)
{
  GPtrArray *models = gst_reid_model_list (role);
  GstReidModel *m = NULL;

  if (models->len > 0) {
    gchar *why;
    m = gst_reid_model_copy (models->pdata[0]);
    why = m->reason;
    m->reason = models->len == 1
                    ? g_strdup_printf ("the only face %s found, %s",
                                       role_nick (role), why)
                    : g_strdup_printf ("the best of %u face %ss found, %s",
                                       models->len, role_nick (role), why);
    g_free (why);
  } else {
    gchar *s = searched ();
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
                 "No face %s was found, not even the one that ships with "
                 "gst-reid: get one with `gst-reid models get "
                 "yunet mobilefacenet`, or put one (say %s) into one of the "
                 "folders %s, or name a file with model=FILE",
                 role_nick (role),
                 role == GST_REID_MODEL_DETECTOR
                     ? "YuNet's yunet_n_dynamic.onnx"
                     : "foamliu's MobileFaceNet.onnx",
                 s);
    g_free (s);
  }
  g_ptr_array_free (models, TRUE);
  return m;
}

/* A network that is known by that name, not by its file's, or NULL. */
static GstReidModel *
find_known (GstReidModelRole role, const gchar *name)
{
  GPtrArray *models = gst_reid_model_list (role);
  GstReidModel *m = NULL;

  for (guint i = 0; i < models->len && !m; i++) {
    GstReidModel *candidate = models->pdata[i];
    if (g_ascii_strcasecmp (candidate->name, name) == 0)
      m = gst_reid_model_copy (candidate);
  }
  g_ptr_array_free (models, TRUE);
  return m;
}

static void
tell_unknown (GstReidModelRole role, const gchar *name, GError **error)
{
  const GstReidModelRole other = role == GST_REID_MODEL_DETECTOR
                                     ? GST_REID_MODEL_EMBEDDER
                                     : GST_REID_MODEL_DETECTOR;
  GstReidModel *m = find_known (other, name);

  if (m) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
                 "\"%s\" is a face %s (%s) where a face %s is needed; "
                 "`gst-reid models` lists both",
                 name, role_nick (other), m->path, role_nick (role));
    gst_reid_model_free (m);
  } else {
    gchar *s = searched ();
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
                 "No model \"%s\": it is no file, and no network of that name "
                 "is in %s",
                 name, s);
    g_free (s);
  }
}

static GstReidModel *
find_named (GstReidModelRole role, const gchar *name, GError **error)
{
  GPtrArray *files = all_files ();
  GstReidModel *m = NULL;

  /* a file's own name goes before the name that is known of it */
  for (guint i = 0; i < files->len && !m; i++) {
    gchar *base = g_path_get_basename (files->pdata[i]);
    gchar *stem = stem_of (files->pdata[i]);
    if (g_str_equal (base, name) || g_str_equal (stem, name)) {
      m = model_new (role, files->pdata[i], error);
      if (!m) {
        g_free (base);
        g_free (stem);
        g_ptr_array_free (files, TRUE);
        return NULL;
      }
    }
    g_free (base);
    g_free (stem);
  }
  g_ptr_array_free (files, TRUE);
  if (!m)
    m = find_known (role, name);
  if (m) {
    g_free (m->reason);
    m->reason = g_strdup_printf ("named \"%s\"", name);
  } else {
    tell_unknown (role, name, error);
  }
  return m;
}

/**
 * gst_reid_model_find:
 * @role: what it is for
 * @name: (nullable): a file, a name, or %NULL for the best known
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the network
 *
 * Since: 0.1
 */
GstReidModel *
gst_reid_model_find (GstReidModelRole role, const gchar *name, GError **error)
{
  GstReidModel *m;

  if (!name || !*name)
    return find_best (role, error);
  if (g_file_test (name, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
                 "%s is a folder: give a .onnx file in it, or put the folder "
                 "into REID_MODEL_PATH",
                 name);
    return NULL;
  }
  if (g_file_test (name, G_FILE_TEST_IS_REGULAR)) {
    m = model_new (role, name, error);
    if (m)
      m->reason = g_strdup ("the file given");
    return m;
  }
  /* a pipe or a device may have no end */
  if (g_file_test (name, G_FILE_TEST_EXISTS)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
                 "%s is no ordinary file: the model must be a .onnx file",
                 name);
    return NULL;
  }
  if (strchr (name, G_DIR_SEPARATOR)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
                 "The model file %s does not exist", name);
    return NULL;
  }
  return find_named (role, name, error);
}

/* n finite numbers. found stays FALSE when the key is not there. */
static gboolean
read_numbers (const GstReidModel *m, GKeyFile *keys, const gchar *group,
              const gchar *key, guint n, gdouble *out, gboolean *found,
              GError **error)
{
  gchar *want = g_strdup_printf ("%u number%s%s", n, n > 1 ? "s" : "",
                                 n > 1 ? " separated by ;" : "");
  gboolean ok = TRUE;
  gsize count = 0;
  gdouble *list;

  *found = FALSE;
  if (g_key_file_has_key (keys, group, key, NULL)) {
    list = g_key_file_get_double_list (keys, group, key, &count, NULL);
    ok = list && count == n;
    for (guint i = 0; ok && i < n; i++) {
      ok = isfinite (list[i]);
      out[i] = list[i];
    }
    g_free (list);
    *found = ok;
    if (!ok)
      bad_key (m, group, key, want, error);
  }
  g_free (want);
  return ok;
}

/* One of the words; *out keeps its value when the key is not there. */
static gboolean
read_word (const GstReidModel *m, GKeyFile *keys, const gchar *group,
           const gchar *key, const gchar *const *words, gint *out,
           gboolean *found, GError **error)
{
  gchar *value = info_string (keys, group, key);

  *found = FALSE;
  if (!value)
    return TRUE;
  for (gint i = 0; words[i]; i++) {
    if (g_ascii_strcasecmp (words[i], value) == 0) {
      *out = i;
      *found = TRUE;
    }
  }
  g_free (value);
  if (!*found) {
    gchar *all = g_strjoinv (", ", (gchar **) words);
    gchar *want = g_strconcat ("one of ", all, NULL);
    bad_key (m, group, key, want, error);
    g_free (want);
    g_free (all);
  }
  return *found;
}

static const gchar *const channel_words[] = { "rgb", "bgr", "gray", NULL };
static const gchar *const fit_words[] = { "letterbox", "stretch", NULL };
static const gchar *const head_words[] = { "auto", "yunet", "ultralight",
                                           "blazeface", NULL };

static gboolean
read_input (const GstReidModel *m, GKeyFile *keys, ReidChannels *channels,
            gboolean *channels_found, float mean[3], float scale[3],
            gboolean *normalize_found, GError **error)
{
  gdouble dm[3], ds[3];
  gboolean got_mean, got_scale;
  gint word = 0;

  if (!read_word (m, keys, "input", "channels", channel_words, &word,
                  channels_found, error)
      || !read_numbers (m, keys, "input", "mean", 3, dm, &got_mean, error)
      || !read_numbers (m, keys, "input", "scale", 3, ds, &got_scale, error))
    return FALSE;
  if (*channels_found)
    *channels = (ReidChannels) word;
  *normalize_found = got_mean || got_scale;
  if (got_mean != got_scale)
    return bad_key (m, "input", got_mean ? "scale" : "mean",
                    "given too: mean and scale go together", error);
  for (guint i = 0; got_mean && i < 3; i++) {
    mean[i] = (float) dm[i];
    scale[i] = (float) ds[i];
  }
  return TRUE;
}

static gboolean
read_threshold (const GstReidModel *m, GKeyFile *keys, const gchar *group,
                gdouble low, float *threshold, GError **error)
{
  gdouble t;
  gboolean found;

  if (!read_numbers (m, keys, group, "threshold", 1, &t, &found, error))
    return FALSE;
  if (!found)
    return TRUE;
  if (t < low || t > 1)
    return bad_key (m, group, "threshold",
                    low < 0 ? "a cosine from -1 to 1" : "a score from 0 to 1",
                    error);
  *threshold = (float) t;
  return TRUE;
}

gboolean
gst_reid_model_get_detector_info (const GstReidModel *model,
                                  ReidDetectorInfo *info, GError **error)
{
  GKeyFile *keys;
  gboolean ok, found, normalize;
  gint word = 0;

  reid_detector_info_init (info);
  if (!model->info)
    return TRUE;
  keys = load_info (model->info, error);
  if (!keys)
    return FALSE;
  ok = read_input (model, keys, &info->channels, &found, info->mean,
                   info->scale, &normalize, error);
  if (ok) {
    info->channels_set = found;
    info->normalize_set = normalize;
    ok = read_word (model, keys, "input", "fit", fit_words, &word, &found,
                    error);
  }
  if (ok && found) {
    info->fit = (ReidFit) word;
    info->fit_set = true;
  }
  ok = ok
       && read_word (model, keys, "detector", "head", head_words, &word, &found,
                     error);
  if (ok && found)
    info->head = (ReidHead) word;
  ok = ok
       && read_threshold (model, keys, "detector", 0, &info->threshold, error);
  g_key_file_free (keys);
  return ok;
}

gboolean
gst_reid_model_get_embedder_info (const GstReidModel *model,
                                  ReidEmbedderInfo *info, GError **error)
{
  const GstReidKnownModel *known = known_by_hash (model->sha256);
  GKeyFile *keys;
  gboolean ok, found, normalize;

  reid_embedder_info_init (info);
  if (known && known->role == GST_REID_MODEL_EMBEDDER) {
    for (guint i = 0; i < 3; i++) {
      info->mean[i] = (float) (known->mean[i] * 255);
      info->scale[i] = (float) (1 / (known->deviation[i] * 255));
    }
    if (known->threshold > 0)
      info->threshold = known->threshold;
  }
  if (!model->info)
    return TRUE;
  keys = load_info (model->info, error);
  if (!keys)
    return FALSE;
  ok = read_input (model, keys, &info->channels, &found, info->mean,
                   info->scale, &normalize, error)
       && read_numbers (model, keys, "embedder", "landmarks", 10,
                        info->landmarks, &found, error)
       && read_threshold (model, keys, "embedder", -1, &info->threshold, error);
  g_key_file_free (keys);
  return ok;
}
