/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_EMBEDDING_H
#define REID_TEST_EMBEDDING_H

/* A reidembed in a harness, what came out of it, and people to put in. */

#include "networks.h"

#include "nn/nn.h"

#define CAPS "video/x-raw,format=RGB,width=32,height=16,framerate=25/1"

typedef struct {
  GstHarness *h;
  Record record;
  GstBus *bus;
  GstPad *srcpad;
} Fixture;

static inline void
fixture_open_blend (Fixture *f, const gchar *models, const gchar *weights,
                    const gchar *layers)
{
  GstElement *e = gst_element_factory_make ("reidembed", NULL);

  g_object_set (e, "model", models, "weights", weights, "layers", layers,
                "threads", 1, NULL);
  f->bus = gst_bus_new ();
  gst_element_set_bus (e, f->bus); /* it may say something as it starts */
  f->h = gst_harness_new_with_element (e, "sink", "src");
  gst_object_unref (e);
  f->srcpad = gst_element_get_static_pad (f->h->element, "src");
  record_init (&f->record, f->srcpad);
}

static inline void
fixture_open_model (Fixture *f, const gchar *model)
{
  fixture_open_blend (f, model, NULL, NULL);
}

static inline void
fixture_open_plain (Fixture *f, TinyEmbedKind kind)
{
  fixture_open_model (f, tiny_embedder_path (kind));
}

static inline void
fixture_open (Fixture *f)
{
  fixture_open_plain (f, TINY_EMBED_COLOUR);
  gst_harness_set_src_caps_str (f->h, CAPS);
}

static inline void
fixture_close (Fixture *f)
{
  /* the task must not be in a probe that goes */
  gst_element_set_state (f->h->element, GST_STATE_NULL);
  gst_element_set_bus (f->h->element, NULL);
  record_free (&f->record);
  gst_harness_teardown (f->h);
  gst_object_unref (f->srcpad);
  gst_object_unref (f->bus);
  CHECK_MSG (gst_reid_chip_bytes () == 0,
             "%" G_GUINT64_FORMAT " bytes of chips", gst_reid_chip_bytes ());
  CHECK_MSG (reid_session_count () == 0, "%d sessions", reid_session_count ());
}

static inline gboolean
push_person (Fixture *f, guint32 track, guint person, guint n_chips)
{
  TrackletSpec spec = { track,
                        track,
                        person,
                        n_chips,
                        track * 10,
                        track * 10 + 9,
                        GST_REID_TRACK_END_GAP,
                        FALSE };

  return gst_harness_push_event (f->h, tracklet_event (&spec));
}

static inline gboolean
has_eos (Fixture *f)
{
  gchar *s = record_string (&f->record);
  gboolean yes = strchr (s, 'E') != NULL;

  g_free (s);
  return yes;
}

static inline gdouble
cosine (const gfloat *a, const gfloat *b, guint n)
{
  gdouble dot = 0, aa = 0, bb = 0;

  for (guint i = 0; i < n; i++) {
    dot += (gdouble) a[i] * b[i];
    aa += (gdouble) a[i] * a[i];
    bb += (gdouble) b[i] * b[i];
  }
  return dot / sqrt (aa * bb);
}

#endif /* REID_TEST_EMBEDDING_H */
