/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstreidembedder-private.h"

#include <math.h>
#include <string.h>

#include "gstreiderror-private.h"
#include "gstreidmodel-private.h"

/* What an unknown threshold counts as among known ones: see ReidEmbedderInfo.
 */
#define UNKNOWN_THRESHOLD 0.40f

typedef gchar *(*Tell) (const GstReidEmbedder *e, guint i);

static gboolean refuse (GError **error, const gchar *format, ...)
    G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error)
    *error = g_error_new_valist (GST_RESOURCE_ERROR,
                                 GST_RESOURCE_ERROR_SETTINGS, format, args);
  va_end (args);
  return FALSE;
}

static gchar **
split (const gchar *text, const gchar *by)
{
  gchar **parts = g_strsplit (text, by, -1);

  for (gchar **p = parts; *p; p++)
    g_strstrip (*p);
  return parts;
}

static gboolean
is_set (const gchar *text)
{
  return text && *text;
}

static gboolean
find_models (GstReidEmbedder *e, const gchar *models, GError **error)
{
  gboolean one = !models || g_file_test (models, G_FILE_TEST_IS_REGULAR)
                 || !strchr (models, ',');
  gchar **names = one ? NULL : split (models, ",");
  guint n = one ? 1 : g_strv_length (names);
  gboolean ok = TRUE;

  if (n > REID_MAX_NETWORKS)
    ok = refuse (error, "model: %u networks, more than %d", n,
                 REID_MAX_NETWORKS);
  for (guint i = 0; i < n && ok; i++) {
    GstReidModel *m = NULL;
    if (!one && !*names[i])
      ok = refuse (error, "model: a name is empty in \"%s\"", models);
    else
      m = gst_reid_model_find (GST_REID_MODEL_EMBEDDER, one ? models : names[i],
                               error);
    ok = m != NULL;
    if (ok)
      g_ptr_array_add (e->found, m);
  }
  g_strfreev (names);
  return ok;
}

static gboolean
read_weights (const gchar *text, ReidEmbedderNetwork *networks, guint n,
              GError **error)
{
  gchar **parts = is_set (text) ? split (text, ",") : NULL, *end;
  guint given = parts ? g_strv_length (parts) : n;
  gboolean ok =
      given == n
      || refuse (error,
                 "weights: \"%s\" has %u number%s for %u network%s: "
                 "give one for each",
                 text, given, given == 1 ? "" : "s", n, n == 1 ? "" : "s");

  for (guint i = 0; i < n && ok; i++) {
    networks[i].weight = parts ? g_ascii_strtod (parts[i], &end) : 1;
    if (parts
        && (end == parts[i] || *end || !isfinite (networks[i].weight)
            || !(networks[i].weight > 0)))
      ok = refuse (error,
                   "weights: \"%s\" is no number above 0; they are as in "
                   "weights=0.6,0.4",
                   parts[i]);
  }
  g_strfreev (parts);
  return ok;
}

/* *parts is to be freed after use. */
static gboolean
read_layers (const gchar *text, ReidEmbedderNetwork *networks, guint n,
             gchar ***parts, GError **error)
{
  guint given;

  *parts = NULL;
  if (!is_set (text))
    return TRUE;
  *parts = split (text, ";");
  given = g_strv_length (*parts);
  if (given != n)
    return refuse (error,
                   "layers: \"%s\" is for %u network%s, but there %s %u; a "
                   "semicolon separates those of two networks, and nothing "
                   "between them takes a network's own output",
                   text, given, given == 1 ? "" : "s", n == 1 ? "is" : "are",
                   n);
  for (guint i = 0; i < n; i++)
    networks[i].layers = (*parts)[i];
  return TRUE;
}

/* ---- what is told of it */

static GstReidModel *
nth (const GstReidEmbedder *e, guint i)
{
  return e->found->pdata[i];
}

static gchar *
tell_name (const GstReidEmbedder *e, guint i)
{
  return g_strdup (nth (e, i)->name);
}

static gchar *
tell_sha256 (const GstReidEmbedder *e, guint i)
{
  return g_strdup (nth (e, i)->sha256);
}

static gchar *
tell_licence (const GstReidEmbedder *e, guint i)
{
  return g_strdup (nth (e, i)->licence);
}

static gchar *
tell_weight (const GstReidEmbedder *e, guint i)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  return reid_embedder_n_networks (e->embedder) == 1
             ? NULL
             : g_strdup (
                 g_ascii_formatd (text, sizeof text, "%.6g",
                                  reid_embedder_weight (e->embedder, (int) i)));
}

static gchar *
tell_layers (const GstReidEmbedder *e, guint i)
{
  return g_strdup (reid_embedder_layers (e->embedder, (int) i));
}

