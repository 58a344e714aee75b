/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reiddetect on several frames at a time behind a live source that stalls: what
 * waits leaves when its time is up, by a clock that stands until it is set. */
#include "scenes.h"

#include <gst/check/gsttestclock.h>

#define UPSTREAM (10 * GST_MSECOND)
#define SLACK (FRAME_TIME / 2)
#define DELAY (3 * FRAME_TIME + SLACK) /* of four at a time */

typedef struct {
  Rig r;
  GstTestClock *clock;
} Stall;

static void
stall_init (Stall *s, guint batch)
{
  rig_init (&s->r, CAPS_SMALL, "batch-size", batch, NULL);
  gst_harness_set_upstream_latency (s->r.h, UPSTREAM);
  s->clock = gst_harness_get_testclock (s->r.h);
}

static void
stall_free (Stall *s)
{
  gst_object_unref (s->clock);
  rig_free (&s->r);
}

static GstElement *
element (Stall *s)
{
  return s->r.h->element;
}

/* The time for which the element waits; NONE when it waits for none. */
static GstClockTime
awaited (GstTestClock *clock)
{
  GstClockTime time = GST_CLOCK_TIME_NONE;
  GList *ids = NULL;

  if (gst_test_clock_timed_wait_for_multiple_pending_ids (clock, 1, 60000,
                                                          &ids))
    time = gst_clock_id_get_time (ids->data);
  g_list_free_full (ids, gst_clock_id_unref);
  return time;
}

/* Lets whoever waits until then go on; FALSE when nobody does. */
static gboolean
set_time (GstTestClock *clock, GstClockTime time)
{
  GstClockID id;

  gst_test_clock_set_time (clock, time);
  id = gst_test_clock_process_next_clock_id (clock);
  if (!id)
    return FALSE;
  gst_clock_id_unref (id);
  return TRUE;
}

/* Until nobody sends anything. */
static void
settle (Stall *s)
{
  GstPad *pad = GST_PAD_PEER (s->r.h->srcpad);

  GST_PAD_STREAM_LOCK (pad);
  GST_PAD_STREAM_UNLOCK (pad);
}

static void
push_tag (Stall *s)
{
  gst_harness_push_event (
      s->r.h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE, "a", NULL)));
}

static void
push_segment (Stall *s)
{
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (s->r.h, gst_event_new_segment (&segment));
}

/* What leaves without batches: `n` frames, and a tag before the third. */
static gchar *
one_by_one (guint n)
{
  gchar *all;
  Stall s;

  stall_init (&s, 1);
  push_scenes (&s.r, 2);
  push_tag (&s);
  push_scenes (&s.r, n - 2);
  rig_eos (&s.r);
  all = outputs (&s.r);
  stall_free (&s);
  return all;
}

/* ---- time */

TEST (what_waits_leaves_when_its_time_is_up)
{
  gchar *right = one_by_one (9), *got;
  Stall s;

  stall_init (&s, 4);
  push_scenes (&s.r, 2);
  push_tag (&s);
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  CHECK (!set_time (s.clock, UPSTREAM + DELAY - 1));
  CHECK (record_buffers (&s.r.out) == 0);
  CHECK (set_time (s.clock, UPSTREAM + DELAY));
  CHECK (record_wait (&s.r.out, 3));
  /* what is full waits for nothing more */
  push_scenes (&s.r, 4);
  CHECK (record_buffers (&s.r.out) == 7);
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == 7 * FRAME_TIME + UPSTREAM + DELAY);
  CHECK (set_time (s.clock, GST_SECOND));
  CHECK (record_wait (&s.r.out, 8));
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == GST_SECOND + SLACK);
  rig_eos (&s.r);
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  got = outputs (&s.r);
  CHECK_MSG (g_str_equal (got, right), "%s\n%s", got, right);
  g_free (got);
  g_free (right);
  stall_free (&s);
}

/* A machine that is behind must not lose its batches: what is late may wait for
 * what comes at once. */
