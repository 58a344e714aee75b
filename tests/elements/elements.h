/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_TEST_ELEMENTS_H
#define REID_TEST_ELEMENTS_H

/* What the tests of the elements share: drawn frames, faces put on them by
 * hand, and a record of what left a pad, in its order. */

#include <gst/check/gstharness.h>
#include <gst/reid/reid.h>
#include <gst/video/video.h>

#include "test.h"

/* Wrong calls of GStreamer or GLib, ours or its own, are failures. */
__attribute__ ((constructor)) static void
elements_init (void)
{
  gst_init (NULL, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR);
}

/* ---- frames */

static inline guint32
elements_hash (guint32 a, guint32 b, guint32 c)
{
  guint32 x = a * 0x9e3779b1u ^ b * 0x85ebca77u ^ c * 0xc2b2ae3du;

  x ^= x >> 15;
  x *= 0x2c1b3c6du;
  x ^= x >> 12;
  x *= 0x297a2d39u;
  return x ^ x >> 15;
}

/* Writes the colour (0xRRGGBB) of each pixel in whatever format. */
typedef guint32 (*ElementsPaint) (gint x, gint y, gint w, gint h,
                                  gconstpointer data);

static inline void
elements_paint (GstBuffer *buffer, const GstVideoInfo *info,
                ElementsPaint paint, gconstpointer data)
{
  gint w = GST_VIDEO_INFO_WIDTH (info), h = GST_VIDEO_INFO_HEIGHT (info);
  const GstVideoFormatInfo *f = info->finfo;
  const GstVideoFormatInfo *unpacked =
      gst_video_format_get_info (f->unpack_format);
  gboolean deep = GST_VIDEO_FORMAT_INFO_BITS (unpacked) > 8;
  gboolean yuv = GST_VIDEO_FORMAT_INFO_IS_YUV (unpacked);
  guint16 *line = g_new (guint16, (gsize) (w + 16) * 4);
  GstVideoFrame frame;

  if (!gst_video_frame_map (&frame, info, buffer, GST_MAP_WRITE))
    g_error ("cannot map a frame that the test made");
  for (gint y = 0; y < h; y++) {
    for (gint x = 0; x < w + 16; x++) {
      guint32 c = paint (MIN (x, w - 1), y, w, h, data);
      gdouble r = c >> 16 & 255, g = c >> 8 & 255, b = c & 255;
      guint8 pixel[4] = { 255, (guint8) r, (guint8) g, (guint8) b };

      /* BT.601, limited range: what caps that say nothing mean */
      if (yuv) {
        pixel[1] = (guint8) (16.5 + .25679 * r + .50413 * g + .09791 * b);
        pixel[2] = (guint8) (128.5 - .14822 * r - .29099 * g + .43922 * b);
        pixel[3] = (guint8) (128.5 + .43922 * r - .36779 * g - .07143 * b);
      }
      for (gint i = 0; i < 4; i++)
        if (deep)
          line[4 * x + i] = (guint16) (pixel[i] << 8);
        else
          ((guint8 *) line)[4 * x + i] = pixel[i];
    }
    f->pack_func (f, GST_VIDEO_PACK_FLAG_NONE, line, 0, frame.data,
                  frame.info.stride, info->chroma_site, y, w);
  }
  gst_video_frame_unmap (&frame);
  g_free (line);
}

/* Coloured blocks; every scene has its own. */
static inline guint32
elements_paint_scene (gint x, gint y, gint w, gint h, gconstpointer data)
{
  const guint32 (*blocks)[16] = data;

  return blocks[(gint64) y * 12 / h][(gint64) x * 16 / w];
}

static inline void
elements_draw (GstBuffer *buffer, const GstVideoInfo *info, guint scene)
{
  guint32 blocks[12][16];

  for (guint y = 0; y < 12; y++)
    for (guint x = 0; x < 16; x++)
      blocks[y][x] = elements_hash (scene, x, y);
  elements_paint (buffer, info, elements_paint_scene, blocks);
}

static inline void
elements_info (const gchar *caps, GstVideoInfo *info)
{
  GstCaps *c = gst_caps_from_string (caps);

  if (!c || !gst_video_info_from_caps (info, c))
    g_error ("bad caps in a test: %s", caps);
  gst_caps_unref (c);
}

static inline GstBuffer *
elements_frame (const GstVideoInfo *info, guint scene, GstClockTime pts,
                GstClockTime duration)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, info->size, NULL);

  gst_buffer_memset (buffer, 0, 0, info->size);
  elements_draw (buffer, info, scene);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = duration;
  return buffer;
}

