/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which vectors an archive holds, and of which its people were made. */
#include "gst-reid-archive.h"

#include "table.h"

const ReidEmbeddingSet *
reid_vectors_current (const ReidEpisode *episode)
{
  for (size_t i = 0; i < episode->n_sets; i++)
    if (episode->sets[i].current)
      return &episode->sets[i];
  return NULL;
}

const char *
reid_vectors_text (const ReidEpisode *episode, const ReidEmbeddingSet *set,
                   const char *key)
{
  static const gchar *const noted[][2] = {
    { "models", "reidembed.model-name" },
    { "model_sha256", "reidembed.model-sha256" },
    { "licence", "reidembed.model-licence" },
    { "threshold", "reidembed.model-threshold" },
  };
  const char *own = reid_embedding_attribute (set, key), *name;
  char run[256];

  if (own)
    return own;
  name = reid_episode_attribute (episode, "reidembed.model-name");
  reid_embedding_name (name, run);
  for (gsize i = 0; name && i < G_N_ELEMENTS (noted); i++)
    if (g_str_equal (noted[i][0], key) && g_str_equal (run, set->name)
        && !reid_embedding_attribute (set, "models"))
      return reid_episode_attribute (episode, noted[i][1]);
  return NULL;
}

gchar *
reid_people_set (const ReidEpisode *episode)
{
  const char *name = reid_episode_attribute (episode, "reidcluster.embedder");
  const ReidEmbeddingSet *current = reid_vectors_current (episode);
  char set[256];

  /* before it was noted, there was one set alone */
  if (!name)
    return current ? g_strdup (current->name) : NULL;
  reid_embedding_name (name, set);
  return g_strdup (set);
}

gboolean
reid_people_are_of (const ReidEpisode *episode, const ReidEmbeddingSet *set)
{
  const char *version =
      reid_episode_attribute (episode, "reidcluster.embedding-version");
  const char *own = reid_vectors_text (episode, set, "version");
  gchar *name;
  gboolean same;

  if (version && *version && own)
    return g_str_equal (version, own);
  name = reid_people_set (episode);
  same = name && g_str_equal (name, set->name);
  g_free (name);
  return same;
}

void
reid_say_stale (const ReidEpisode *episode, const gchar *path)
{
  const ReidEmbeddingSet *current = reid_vectors_current (episode);
  gchar *of, *dir;

  if (!current || reid_people_are_of (episode, current))
    return;
  gchar *name = reid_people_set (episode);
  of = reid_printable (name);
  dir = reid_printable (path);
  g_print ("The people are still those that were made of \"%s\"; `gst-reid "
           "cluster %s` makes them of the current vectors.\n",
           of, dir);
  g_free (name);
  g_free (of);
  g_free (dir);
}