TEST (late_frames_still_make_batches)
{
  Stall s;

  stall_init (&s, 4);
  gst_test_clock_set_time (s.clock, 10 * GST_SECOND);
  push_scenes (&s.r, 3);
  CHECK (awaited (s.clock) == 10 * GST_SECOND + SLACK);
  CHECK (record_buffers (&s.r.out) == 0);
  push_scenes (&s.r, 1);
  CHECK (record_buffers (&s.r.out) == 4);
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == 10 * GST_SECOND + SLACK);
  CHECK (set_time (s.clock, 10 * GST_SECOND + SLACK));
  CHECK (record_wait (&s.r.out, 5));
  stall_free (&s);
}

TEST (frames_without_time_count_from_when_they_came)
{
  GstBuffer *b;
  Stall s;

  stall_init (&s, 4);
  gst_test_clock_set_time (s.clock, GST_SECOND);
  b = scene (&s.r, 1);
  GST_BUFFER_PTS (b) = GST_CLOCK_TIME_NONE;
  gst_harness_push (s.r.h, b);
  CHECK (awaited (s.clock) == GST_SECOND + DELAY);
  CHECK (set_time (s.clock, GST_SECOND + DELAY));
  CHECK (record_wait (&s.r.out, 1));
  stall_free (&s);
}

TEST (frames_between_those_to_be_detected_count)
{
  Stall s;

  stall_init (&s, 2);
  g_object_set (element (&s), "inference-interval", 5u, NULL);
  push_scenes (&s.r, 3);
  CHECK (awaited (s.clock) == UPSTREAM + 5 * FRAME_TIME + SLACK);
  CHECK (set_time (s.clock, GST_SECOND));
  CHECK (record_wait (&s.r.out, 3));
  settle (&s);
  for (guint i = 0; i < 3; i++)
    CHECK (record_meta (&s.r.out, i)->state
           == (i ? GST_REID_FRAME_SKIPPED : GST_REID_FRAME_DETECTED));
  /* the next two begin no run, and wait for nobody */
  push_scenes (&s.r, 2);
  CHECK (record_buffers (&s.r.out) == 5);
  push_scenes (&s.r, 5);
  CHECK (record_buffers (&s.r.out) == 5);
  push_scenes (&s.r, 1);
  CHECK (record_buffers (&s.r.out) == 11);
  stall_free (&s);
}

