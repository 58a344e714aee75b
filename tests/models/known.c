/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be had against what is known: two tables that must not differ. */
#include "../../gst/reid/gstreidmodel-private.h"
#include "../../pipelines/model-index.h"
#include "test.h"

static const GstReidKnownModel *
known_by_name (const gchar *name)
{
  for (const GstReidKnownModel *k = gst_reid_known_models; k->sha256; k++)
    if (g_str_equal (k->name, name))
      return k;
  return NULL;
}

TEST (what_can_be_had_is_known)
{
  GPtrArray *index = reid_model_index_built_in ();

  for (guint i = 0; i < index->len; i++) {
    const ReidPublishedModel *p = index->pdata[i];
    const GstReidKnownModel *k = known_by_name (p->name);
    CHECK_MSG (p->untried == !k, "%s", p->name);
    if (!k)
      continue;
    CHECK_MSG (g_str_equal (k->sha256, p->sha256), "%s: %s", p->name,
               p->sha256);
    CHECK_MSG ((guint64) k->size == p->size, "%s", p->name);
    CHECK_MSG (k->role == p->role, "%s", p->name);
    CHECK_MSG (g_str_equal (k->licence, p->licence), "%s", p->name);
  }
  g_ptr_array_unref (index);
}

TEST (what_is_known_can_be_had)
{
  GPtrArray *index = reid_model_index_built_in ();

  for (const GstReidKnownModel *k = gst_reid_known_models; k->sha256; k++) {
    const ReidPublishedModel *p = reid_model_index_find (index, k->name);
    CHECK_MSG (p && reid_model_index_find_hash (index, k->sha256) == p, "%s",
               k->name);
  }
  g_ptr_array_unref (index);
}

TEST (what_is_known_goes_before_what_ships_and_behind_what_is_described)
{
  for (const GstReidKnownModel *k = gst_reid_known_models; k->sha256; k++) {
    CHECK_MSG (k->rank > GST_REID_MODEL_SHIPPED_RANK, "%s", k->name);
    CHECK_MSG (k->rank < GST_REID_MODEL_DESCRIBED_RANK, "%s", k->name);
  }
}

/* A branch would move on, and the pin with it. */
TEST (addresses_are_safe_and_fixed)
{
  GPtrArray *index = reid_model_index_built_in ();

  for (guint i = 0; i < index->len; i++) {
    const ReidPublishedModel *p = index->pdata[i];
    const gchar *urls[] = { p->url, p->licence_url };
    for (guint u = 0; u < G_N_ELEMENTS (urls); u++)
      CHECK_MSG (g_regex_match_simple ("^https://[^/]+/.*/[0-9a-f]{40}/",
                                       urls[u], 0, 0),
                 "%s", urls[u]);
    CHECK_MSG (g_str_has_suffix (p->url, p->file), "%s", p->url);
    for (guint j = 0; j < i; j++) {
      const ReidPublishedModel *q = index->pdata[j];
      CHECK_MSG (g_ascii_strcasecmp (p->name, q->name) != 0, "%s", p->name);
      CHECK_MSG (!g_str_equal (p->file, q->file), "%s", p->file);
    }
  }
  g_ptr_array_unref (index);
}

TEST (names_in_any_case)
{
  GPtrArray *index = reid_model_index_built_in ();

  CHECK (reid_model_index_find (index, "YuNet")
         == reid_model_index_find (index, "yunet"));
  CHECK (reid_model_index_find (index, "yunet") != NULL);
  CHECK (reid_model_index_find (index, "yune") == NULL);
  g_ptr_array_unref (index);
}

TEST_MAIN ()
