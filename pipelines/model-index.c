/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which networks can be had, and where. A pin stands here only when the file
 * was hashed by us, or when its authors publish the hash. */
#include "model-index.h"

#include <string.h>

#define SHIQIYU                                                                \
  "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/"          \
  "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/"
#define LINZAER                                                                \
  "https://raw.githubusercontent.com/Linzaer/"                                 \
  "Ultra-Light-Fast-Generic-Face-Detector-1MB/"                                \
  "dffdddda9794a50607cba8f318507a28c1c27cab/"
#define HASIMOKA                                                               \
  "https://raw.githubusercontent.com/hasimoka/BlazeFace-PyTorch/"              \
  "b925417f2ba055b7fca4facca503111a9cadf47c/"
#define FOAMLIU                                                                \
  "https://raw.githubusercontent.com/foamliu/MobileFaceNet/"                   \
  "a6cc9032a659b615f477833e1a70b5e7931bcccc/"
/* Its files are in Git LFS: the first is where those come from, and their
 * hashes and sizes are in the pointers at the second. */
#define OPENCV_MEDIA                                                           \
  "https://media.githubusercontent.com/media/opencv/opencv_zoo/"               \
  "966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models/face_recognition_sface/"
#define OPENCV_RAW                                                             \
  "https://raw.githubusercontent.com/opencv/opencv_zoo/"                       \
  "966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models/face_recognition_sface/"

#define YUNET_AUTHOR "Shiqi Yu and others (ShiqiYu/libfacedetection.train)"
#define LINZAER_AUTHOR                                                         \
  "linzai (Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB)"

/* clang-format off */
static const struct {
  const gchar *name, *file, *url, *sha256;
  guint64 size;
  GstReidModelRole role;
  const gchar *licence, *licence_url, *author;
  gboolean untried;
} built_in[] = {
  { "yunet", "yunet_n_dynamic.onnx", SHIQIYU "onnx/yunet_n_dynamic.onnx",
    "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
    322906, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "yunet-640", "yunet_n_640_640.onnx", SHIQIYU "onnx/yunet_n_640_640.onnx",
    "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31",
    317466, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "yunet-320", "yunet_n_320_320.onnx", SHIQIYU "onnx/yunet_n_320_320.onnx",
    "81dbde155e982455488235acb8ec2dec5d647edf7cf7080d33e4abb69b93a0d2",
    317434, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "yunet-s", "yunet_s_dynamic.onnx", SHIQIYU "onnx/yunet_s_dynamic.onnx",
    "daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3",
    237823, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "yunet-s-640", "yunet_s_640_640.onnx", SHIQIYU "onnx/yunet_s_640_640.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    232589, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "yunet-s-320", "yunet_s_320_320.onnx", SHIQIYU "onnx/yunet_s_320_320.onnx",
    "beb05bf2378aee45cd7c41056da07265b7bb91041ed1b06f923819a9c744ec36",
    232557, GST_REID_MODEL_DETECTOR,
    "Apache-2.0", SHIQIYU "LICENSE", YUNET_AUTHOR },
  { "ultralight-rfb", "version-RFB-320.onnx",
    LINZAER "models/onnx/version-RFB-320.onnx",
    "34cd7e60aeff28744c657de7a3dc64e872d506741de66987f3426f2b79f88017",
    1270727, GST_REID_MODEL_DETECTOR, "MIT", LINZAER "LICENSE", LINZAER_AUTHOR },
  { "ultralight-slim", "version-slim-320.onnx",
    LINZAER "models/onnx/version-slim-320.onnx",
    "e9adbd0f920ddcce9368434c4d34d72520dc0c19b526fd44b4ef49bde2c3b1a8",
    1195330, GST_REID_MODEL_DETECTOR, "MIT", LINZAER "LICENSE", LINZAER_AUTHOR },
  { "blazeface", "blazeface.onnx", HASIMOKA "blazeface.onnx",
    "1a1f0cd22c28a6f5db3b9ae287f2f73bd177fb082e4d175ae718fb74efcc9866",
    433325, GST_REID_MODEL_DETECTOR, "Apache-2.0", HASIMOKA "LICENSE",
    "MediaPipe, converted by Matthijs Hollemans (hasimoka/BlazeFace-PyTorch)" },
  { "mobilefacenet", "MobileFaceNet.onnx",
    FOAMLIU "weights/MobileFaceNet.onnx",
    "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
    3998070, GST_REID_MODEL_EMBEDDER, "Apache-2.0", FOAMLIU "LICENSE",
    "Yang Liu (foamliu/MobileFaceNet)" },
  { "sface", "face_recognition_sface_2021dec.onnx",
    OPENCV_MEDIA "face_recognition_sface_2021dec.onnx",
    "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    38696353, GST_REID_MODEL_EMBEDDER, "Apache-2.0", OPENCV_RAW "LICENSE",
    "Yaoyao Zhong (opencv/opencv_zoo)", TRUE },
};
/* clang-format on */