TEST (upstream_may_change_its_latency)
{
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min;
  gboolean live;
  Stall s;

  stall_init (&s, 4);
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  gst_harness_set_upstream_latency (s.r.h, 5 * UPSTREAM);
  CHECK (gst_pad_peer_query (s.r.h->sinkpad, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  CHECK (live && min == 5 * UPSTREAM + DELAY);
  CHECK (awaited (s.clock) == min);
  gst_query_unref (query);
  stall_free (&s);
}

/* ---- sources that are not live */

typedef enum { SILENT, NOT_LIVE, LIVE } Source;

static Source source;

static gboolean
answer (GstPad *pad, GstObject *parent, GstQuery *query)
{
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  gst_query_set_latency (query, source == LIVE, UPSTREAM, GST_CLOCK_TIME_NONE);
  return source != SILENT;
}

static guint
threads (void)
{
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

TEST (other_sources_may_take_their_time)
{
  for (guint live = 0; live < 2; live++) {
    GstQuery *query = gst_query_new_latency ();
    GstClockTime min;
    guint before;
    Stall s;

    stall_init (&s, 4);
    gst_pad_set_query_function (s.r.h->srcpad, answer);
    /* one of which nothing is known, for the network to begin its threads */
    source = SILENT;
    push_scenes (&s.r, 4);
    CHECK (record_buffers (&s.r.out) == 4);
    before = threads ();
    source = live ? LIVE : NOT_LIVE;
    push_scenes (&s.r, 3);
    CHECK_MSG (threads () == before + live, "%u after %u", threads (), before);
    CHECK (gst_pad_peer_query (s.r.h->sinkpad, query));
    gst_query_parse_latency (query, NULL, &min, NULL);
    CHECK (min == UPSTREAM + DELAY - (live ? 0 : SLACK));
    gst_query_unref (query);
    if (live)
      CHECK (awaited (s.clock) == 4 * FRAME_TIME + UPSTREAM + DELAY);
    else
      CHECK (!set_time (s.clock, 10 * GST_SECOND));
    CHECK (record_buffers (&s.r.out) == 4);
    push_scenes (&s.r, 1);
    CHECK (record_buffers (&s.r.out) == 8);
    stall_free (&s);
  }
}

/* ---- flushes, states and the end */

TEST (a_flush_ends_the_wait)
{
  Stall s;

  stall_init (&s, 4);
  push_scenes (&s.r, 3);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  gst_harness_push_event (s.r.h, gst_event_new_flush_start ());
  gst_harness_push_event (s.r.h, gst_event_new_flush_stop (TRUE));
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  push_segment (&s);
  s.r.n = 0;
  push_scenes (&s.r, 2);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  CHECK (set_time (s.clock, UPSTREAM + DELAY));
  CHECK (record_wait (&s.r.out, 2));
  settle (&s);
  CHECK (record_meta (&s.r.out, 0)->frame == 3);
  stall_free (&s);
}

/* Time that comes between the two halves of a flush finds nothing to send. */
TEST (time_is_up_within_a_flush)
{
  Stall s;

  stall_init (&s, 4);
  push_scenes (&s.r, 3);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  gst_harness_push_event (s.r.h, gst_event_new_flush_start ());
  CHECK (set_time (s.clock, UPSTREAM + DELAY));
  gst_harness_push_event (s.r.h, gst_event_new_flush_stop (TRUE));
  push_segment (&s);
  CHECK (push_scenes (&s.r, 4) == GST_FLOW_OK);
  CHECK (record_buffers (&s.r.out) == 4);
  CHECK (record_meta (&s.r.out, 0)->frame == 3);
  stall_free (&s);
}

TEST (no_time_passes_in_paused)
{
  GstTestClock *other = GST_TEST_CLOCK (gst_test_clock_new ());
  GstBuffer *b;
  Stall s;

  stall_init (&s, 4);
  push_scenes (&s.r, 1);
  CHECK (awaited (s.clock) == UPSTREAM + DELAY);
  gst_element_set_state (element (&s), GST_STATE_PAUSED);
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  CHECK (!set_time (s.clock, 10 * GST_SECOND));
  push_scenes (&s.r, 1);
  gst_element_set_base_time (element (&s), 10 * GST_SECOND);
  gst_element_set_state (element (&s), GST_STATE_PLAYING);
  CHECK (awaited (s.clock) == 10 * GST_SECOND + UPSTREAM + DELAY);

  /* nor does it matter by which clock it goes on */
  gst_element_set_state (element (&s), GST_STATE_PAUSED);
  gst_test_clock_set_time (other, 3 * GST_SECOND);
  gst_element_set_clock (element (&s), GST_CLOCK (other));
  gst_element_set_base_time (element (&s), 3 * GST_SECOND);
  gst_element_set_state (element (&s), GST_STATE_PLAYING);
  CHECK (awaited (other) == 3 * GST_SECOND + UPSTREAM + DELAY);
  CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
  CHECK (record_buffers (&s.r.out) == 0);
  CHECK (set_time (other, 4 * GST_SECOND));
  CHECK (record_wait (&s.r.out, 2));

  /* what comes in PAUSED, came when time went on */
  gst_element_set_state (element (&s), GST_STATE_PAUSED);
  b = scene (&s.r, 1);
  GST_BUFFER_PTS (b) = GST_CLOCK_TIME_NONE;
  gst_harness_push (s.r.h, b);
  gst_test_clock_set_time (other, 5 * GST_SECOND);
  gst_element_set_state (element (&s), GST_STATE_PLAYING);
  CHECK (awaited (other) == 5 * GST_SECOND + DELAY);
  CHECK (set_time (other, 6 * GST_SECOND));
  CHECK (record_wait (&s.r.out, 3));
  stall_free (&s);
  gst_object_unref (other);
}

TEST (down_and_up_while_frames_wait)
{
  static const GstState states[] = { GST_STATE_READY, GST_STATE_NULL };

  for (guint i = 0; i < G_N_ELEMENTS (states); i++) {
    Stall s;

    stall_init (&s, 4);
    push_scenes (&s.r, 3);
    CHECK (awaited (s.clock) == UPSTREAM + DELAY);
    gst_element_set_state (element (&s), states[i]);
    CHECK (gst_test_clock_peek_id_count (s.clock) == 0);
    gst_element_set_state (element (&s), GST_STATE_PLAYING);
    gst_harness_push_event (s.r.h, gst_event_new_stream_start ("again"));
    gst_harness_set_src_caps_str (s.r.h, CAPS_SMALL);
    s.r.n = 0;
    push_scenes (&s.r, 2);
    CHECK (awaited (s.clock) == UPSTREAM + DELAY);
    CHECK (set_time (s.clock, UPSTREAM + DELAY));
    CHECK (record_wait (&s.r.out, 2));
    settle (&s);
    CHECK (record_meta (&s.r.out, 0)->frame == 0);
    stall_free (&s);
  }
}

/* ---- where downstream takes nothing */

typedef struct {
  GMutex lock;
  GCond changed;
  gboolean reached;
} Wall;

static GstPadProbeReturn
stand (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Wall *wall = data;

  g_mutex_lock (&wall->lock);
  wall->reached = TRUE;
  g_cond_signal (&wall->changed);
  g_mutex_unlock (&wall->lock);
  return GST_PAD_PROBE_OK;
}

TEST (a_blocked_pad_holds_nobody_up)
{
  for (guint flush = 0; flush < 2; flush++) {
    Wall wall = { 0 };
    gulong probe;
    Stall s;

    g_mutex_init (&wall.lock);
    g_cond_init (&wall.changed);
    stall_init (&s, 4);
    probe =
        gst_pad_add_probe (GST_PAD_PEER (s.r.h->sinkpad),
                           GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER,
                           stand, &wall, NULL);
    push_scenes (&s.r, 3);
    CHECK (awaited (s.clock) == UPSTREAM + DELAY);
    CHECK (set_time (s.clock, UPSTREAM + DELAY));
    g_mutex_lock (&wall.lock);
    while (!wall.reached)
      g_cond_wait (&wall.changed, &wall.lock);
    g_mutex_unlock (&wall.lock);
    if (flush) {
      gst_harness_push_event (s.r.h, gst_event_new_flush_start ());
      gst_pad_remove_probe (GST_PAD_PEER (s.r.h->sinkpad), probe);
      gst_harness_push_event (s.r.h, gst_event_new_flush_stop (TRUE));
      push_segment (&s);
      /* which takes with it what became of the others */
      CHECK (push_scenes (&s.r, 4) == GST_FLOW_OK);
    } else {
      CHECK (gst_element_set_state (element (&s), GST_STATE_NULL)
             == GST_STATE_CHANGE_SUCCESS);
    }
    stall_free (&s);
    g_mutex_clear (&wall.lock);
    g_cond_clear (&wall.changed);
  }
}

/* What the thread is told reaches the next frame, once. */
TEST (upstream_hears_of_a_refusal)
{
  static const GstFlowReturn all[] = { GST_FLOW_EOS, GST_FLOW_NOT_LINKED,
                                       GST_FLOW_ERROR, GST_FLOW_FLUSHING };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    Refusal refusal = { 1, all[i] };
    Stall s;

    stall_init (&s, 4);
    gst_pad_add_probe (GST_PAD_PEER (s.r.h->sinkpad), GST_PAD_PROBE_TYPE_BUFFER,
                       refuse, &refusal, NULL);
    push_scenes (&s.r, 3);
    CHECK (awaited (s.clock) == UPSTREAM + DELAY);
    CHECK (set_time (s.clock, UPSTREAM + DELAY));
    CHECK (record_wait (&s.r.out, 2));
    settle (&s);
    CHECK (push_scenes (&s.r, 1) == all[i]);
    CHECK (record_buffers (&s.r.out) == 2);
    refusal.left = 4;
    CHECK (push_scenes (&s.r, 4) == GST_FLOW_OK);
    CHECK (record_buffers (&s.r.out) == 6);
    stall_free (&s);
  }
}

static guint
errors (GstBus *bus)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR))) {
    gst_message_unref (message);
    n++;
  }
  return n;
}

