/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-reid cluster and gst-reid info: what an archive is enough for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/cluster.h"
#include "embed/embed.h"
#include "gst-reid-archive.h"
#include "gst-reid-errors.h"
#include "gst-reid.h"
#include "table.h"

/* What reidcluster takes for a face that is bad in every respect. */
#define MIN_WEIGHT 1e-3f

/* Vectors of the tracks that have one. rows[i] = index into episode->tracks. */
static int
track_vectors (const ReidEpisode *episode, float **vectors, int **rows)
{
  size_t dims = (size_t) MAX (episode->dims, 1);
  int n = 0;

  *vectors = g_new (float, MAX (episode->n_tracks, 1) * dims);
  *rows = g_new (int, MAX (episode->n_tracks, 1));
  for (size_t i = 0; episode->embeddings && i < episode->n_tracks; i++) {
    const ReidTrackRow *t = &episode->tracks[i];
    float *weights = g_new (float, MAX (t->n_chips, 1));
    for (uint32_t c = 0; c < t->n_chips; c++)
      weights[c] = MAX (episode->chips[t->first_chip + c].total, MIN_WEIGHT);
    if (t->n_chips > 0
        && reid_track_vector (episode->embeddings + t->first_chip * dims,
                              weights, (int) t->n_chips, (int) dims,
                              *vectors + (size_t) n * dims))
      (*rows)[n++] = (int) i;
    g_free (weights);
  }
  return n;
}

/* The pairs among the clustered rows. */
static ReidPair *
row_pairs (const ReidEpisode *episode, const int *rows, int n, int *n_pairs,
           ReidError *error)
{
  ReidOverlap *overlaps = NULL;
  int *row_of = g_new (int, MAX (episode->n_tracks, 1));
  int n_overlaps = 0;
  ReidPair *pairs;

  *n_pairs = 0;
  for (size_t i = 0; i < episode->n_tracks; i++)
    row_of[i] = -1;
  for (int i = 0; i < n; i++)
    row_of[rows[i]] = i;
  if (!reid_episode_overlaps (episode, &overlaps, &n_overlaps, error)) {
    g_free (row_of);
    return NULL;
  }
  pairs = g_new (ReidPair, MAX (n_overlaps, 1));
  for (int i = 0; i < n_overlaps; i++) {
    ReidPair pair = { row_of[overlaps[i].a], row_of[overlaps[i].b],
                      overlaps[i].weight };
    if (pair.a >= 0 && pair.b >= 0)
      pairs[(*n_pairs)++] = pair;
  }
  free (overlaps);
  g_free (row_of);
  return pairs;
}

static gboolean
make_people (const ReidEpisode *episode, const ReidClusterParams *params,
             uint32_t **track_ids, uint32_t **identities, int *n,
             ReidError *error)
{
  float *vectors;
  int *rows, *labels, n_pairs, k = -1;
  uint64_t *keys;
  ReidPair *pairs;

  *n = track_vectors (episode, &vectors, &rows);
  keys = g_new (uint64_t, MAX (*n, 1));
  labels = g_new (int, MAX (*n, 1));
  for (int i = 0; i < *n; i++)
    keys[i] = episode->tracks[rows[i]].id;
  pairs = row_pairs (episode, rows, *n, &n_pairs, error);
  if (pairs)
    k = reid_cluster (vectors, *n, MAX (episode->dims, 1), keys, pairs, n_pairs,
                      params, labels, error);
  *track_ids = g_new (uint32_t, MAX (*n, 1));
  *identities = g_new (uint32_t, MAX (*n, 1));
  for (int i = 0; k >= 0 && i < *n; i++) {
    (*track_ids)[i] = (uint32_t) keys[i];
    (*identities)[i] = (uint32_t) labels[i] + 1;
  }
  g_free (pairs);
  g_free (labels);
  g_free (keys);
  g_free (rows);
  g_free (vectors);
  return k >= 0;
}

static gboolean
parse_word (const gchar *option, const gchar *value, const gchar *const *words,
            gint *out)
{
  gchar *all;

  if (!value)
    return TRUE;
  for (gint i = 0; words[i]; i++)
    if (g_str_equal (words[i], value)) {
      *out = i;
      return TRUE;
    }
  all = g_strjoinv (", ", (gchar **) words);
  reid_say_error ("--%s must be one of %s, not \"%s\"", option, all, value);
  g_free (all);
  return FALSE;
}

static const gchar *const methods[] = { "average-link", "chinese-whispers",
                                        NULL };
static const gchar *const links[] = { "off", "soft", "hard", NULL };

/* Of a word that an archive holds; it may be of a newer program, or none. */
static gint
archived_word (const ReidEpisode *episode, const gchar *key,
               const gchar *const *words, gint fallback)
{
  const char *text = reid_episode_attribute (episode, key);

  for (gint i = 0; text && words[i]; i++)
    if (g_str_equal (words[i], text))
      return i;
  return fallback;
}