static inline GstReidFace
elements_face (gdouble left, gdouble top, gdouble width, gdouble height)
{
  GstReidFace face = { 0 };
  static const gfloat at[10] = { .3f, .4f,  .7f, .4f,  .5f,
                                 .6f, .35f, .8f, .65f, .8f };

  face.left = (gfloat) left;
  face.top = (gfloat) top;
  face.width = (gfloat) width;
  face.height = (gfloat) height;
  face.score = .9f;
  face.has_landmarks = TRUE;
  for (gint i = 0; i < 10; i += 2) {
    face.landmarks[i] = face.left + at[i] * face.width;
    face.landmarks[i + 1] = face.top + at[i + 1] * face.height;
  }
  return face;
}

static inline GstReidFrameMeta *
elements_add_meta (GstBuffer *buffer, guint64 frame, GstReidFrameState state,
                   const GstReidFace *faces, guint n)
{
  GstReidFrameMeta *meta = gst_buffer_add_reid_frame_meta (buffer);

  meta->state = state;
  meta->frame = frame;
  meta->stream_time = GST_BUFFER_PTS (buffer);
  meta->duration = GST_BUFFER_DURATION (buffer);
  gst_reid_frame_meta_set_faces (meta, faces, n);
  return meta;
}

/* ---- what left a pad, in its order */

typedef struct {
  GstBuffer *buffer;
  GstEvent *event;
} Output;

typedef struct {
  GMutex lock;
  GCond changed;
  GArray *all; /* Output */
  GstPad *pad;
  gulong probe;
} Record;

static inline void
record_clear_one (gpointer data)
{
  Output *o = data;

  gst_clear_buffer (&o->buffer);
  gst_clear_event (&o->event);
}

static inline GstPadProbeReturn
record_probe (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Record *r = data;
  Output o = { 0 };

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER)
    o.buffer = gst_buffer_ref (GST_PAD_PROBE_INFO_BUFFER (info));
  else
    o.event = gst_event_ref (GST_PAD_PROBE_INFO_EVENT (info));
  g_mutex_lock (&r->lock);
  g_array_append_val (r->all, o);
  g_cond_broadcast (&r->changed);
  g_mutex_unlock (&r->lock);
  return GST_PAD_PROBE_OK;
}

static inline void
record_init (Record *r, GstPad *pad)
{
  g_mutex_init (&r->lock);
  g_cond_init (&r->changed);
  r->all = g_array_new (FALSE, TRUE, sizeof (Output));
  g_array_set_clear_func (r->all, record_clear_one);
  r->pad = gst_object_ref (pad);
  r->probe = gst_pad_add_probe (pad,
                                GST_PAD_PROBE_TYPE_BUFFER
                                    | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM
                                    | GST_PAD_PROBE_TYPE_EVENT_FLUSH,
                                record_probe, r, NULL);
}

static inline void
record_free (Record *r)
{
  gst_pad_remove_probe (r->pad, r->probe);
  gst_object_unref (r->pad);
  g_array_free (r->all, TRUE);
  g_mutex_clear (&r->lock);
  g_cond_clear (&r->changed);
}

static inline guint
record_length (Record *r)
{
  guint n;

  g_mutex_lock (&r->lock);
  n = r->all->len;
  g_mutex_unlock (&r->lock);
  return n;
}

static inline Output *
record_at (Record *r, guint i)
{
  return &g_array_index (r->all, Output, i);
}

/* The n-th buffer or NULL. */
static inline GstBuffer *
record_buffer (Record *r, guint n)
{
  for (guint i = 0; i < r->all->len; i++)
    if (record_at (r, i)->buffer && n-- == 0)
      return record_at (r, i)->buffer;
  return NULL;
}

static inline guint
record_buffers (Record *r)
{
  guint n = 0;

  while (record_buffer (r, n))
    n++;
  return n;
}

/* Until n buffers have left, in whatever thread. FALSE when they do not. */
static inline gboolean
record_wait (Record *r, guint n)
{
  gint64 end = g_get_monotonic_time () + G_TIME_SPAN_MINUTE;
  gboolean left = TRUE;

  g_mutex_lock (&r->lock);
  while (left && record_buffers (r) < n)
    left = g_cond_wait_until (&r->changed, &r->lock, end);
  g_mutex_unlock (&r->lock);
  return left;
}

static inline GstReidFrameMeta *
record_meta (Record *r, guint n)
{
  GstBuffer *buffer = record_buffer (r, n);

  return buffer ? gst_buffer_get_reid_frame_meta (buffer) : NULL;
}

static inline GstReidTracklet *
record_tracklet (Record *r, guint n)
{
  for (guint i = 0; i < r->all->len; i++) {
    GstEvent *event = record_at (r, i)->event;
    GstReidTracklet *t = event ? gst_event_get_reid_tracklet (event) : NULL;
    if (t && n-- == 0)
      return t;
  }
  return NULL;
}

static inline guint
record_tracklets (Record *r)
{
  guint n = 0;

  while (record_tracklet (r, n))
    n++;
  return n;
}