/* Of which an EOS in place of the next frame must tell. */
TEST (a_refusal_before_eos_is_an_error)
{
  static const struct {
    GstFlowReturn flow;
    guint errors;
  } all[] = { { GST_FLOW_EOS, 0 },
              { GST_FLOW_NOT_LINKED, 1 },
              { GST_FLOW_ERROR, 1 } };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++) {
    Refusal refusal = { 0, all[i].flow };
    GstBus *bus = gst_bus_new ();
    Stall s;

    stall_init (&s, 4);
    gst_element_set_bus (element (&s), bus);
    gst_pad_add_probe (GST_PAD_PEER (s.r.h->sinkpad), GST_PAD_PROBE_TYPE_BUFFER,
                       refuse, &refusal, NULL);
    push_scenes (&s.r, 3);
    CHECK (awaited (s.clock) == UPSTREAM + DELAY);
    CHECK (set_time (s.clock, UPSTREAM + DELAY));
    CHECK (record_wait (&s.r.out, 1));
    rig_eos (&s.r);
    CHECK (errors (bus) == all[i].errors);
    CHECK_RECORD (&s.r.out, "iBsE");
    gst_element_set_bus (element (&s), NULL);
    gst_object_unref (bus);
    stall_free (&s);
  }
}

TEST (ten_bad_frames_end_the_stream)
{
  GstBus *bus = gst_bus_new ();
  Stall s;

  stall_init (&s, 16);
  gst_element_set_bus (element (&s), bus);
  for (guint i = 0; i < 12; i++) {
    GstBuffer *b = scene (&s.r, i);

    gst_buffer_set_size (b, 1000);
    CHECK (gst_harness_push (s.r.h, b) == GST_FLOW_OK);
  }
  CHECK (awaited (s.clock) == UPSTREAM + 15 * FRAME_TIME + SLACK);
  CHECK (set_time (s.clock, GST_SECOND));
  CHECK (record_wait (&s.r.out, 9));
  settle (&s);
  CHECK (errors (bus) == 1);
  CHECK (push_scenes (&s.r, 1) == GST_FLOW_ERROR);
  rig_eos (&s.r);
  CHECK (errors (bus) == 0);
  gst_element_set_bus (element (&s), NULL);
  gst_object_unref (bus);
  stall_free (&s);
}