/* A cosine that an archive holds as text; else the fallback. */
static float
archived_cosine (const char *text, float fallback)
{
  double t = text ? g_ascii_strtod (text, NULL) : NAN;

  return isfinite (t) && t >= -1 && t <= 1 ? (float) t : fallback;
}

/* With what the people in the archive were made. A threshold belongs to the
 * vectors: for others it is the one of their network. */
static void
archived_params (const ReidEpisode *episode, ReidClusterParams *params)
{
  const ReidEmbeddingSet *set =
      episode->set >= 0 ? &episode->sets[episode->set] : NULL;
  const char *threshold =
      !set || reid_people_are_of (episode, set)
          ? reid_episode_attribute (episode, "reidcluster.threshold-used")
          : reid_vectors_text (episode, set, "threshold");
  const char *seed = reid_episode_attribute (episode, "reidcluster.seed");
  guint64 number;

  reid_cluster_params_init (params);
  params->threshold = archived_cosine (threshold, .4f);
  params->method = (ReidClusterMethod) archived_word (
      episode, "reidcluster.method", methods, REID_CLUSTER_AVERAGE);
  params->cannot_link = (ReidCannotLink) archived_word (
      episode, "reidcluster.cannot-link", links, REID_CANNOT_LINK_HARD);
  params->seed = seed
                         && g_ascii_string_to_unsigned (
                             seed, 10, 0, G_MAXUINT64, &number, NULL)
                     ? number
                     : 1;
}

gboolean
reid_parse_arguments (GOptionContext *context, gint *argc, gchar ***argv,
                      const gchar *usage)
{
  GError *error = NULL;

  if (!g_option_context_parse (context, argc, argv, &error)) {
    reid_say_error ("%s", error->message);
    g_error_free (error);
    return FALSE;
  }
  if (*argc != 2) {
    reid_say_error ("usage: %s", usage);
    return FALSE;
  }
  return TRUE;
}

static gint
print_people (const gchar *path)
{
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *episode = reid_episode_read_tables (path, &error);
  uint32_t people = 0;

  if (!episode)
    return reid_say_failure (&error);
  for (size_t i = 0; i < episode->n_tracks; i++)
    people = MAX (people, episode->tracks[i].identity);
  g_print ("%u people in %zu tracks\n", people, episode->n_tracks);
  for (uint32_t p = 1; p <= people; p++) {
    guint tracks = 0, detections = 0;
    int64_t first = -1, last = -1;
    for (size_t i = 0; i < episode->n_tracks; i++) {
      const ReidTrackRow *t = &episode->tracks[i];
      if (t->identity != p)
        continue;
      tracks++;
      detections += t->n_detections;
      if (t->start_time >= 0 && (first < 0 || t->start_time < first))
        first = t->start_time;
      last = MAX (last, t->end_time);
    }
    if (tracks > 0)
      g_print ("  person %u: %.2f s to %.2f s, %u tracks, %u faces\n", p,
               (gdouble) MAX (first, 0) * 1e-9, (gdouble) MAX (last, 0) * 1e-9,
               tracks, detections);
  }
  reid_episode_free (episode);
  return EXIT_OK;
}

/* New people, in every file or in none: everything that takes space is written
 * before the archive changes, and the archive changes as a whole. */
static gboolean
write_people (const gchar *path, const ReidEpisode *episode,
              const ReidClusterParams *params, ReidError *error)
{
  gchar used[G_ASCII_DTOSTR_BUF_SIZE];
  gchar *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, params->seed);
  const ReidEmbeddingSet *set =
      episode->set >= 0 ? &episode->sets[episode->set] : NULL;
  const char *version =
      set ? reid_vectors_text (episode, set, "version") : NULL;
  const ReidAttribute attributes[] = {
    { "reidcluster.threshold-used",
      g_ascii_formatd (used, sizeof used, "%.6g", params->threshold) },
    { "reidcluster.method", methods[params->method] },
    { "reidcluster.cannot-link", links[params->cannot_link] },
    { "reidcluster.seed", seed },
    /* only of an archive with vectors */
    { "reidcluster.embedder", set ? set->name : "" },
    { "reidcluster.embedding-version", version ? version : "" },
    { "embedder", set ? set->name : "" }
  };
  int n_attributes = set ? G_N_ELEMENTS (attributes) : 4;
  uint32_t *track_ids = NULL, *identities = NULL;
  ReidOutputs *outputs = NULL;
  gint n = 0;
  gboolean ok;

  if (make_people (episode, params, &track_ids, &identities, &n, error))
    outputs =
        reid_outputs_prepare (path, track_ids, identities, (size_t) n, error);
  ok = outputs
       && reid_archive_relabel (path, track_ids, identities, (size_t) n,
                                attributes, n_attributes, error);
  if (ok)
    ok = reid_outputs_publish (g_steal_pointer (&outputs), error);
  reid_outputs_drop (outputs);
  g_free (track_ids);
  g_free (identities);
  g_free (seed);
  return ok;
}

