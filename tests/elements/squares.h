/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_SQUARES_H
#define REID_TEST_SQUARES_H

/* reiddetect in a harness, with a network that takes bright squares for faces,
 * and frames that show such. */

#include "elements.h"

#include <glib/gstdio.h>

#include "tinyonnx.h"

#define CAPS(format, width, height, rest)                                      \
  "video/x-raw,format=" format ",width=" #width ",height=" #height "," rest
#define CAPS_SMALL CAPS ("I420", 320, 240, "framerate=25/1")
#define FRAME_TIME (GST_SECOND / 25)

/* A network that takes bright squares for faces. */
static inline const gchar *
detector (void)
{
  static gchar *path;

  if (!path) {
    gchar *dir = g_dir_make_tmp ("reid-XXXXXX", NULL);

    path = g_build_filename (dir, "squares.onnx", NULL);
    if (!tiny_yunet (path))
      g_error ("cannot write %s", path);
    g_free (dir);
  }
  return path;
}

__attribute__ ((destructor)) static void
remove_models (void)
{
  gchar *dir = g_path_get_dirname (detector ());

  g_unlink (detector ());
  g_rmdir (dir);
  g_free (dir);
}

/* ---- pictures: bright squares on black, in square pixels of a display */

typedef struct {
  gdouble x, y, side; /* fractions of the display's width, width, width */
} Square;

typedef struct {
  const Square *squares;
  guint n;
  gdouble aspect; /* of the display */
} Picture;

static inline guint32
paint_squares (gint x, gint y, gint w, gint h, gconstpointer data)
{
  const Picture *p = data;
  gdouble px = (x + .5) / w, py = (y + .5) / h / p->aspect;

  for (guint i = 0; i < p->n; i++) {
    const Square *s = &p->squares[i];
    if (px >= s->x && px < s->x + s->side && py >= s->y && py < s->y + s->side)
      return 0xffffff;
  }
  return 0;
}

static const Square two[] = { { .125, .125, .125 }, { .625, .375, .1875 } };

typedef struct {
  GstHarness *h;
  GstVideoInfo info;
  Record out;
  guint64 n;
} Rig;

static inline void
rig_init (Rig *r, const gchar *caps, const gchar *first_property, ...)
{
  GstElement *e =
      g_object_ref_sink (gst_element_factory_make ("reiddetect", NULL));
  va_list args;

  memset (r, 0, sizeof *r);
  g_object_set (e, "model", detector (), "device", "cpu", "inference-size",
                320u, NULL);
  va_start (args, first_property);
  if (first_property)
    g_object_set_valist (G_OBJECT (e), first_property, args);
  va_end (args);
  r->h = gst_harness_new_with_element (e, "sink", "src");
  gst_object_unref (e);
  gst_harness_set_drop_buffers (r->h, TRUE);
  elements_info (caps, &r->info);
  gst_harness_set_src_caps_str (r->h, caps);
  record_init (&r->out, GST_PAD_PEER (r->h->sinkpad));
}

static inline void
rig_free (Rig *r)
{
  record_free (&r->out);
  gst_harness_teardown (r->h);
}

static inline GstBuffer *
rig_frame (Rig *r, const Square *squares, guint n)
{
  GstBuffer *b = gst_buffer_new_allocate (NULL, r->info.size, NULL);
  guint w, h;
  Picture p = { squares, n, 1 };

  w = (guint) GST_VIDEO_INFO_WIDTH (&r->info)
      * (guint) GST_VIDEO_INFO_PAR_N (&r->info);
  h = (guint) GST_VIDEO_INFO_HEIGHT (&r->info)
      * (guint) GST_VIDEO_INFO_PAR_D (&r->info);
  p.aspect = (gdouble) w / h;
  gst_buffer_memset (b, 0, 0, r->info.size);
  elements_paint (b, &r->info, paint_squares, &p);
  GST_BUFFER_PTS (b) = r->n++ * FRAME_TIME;
  GST_BUFFER_DURATION (b) = FRAME_TIME;
  return b;
}

static inline GstFlowReturn
rig_push (Rig *r, guint n)
{
  return gst_harness_push (r->h, rig_frame (r, two, n));
}

static inline void
rig_eos (Rig *r)
{
  gst_harness_push_event (r->h, gst_event_new_eos ());
}

#endif /* REID_TEST_SQUARES_H */