/* ---- at any moment */

typedef struct {
  GstTestClock *clock;
  gint stop;
} Hand;

/* Lets every wait end as soon as it is seen. */
static gpointer
turn (gpointer data)
{
  Hand *hand = data;

  while (!g_atomic_int_get (&hand->stop)) {
    GList *ids = NULL;

    if (gst_test_clock_timed_wait_for_multiple_pending_ids (hand->clock, 1, 10,
                                                            &ids)) {
      GstClockTime time = gst_clock_id_get_time (ids->data);

      set_time (hand->clock,
                MAX (time, gst_clock_get_time (GST_CLOCK (hand->clock))));
    }
    g_list_free_full (ids, gst_clock_id_unref);
  }
  return NULL;
}

TEST (whenever_it_comes_the_same_leaves)
{
  gchar *right = one_by_one (50), *got;

  for (guint batch = 3; batch <= 8; batch += 5) {
    Hand hand = { 0 };
    GThread *thread;
    Stall s;

    stall_init (&s, batch);
    hand.clock = s.clock;
    thread = g_thread_new ("hand", turn, &hand);
    push_scenes (&s.r, 2);
    push_tag (&s);
    for (guint i = 2; i < 50; i++) {
      CHECK (push_scenes (&s.r, 1) == GST_FLOW_OK);
      for (guint k = elements_hash (i, batch, 0) % 8; k > 0; k--)
        g_thread_yield ();
    }
    rig_eos (&s.r);
    g_atomic_int_set (&hand.stop, 1);
    g_thread_join (thread);
    got = outputs (&s.r);
    CHECK_MSG (g_str_equal (got, right), "batch-size %u:\n%s\n%s", batch, got,
               right);
    g_free (got);
    stall_free (&s);
  }
  g_free (right);
}

TEST_MAIN ()