static gboolean
parse_threshold (const gchar *text, gdouble *threshold)
{
  gchar *end;

  if (!text)
    return TRUE;
  *threshold = g_ascii_strtod (text, &end);
  if (end != text && *end == '\0' && *threshold >= -1 && *threshold <= 1)
    return TRUE;
  reid_say_error ("--threshold must be a cosine from -1 to 1, not \"%s\"",
                  text);
  return FALSE;
}

static gboolean
parse_seed (const gchar *text, guint64 *seed)
{
  if (!text
      || g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, seed, NULL))
    return TRUE;
  reid_say_error ("--seed must be a whole number from 0 on, not \"%s\"", text);
  return FALSE;
}

gint
reid_command_cluster (gint argc, gchar **argv)
{
  gdouble threshold = 0;
  guint64 seed = 0;
  gint method = 0, cannot_link = 0;
  gchar *method_name = NULL, *link_name = NULL, *threshold_text = NULL;
  gchar *seed_text = NULL, *embedder = NULL;
  GOptionEntry entries[] = {
    { "embedder", 'e', 0, G_OPTION_ARG_STRING, &embedder,
      "make them of these vectors, which become the current ones: see "
      "`gst-reid "
      "embed DIR --list`",
      "NAME" },
    { "threshold", 't', 0, G_OPTION_ARG_STRING, &threshold_text,
      "cosine similarity from which two tracks are one person", "T" },
    { "method", 'm', 0, G_OPTION_ARG_STRING, &method_name,
      "average-link or chinese-whispers", "METHOD" },
    { "cannot-link", 'c', 0, G_OPTION_ARG_STRING, &link_name,
      "what it means to share a frame: off, soft or hard", "HOW" },
    { "seed", 's', 0, G_OPTION_ARG_STRING, &seed_text, "of Chinese whispers",
      "N" },
    { NULL }
  };
  GOptionContext *context =
      g_option_context_new ("DIR - make people of an archive's tracks anew");
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *episode = NULL;
  ReidClusterParams params;
  gint code = EXIT_USAGE;

  g_option_context_set_description (
      context, "What is not given is as it was when the people that are now in "
               "the archive were made.\nOf other vectors than theirs: the "
               "threshold is the one of the network.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (reid_parse_arguments (context, &argc, &argv,
                            "gst-reid cluster [OPTIONS] DIR")
      && parse_word ("method", method_name, methods, &method)
      && parse_word ("cannot-link", link_name, links, &cannot_link)
      && parse_threshold (threshold_text, &threshold)
      && parse_seed (seed_text, &seed)) {
    episode = reid_episode_read_set (argv[1], false, embedder, &error);
    if (episode) {
      archived_params (episode, &params);
      if (threshold_text)
        params.threshold = (float) threshold;
      if (method_name)
        params.method = (ReidClusterMethod) method;
      if (link_name)
        params.cannot_link = (ReidCannotLink) cannot_link;
      if (seed_text)
        params.seed = seed;
    }
    if (!episode || !write_people (argv[1], episode, &params, &error))
      code = reid_say_failure (&error);
    else
      code = print_people (argv[1]);
  }
  reid_episode_free (episode);
  g_free (embedder);
  g_free (threshold_text);
  g_free (seed_text);
  g_free (method_name);
  g_free (link_name);
  g_option_context_free (context);
  return code;
}

static void
print_vectors (const ReidEpisode *episode)
{
  for (size_t i = 0; i < episode->n_sets; i++) {
    const ReidEmbeddingSet *set = &episode->sets[i];
    gchar *name = reid_printable (set->name);
    const char *version = reid_vectors_text (episode, set, "version");
    if (set->dims > 0)
      g_print ("vectors \"%s\": %d numbers%s%s%s\n", name, set->dims,
               version ? ", version " : "", version ? version : "",
               set->current ? ", the current ones" : "");
    else
      g_print ("vectors \"%s\": damaged\n", name);
    g_free (name);
  }
}

gint
reid_command_info (gint argc, gchar **argv)
{
  GOptionContext *context =
      g_option_context_new ("DIR - tell what an archive holds");
  ReidError error = REID_ERROR_INIT;
  ReidEpisode *episode;

  if (!reid_parse_arguments (context, &argc, &argv, "gst-reid info DIR")) {
    g_option_context_free (context);
    return EXIT_USAGE;
  }
  g_option_context_free (context);
  episode = reid_episode_read_tables (argv[1], &error);
  if (!episode)
    return reid_say_failure (&error);
  g_print ("format %d%s\n", episode->version,
           episode->partial ? ", partial: the run ended before the video" : "");
  g_print ("%zu frames, %zu shots, %zu detections, %zu tracks, %zu chips\n",
           episode->n_frames, episode->n_shots, episode->n_detections,
           episode->n_tracks, episode->n_chips);
  print_vectors (episode);
  for (int i = 0; i < episode->n_attributes; i++)
    g_print ("  %s = %s\n", episode->attributes[i].key,
             episode->attributes[i].value);
  reid_say_stale (episode, argv[1]);
  reid_episode_free (episode);
  return print_people (argv[1]);
}