/* One letter for each output: B buffer, T tracklet, S segment, C caps, G gap,
 * E EOS, i info, s stats, t tag, f/F flush start/stop, - any other event. */
static inline gchar *
record_string (Record *r)
{
  GString *s = g_string_new (NULL);

  g_mutex_lock (&r->lock);
  for (guint i = 0; i < r->all->len; i++) {
    GstEvent *event = record_at (r, i)->event;
    const GstStructure *st = event ? gst_event_get_structure (event) : NULL;
    gchar c = '-';

    if (!event)
      c = 'B';
    else if (gst_event_get_reid_tracklet (event))
      c = 'T';
    else if (st && g_str_has_prefix (gst_structure_get_name (st), "reid-info"))
      c = 'i';
    else if (st && gst_structure_has_name (st, "reid-stats"))
      c = 's';
    else
      switch (GST_EVENT_TYPE (event)) {
        case GST_EVENT_SEGMENT:
          c = 'S';
          break;
        case GST_EVENT_CAPS:
          c = 'C';
          break;
        case GST_EVENT_GAP:
          c = 'G';
          break;
        case GST_EVENT_EOS:
          c = 'E';
          break;
        case GST_EVENT_TAG:
          c = 't';
          break;
        case GST_EVENT_FLUSH_START:
          c = 'f';
          break;
        case GST_EVENT_FLUSH_STOP:
          c = 'F';
          break;
        default:
          break;
      }
    g_string_append_c (s, c);
  }
  g_mutex_unlock (&r->lock);
  return g_string_free (s, FALSE);
}

/* Forgets what was recorded until now. */
static inline void
record_clear (Record *r)
{
  g_mutex_lock (&r->lock);
  g_array_set_size (r->all, 0);
  g_mutex_unlock (&r->lock);
}

#define CHECK_RECORD(record, expected)                                         \
  do {                                                                         \
    gchar *record_s = record_string (record);                                  \
    CHECK_MSG (g_str_equal (record_s, expected), "%s instead of %s", record_s, \
               expected);                                                      \
    g_free (record_s);                                                         \
  } while (0)

/* What the last reid-info of that element says; NULL: nothing. It belongs to
 * the record. */
static inline const gchar *
record_info (Record *r, const gchar *factory, const gchar *field)
{
  gchar *name = g_strconcat ("reid-info-", factory, NULL);
  const gchar *text = NULL;

  g_mutex_lock (&r->lock);
  for (guint i = 0; i < r->all->len; i++) {
    GstEvent *event = record_at (r, i)->event;
    const GstStructure *s = event ? gst_event_get_structure (event) : NULL;
    if (s && gst_structure_has_name (s, name))
      text = gst_structure_get_string (s, field);
  }
  g_mutex_unlock (&r->lock);
  g_free (name);
  return text;
}

/* ---- messages */

/* The next message of the types, or NULL after `ms`. */
static inline GstMessage *
next_message (GstBus *bus, GstMessageType types, guint ms)
{
  return gst_bus_timed_pop_filtered (bus, ms * GST_MSECOND, types);
}

/* The next element message of that name, or NULL after `ms`. */
static inline GstMessage *
next_element_message (GstBus *bus, const gchar *name, guint ms)
{
  GstMessage *m;

  while ((m = next_message (bus, GST_MESSAGE_ELEMENT, ms))) {
    if (gst_message_has_name (m, name))
      return m;
    gst_message_unref (m);
  }
  return NULL;
}

/* How many messages of the types wait; they are dropped. */
static inline guint
count_messages (GstBus *bus, GstMessageType types)
{
  GstMessage *m;
  guint n = 0;

  while ((m = gst_bus_pop_filtered (bus, types))) {
    n++;
    gst_message_unref (m);
  }
  return n;
}

/* The text of the next error or warning, "" where there is none. Free it. */
static inline gchar *
next_complaint (GstBus *bus, GstMessageType type, GQuark *domain, gint *code)
{
  GstMessage *m = gst_bus_pop_filtered (bus, type);
  GError *error = NULL;
  gchar *text;

  if (!m)
    return g_strdup ("");
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error (m, &error, NULL);
  else
    gst_message_parse_warning (m, &error, NULL);
  if (domain)
    *domain = error->domain;
  if (code)
    *code = error->code;
  text = g_strdup (error->message);
  g_error_free (error);
  gst_message_unref (m);
  return text;
}

#define CHECK_HAS(text, part)                                                  \
  CHECK_MSG (text &&strstr (text, part), "\"%s\" is not in \"%s\"", part,      \
             text ? text : "")

/* Pixels that the process counts as held, without holding them. */
static inline GstReidChip *
elements_fill_budget (void)
{
  GstReidChip chip = { 0 };

  chip.width = chip.height = 8192;
  chip.rgb = malloc (1);
  return gst_reid_chip_new_take (&chip);
}

#endif /* REID_TEST_ELEMENTS_H */