static gchar *
tell_projection (const GstReidEmbedder *e, guint i)
{
  return g_strdup (reid_embedder_projection (e->embedder, (int) i));
}

/* NULL where there is nothing to tell of any network. */
static void
join (GstReidEmbedder *e, gchar **text, Tell tell, const gchar *by,
      const gchar *nothing)
{
  GString *all = g_string_new (NULL);
  gboolean any = FALSE;

  for (guint i = 0; i < e->found->len; i++) {
    gchar *one = tell (e, i);
    any = any || one;
    g_string_append_printf (all, "%s%s", i ? by : "", one ? one : nothing);
    g_free (one);
  }
  g_free (*text);
  *text = g_string_free (all, !any);
}

static gfloat
mean_threshold (const GstReidEmbedder *e)
{
  gboolean known = FALSE;
  gdouble sum = 0;

  for (guint i = 0; i < e->found->len; i++) {
    gfloat t = e->thresholds[i];
    known = known || !isnan (t);
    sum += reid_embedder_weight (e->embedder, (int) i)
           * (isnan (t) ? UNKNOWN_THRESHOLD : t);
  }
  return known ? (gfloat) sum : NAN;
}

static void
describe (GstReidEmbedder *e)
{
  guint n = (guint) reid_embedder_n_networks (e->embedder);

  g_ptr_array_set_size (e->found, (gint) n);
  join (e, &e->model, tell_name, ",", "");
  join (e, &e->model_sha256, tell_sha256, ",", "");
  join (e, &e->licence, tell_licence, ",", "unknown");
  join (e, &e->weights, tell_weight, ",", "");
  join (e, &e->layers, tell_layers, ";", "");
  join (e, &e->projection, tell_projection, ";", "");
  e->threshold = mean_threshold (e);
  e->version = reid_embedder_version (e->embedder);
}

static gboolean
open_networks (GstReidEmbedder *e, ReidEmbedderNetwork *networks,
               const ReidEmbedderOptions *options, GError **error)
{
  ReidEmbedderInfo infos[REID_MAX_NETWORKS];
  ReidError why = REID_ERROR_INIT;
  guint n = e->found->len;

  for (guint i = 0; i < n; i++) {
    if (!gst_reid_model_get_embedder_info (nth (e, i), &infos[i], error))
      return FALSE;
    networks[i].model_path = nth (e, i)->path;
    networks[i].sha256 = nth (e, i)->sha256;
    networks[i].info = &infos[i];
    /* what is known is known of the network's own output */
    e->thresholds[i] = is_set (networks[i].layers) ? NAN : infos[i].threshold;
  }
  e->embedder = reid_embedder_new_blend (networks, (int) n, options, &why);
  if (!e->embedder)
    g_propagate_error (error, gst_reid_error_to_gerror (&why));
  return e->embedder != NULL;
}

GstReidEmbedder *
gst_reid_embedder_open (const gchar *models, const gchar *weights,
                        const gchar *layers, const ReidEmbedderOptions *options,
                        GError **error)
{
  GstReidEmbedder *e = g_new0 (GstReidEmbedder, 1);
  ReidEmbedderNetwork networks[REID_MAX_NETWORKS] = { 0 };
  gchar **parts = NULL;
  gboolean ok;

  e->found =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_reid_model_free);
  e->thresholds = g_new0 (gfloat, REID_MAX_NETWORKS);
  ok = find_models (e, models, error)
       && read_weights (weights, networks, e->found->len, error)
       && read_layers (layers, networks, e->found->len, &parts, error)
       && open_networks (e, networks, options, error);
  g_strfreev (parts);
  if (!ok) {
    gst_reid_embedder_close (e);
    return NULL;
  }
  describe (e);
  return e;
}

void
gst_reid_embedder_close (GstReidEmbedder *e)
{
  if (!e)
    return;
  reid_embedder_free (e->embedder);
  g_ptr_array_free (e->found, TRUE);
  g_free (e->thresholds);
  g_free (e->model);
  g_free (e->model_sha256);
  g_free (e->licence);
  g_free (e->weights);
  g_free (e->layers);
  g_free (e->projection);
  g_free (e);
}

gboolean
gst_reid_embedder_drop (GstReidEmbedder *e, const ReidError *why)
{
  gboolean dropped = reid_embedder_drop (e->embedder, why);

  if (dropped)
    describe (e);
  return dropped;
}

const GstReidModel *
gst_reid_embedder_next_moved (GstReidEmbedder *e, const gchar **why)
{
  for (gint i = 0; i < reid_embedder_n_networks (e->embedder); i++) {
    *why = reid_embedder_moved (e->embedder, i);
    if (!*why || e->moves_told & 1u << i)
      continue;
    e->moves_told |= 1u << i;
    return e->found->pdata[i];
  }
  return NULL;
}
