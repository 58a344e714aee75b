/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reiddetect on a GPU whose memory ends in the middle of a run. GPU and CPU are
 * stand-ins that compute alike: see tests/nn/fakegpu. */
#include "scenes.h"

enum { FRAMES = 50, GOOD = 20 };

/* What leaves on a CPU, but for what tells of the device. */
static void
drop_infos (gchar *text)
{
  gchar *to = text;

  for (; *text; text++)
    if (*text != 'i')
      *to++ = *text;
  *to = '\0';
}

static gchar *
run_on_cpu (void)
{
  gchar *all;
  Rig r;

  rig_init (&r, CAPS_SMALL, "device", "cpu", NULL);
  push_scenes (&r, FRAMES);
  rig_eos (&r);
  all = outputs (&r);
  drop_infos (all);
  rig_free (&r);
  return all;
}

static void
check_moved (GstBus *bus, guint latencies)
{
  gchar *text = next_complaint (bus, GST_MESSAGE_WARNING, NULL, NULL);

  CHECK_HAS (text, "run squares, which goes on on the CPU, slower");
  CHECK_HAS (text, "$REID_FAKE_GPU");
  g_free (text);
  CHECK (count_messages (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR
                                  | GST_MESSAGE_LATENCY)
         == latencies);
}

TEST (no_frame_is_lost_on_the_way_to_the_cpu)
{
  gchar *right, *got;

  g_setenv ("REID_BACKEND_PATH", REID_FAKE_GPU_DIR ":" REID_FAKE_CPU_DIR, TRUE);
  right = run_on_cpu ();
  /* as many at a time as the device wants, and one */
  for (guint batch = 0; batch <= 1; batch++) {
    GstBus *bus = gst_bus_new ();
    const gchar *device;
    Rig r;

    rig_init (&r, CAPS_SMALL, "device", "cuda", "batch-size", batch, NULL);
    gst_element_set_bus (r.h->element, bus);
    CHECK (latency (&r) == (batch ? 0 : 15 * FRAME_TIME + FRAME_TIME / 2));
    push_scenes (&r, GOOD);
    g_setenv ("REID_FAKE_GPU", "full", TRUE);
    push_scenes (&r, FRAMES - GOOD);
    CHECK (latency (&r) == 0);
    rig_eos (&r);
    g_unsetenv ("REID_FAKE_GPU");
    got = outputs (&r);
    drop_infos (got);
    CHECK_MSG (g_str_equal (got, right), "# %s", batch ? "alone" : "batches");
    check_moved (bus, batch ? 0 : 1);
    device = record_info (&r.out, "reiddetect", "backend");
    CHECK (device && g_str_has_prefix (device, "cudnn: "));
    CHECK_HAS (device, "since its memory ended, dnnl: ");
    gst_element_set_bus (r.h->element, NULL);
    gst_object_unref (bus);
    rig_free (&r);
    g_free (got);
  }
  g_free (right);
}

/* Not after ten frames, which a short film may not have. */
TEST (memory_that_never_was_is_an_error_at_once)
{
  for (guint batch = 0; batch <= 1; batch++) {
    GstBus *bus = gst_bus_new ();
    GstMessage *m;
    GError *error;
    Rig r;

    g_setenv ("REID_FAKE_GPU", "full", TRUE);
    rig_init (&r, CAPS_SMALL, "device", "cuda", "batch-size", batch, NULL);
    gst_element_set_bus (r.h->element, bus);
    push_scenes (&r, 3);
    rig_eos (&r);
    g_unsetenv ("REID_FAKE_GPU");
    m = next_message (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR, 0);
    REQUIRE (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR);
    gst_message_parse_error (m, &error, NULL);
    CHECK_HAS (error->message, "$REID_FAKE_GPU");
    CHECK (count_messages (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR) == 0);
    g_error_free (error);
    gst_message_unref (m);
    gst_element_set_bus (r.h->element, NULL);
    gst_object_unref (bus);
    rig_free (&r);
  }
}

TEST_MAIN ()
