/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reidembed on a GPU whose memory ends in the middle of a run. GPU and CPU are
 * stand-ins that compute alike: see tests/nn/fakegpu. */
#include "embedding.h"

static gchar *
two_models (void)
{
  static gchar *copy;

  if (!copy) {
    copy = scratch ("second.onnx");
    if (!tiny_embedder (copy, TINY_EMBED_COLOUR))
      g_error ("cannot write %s", copy);
  }
  return g_strconcat (tiny_embedder_path (TINY_EMBED_COLOUR), ",", copy, NULL);
}

static void
open_on_gpu (Fixture *f, const gchar *models)
{
  g_setenv ("REID_BACKEND_PATH", REID_FAKE_GPU_DIR ":" REID_FAKE_CPU_DIR, TRUE);
  fixture_open_model (f, models);
  gst_element_set_state (f->h->element, GST_STATE_READY);
  g_object_set (f->h->element, "device", "cuda", "max-latency", (gint64) 0,
                NULL);
  gst_element_set_state (f->h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (f->h, CAPS);
}

static guint
count (Fixture *f, guint (*what) (Record *record))
{
  guint n;

  g_mutex_lock (&f->record.lock);
  n = what (&f->record);
  g_mutex_unlock (&f->record.lock);
  return n;
}

/* The third person comes when there is no memory any more, and a frame with
 * each. */
static void
run_three (Fixture *f, const gchar *gpu, const gchar *cpu)
{
  for (guint i = 1; i <= 3; i++) {
    if (i == 3) {
      WAIT_UNTIL (count (f, record_tracklets) == 2);
      g_setenv ("REID_FAKE_GPU", gpu, TRUE);
      g_setenv ("REID_FAKE_CPU", cpu, TRUE);
    }
    gst_harness_push (f->h, gst_buffer_new_allocate (NULL, 32 * 16 * 3, NULL));
    CHECK (push_person (f, i, i, 3));
  }
  gst_harness_push_event (f->h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (f));
  g_unsetenv ("REID_FAKE_GPU");
  g_unsetenv ("REID_FAKE_CPU");
}

/* The three tracklets' vectors and versions, whose pictures all have one. */
static GByteArray *
vectors (Fixture *f)
{
  GByteArray *all = g_byte_array_new ();

  for (guint i = 0; i < 3; i++) {
    const GstReidTracklet *t = record_tracklet (&f->record, i);
    CHECK (t && t->embeddings && t->n_chips == 3);
    if (!t || !t->embeddings)
      break;
    g_byte_array_append (all, (const guint8 *) t->version, 16);
    g_byte_array_append (all, (const guint8 *) t->embeddings,
                         (guint) (t->n_chips * t->dims * sizeof (gfloat)));
  }
  return all;
}

static void
check_goes_on (const gchar *models, const gchar *full, const gchar *names[])
{
  GByteArray *wanted, *got;
  gchar *text;
  Fixture f;

  open_on_gpu (&f, models);
  run_three (&f, "", "");
  wanted = vectors (&f);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING) == 0);
  fixture_close (&f);
  open_on_gpu (&f, models);
  run_three (&f, full, "");
  got = vectors (&f);
  CHECK (count (&f, record_buffers) == 3);
  CHECK (got->len == wanted->len
         && memcmp (got->data, wanted->data, got->len) == 0);
  for (; *names; names++) {
    text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
    CHECK_HAS (text, *names);
    CHECK_HAS (text, "goes on on the CPU, slower");
    CHECK_HAS (text, "$REID_FAKE_GPU");
    g_free (text);
  }
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  CHECK (g_strcmp0 (record_info (&f.record, "reidembed", "embedding-version"),
                    record_tracklet (&f.record, 2)->version)
         == 0);
  fixture_close (&f);
  g_byte_array_unref (wanted);
  g_byte_array_unref (got);
}

TEST (one_network_goes_on_on_the_cpu)
{
  check_goes_on (tiny_embedder_path (TINY_EMBED_COLOUR), "full",
                 (const gchar *[]){ "run tiny-colour,", NULL });
}

TEST (of_several_those_that_do_not_fit)
{
  gchar *models = two_models ();

  check_goes_on (models, "full:second",
                 (const gchar *[]){ "run second,", NULL });
  check_goes_on (models, "full",
                 (const gchar *[]){ "run tiny-colour,", "run second,", NULL });
  g_free (models);
}

TEST (the_archive_is_told_of_both_devices)
{
  const gchar *text;
  Fixture f;

  open_on_gpu (&f, tiny_embedder_path (TINY_EMBED_COLOUR));
  run_three (&f, "full", "");
  text = record_info (&f.record, "reidembed", "backend");
  CHECK (text && g_str_has_prefix (text, "cudnn: "));
  CHECK_HAS (text, "since its memory ended, dnnl: ");
  fixture_close (&f);
}

TEST (where_the_cpu_has_no_memory_that_is_one_error)
{
  gchar *models = two_models (), *text;
  Fixture f;

  open_on_gpu (&f, models);
  run_three (&f, "full:second", "full:second");
  text = next_complaint (f.bus, GST_MESSAGE_ERROR, NULL, NULL);
  CHECK_HAS (text, "$REID_FAKE_GPU");
  CHECK_HAS (text, "nor can it go on on the CPU");
  CHECK_HAS (text, "$REID_FAKE_CPU");
  g_free (text);
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
  /* what there was before was sent, and nothing of another version */
  CHECK (record_tracklet (&f.record, 1)->embeddings != NULL);
  CHECK (!record_tracklet (&f.record, 2)
         || !record_tracklet (&f.record, 2)->embeddings);
  fixture_close (&f);
  g_free (models);
}

TEST_MAIN ()