/* A network of more than this is none that the engine is made for; the bound
 * keeps a slip of an index from filling a disk. */
#define MAX_SIZE (G_GUINT64_CONSTANT (4) << 30)

static void
published_free (gpointer data)
{
  ReidPublishedModel *m = data;

  g_free (m->name);
  g_free (m->file);
  g_free (m->url);
  g_free (m->sha256);
  g_free (m->licence);
  g_free (m->licence_url);
  g_free (m->author);
  g_free (m);
}

GPtrArray *
reid_model_index_built_in (void)
{
  GPtrArray *index = g_ptr_array_new_with_free_func (published_free);

  for (gsize i = 0; i < G_N_ELEMENTS (built_in); i++) {
    ReidPublishedModel *m = g_new0 (ReidPublishedModel, 1);
    m->name = g_strdup (built_in[i].name);
    m->file = g_strdup (built_in[i].file);
    m->url = g_strdup (built_in[i].url);
    m->sha256 = g_strdup (built_in[i].sha256);
    m->size = built_in[i].size;
    m->role = built_in[i].role;
    m->licence = g_strdup (built_in[i].licence);
    m->licence_url = g_strdup (built_in[i].licence_url);
    m->author = g_strdup (built_in[i].author);
    m->untried = built_in[i].untried;
    g_ptr_array_add (index, m);
  }
  return index;
}

static gboolean
is_url (const gchar *text)
{
  return g_str_has_prefix (text, "https://")
         || g_str_has_prefix (text, "http://");
}

static gboolean
is_sha256 (const gchar *text)
{
  return strlen (text) == 64 && strspn (text, "0123456789abcdefABCDEF") == 64;
}

/* It is put into a folder as it is. */
static gboolean
is_file_name (const gchar *text)
{
  return text[0] != '.' && !strchr (text, '/')
         && g_str_has_suffix (text, ".onnx");
}

static gboolean
is_role (const gchar *text)
{
  return g_str_equal (text, "detector") || g_str_equal (text, "embedder");
}

static gboolean
is_size (const gchar *text)
{
  guint64 size;

  return g_ascii_string_to_unsigned (text, 10, 1, MAX_SIZE, &size, NULL);
}

static gboolean
is_bool (const gchar *text)
{
  return g_str_equal (text, "true") || g_str_equal (text, "false");
}

static gboolean
is_text (const gchar *text)
{
  return *text != '\0';
}

/* The value of a key, or NULL with an error when it does not fit. A key with
 * an otherwise may be left out. */
static gchar *
read_key (GKeyFile *keys, const gchar *path, const gchar *group,
          const gchar *key, gboolean (*fits) (const gchar *),
          const gchar *otherwise, const gchar *want, GError **error)
{
  gchar *value = g_key_file_get_string (keys, group, key, NULL);

  if (!value)
    value = g_strdup (otherwise);
  if (value && fits (g_strstrip (value)))
    return value;
  g_free (value);
  g_set_error (error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
               "%s: [%s] %s must be %s", path, group, key, want);
  return NULL;
}

static ReidPublishedModel *
read_group (GKeyFile *keys, const gchar *path, const gchar *group,
            GError **error)
{
  ReidPublishedModel *m = g_new0 (ReidPublishedModel, 1);
  gchar *role = NULL, *size = NULL, *untried = NULL;
  gboolean ok;

  m->name = g_strdup (group);
  ok = (m->url = read_key (keys, path, group, "url", is_url, NULL,
                           "an https:// or http:// address", error))
       && (m->file = read_key (keys, path, group, "file", is_file_name, NULL,
                               "a file's name that ends with .onnx", error))
       && (m->sha256 = read_key (keys, path, group, "sha256", is_sha256, NULL,
                                 "64 hexadecimal digits", error))
       && (size = read_key (keys, path, group, "size", is_size, NULL,
                            "the number of bytes, at most 4 GiB", error))
       && (role = read_key (keys, path, group, "role", is_role, NULL,
                            "detector or embedder", error))
       && (m->licence = read_key (keys, path, group, "licence", is_text, NULL,
                                  "its SPDX name", error))
       && (m->licence_url =
               read_key (keys, path, group, "licence-url", is_url, m->url,
                         "an https:// or http:// address", error))
       && (m->author = read_key (keys, path, group, "author", is_text,
                                 "unknown", "a name", error))
       && (untried = read_key (keys, path, group, "untried", is_bool, "false",
                               "true or false", error));
  if (ok) {
    gchar *lower = g_ascii_strdown (m->sha256, -1);
    g_free (m->sha256);
    m->sha256 = lower;
    m->size = g_ascii_strtoull (size, NULL, 10);
    m->role = g_str_equal (role, "detector") ? GST_REID_MODEL_DETECTOR
                                             : GST_REID_MODEL_EMBEDDER;
    m->untried = g_str_equal (untried, "true");
  } else {
    g_clear_pointer (&m, published_free);
  }
  g_free (role);
  g_free (size);
  g_free (untried);
  return m;
}

static GPtrArray *
read_file (const gchar *path, GError **error)
{
  GKeyFile *keys = g_key_file_new ();
  GPtrArray *index = NULL;
  gchar **groups = NULL;

  if (g_key_file_load_from_file (keys, path, G_KEY_FILE_NONE, error)) {
    index = g_ptr_array_new_with_free_func (published_free);
    groups = g_key_file_get_groups (keys, NULL);
    for (gchar **g = groups; index && *g; g++) {
      ReidPublishedModel *m = read_group (keys, path, *g, error);
      if (m)
        g_ptr_array_add (index, m);
      else
        g_clear_pointer (&index, g_ptr_array_unref);
    }
  } else {
    g_prefix_error (error, "%s, which REID_MODEL_INDEX names: ", path);
  }
  g_strfreev (groups);
  g_key_file_free (keys);
  return index;
}

GPtrArray *
reid_model_index_load (GError **error)
{
  const gchar *path = g_getenv ("REID_MODEL_INDEX");

  return path && *path ? read_file (path, error) : reid_model_index_built_in ();
}

const ReidPublishedModel *
reid_model_index_find (const GPtrArray *index, const gchar *name)
{
  for (guint i = 0; i < index->len; i++) {
    const ReidPublishedModel *m = index->pdata[i];
    if (g_ascii_strcasecmp (m->name, name) == 0)
      return m;
  }
  return NULL;
}

const ReidPublishedModel *
reid_model_index_find_hash (const GPtrArray *index, const gchar *sha256)
{
  for (guint i = 0; i < index->len; i++) {
    const ReidPublishedModel *m = index->pdata[i];
    if (g_str_equal (m->sha256, sha256))
      return m;
  }
  return NULL;
}

gchar *
reid_model_index_names (const GPtrArray *index)
{
  GString *s = g_string_new (NULL);

  for (guint i = 0; i < index->len; i++)
    g_string_append_printf (
        s, "%s%s", i > 0 ? ", " : "",
        ((const ReidPublishedModel *) index->pdata[i])->name);
  return g_string_free (s, FALSE);
}
