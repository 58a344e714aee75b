/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reidembed with several networks and with layers. */
#include "embedding.h"

static gchar *
two_models (void)
{
  return g_strconcat (tiny_embedder_path (TINY_EMBED_COLOUR), ", ",
                      tiny_embedder_path (TINY_EMBED_RANDOM), NULL);
}

/* Sends two people in and takes what comes out. */
static void
run_two (Fixture *f, GstReidTracklet **a, GstReidTracklet **b)
{
  gst_harness_set_src_caps_str (f->h, CAPS);
  push_person (f, 1, 1, 2);
  push_person (f, 2, 2, 2);
  gst_harness_push_event (f->h, gst_event_new_eos ());
  WAIT_UNTIL (has_eos (f));
  *a = record_tracklet (&f->record, 0);
  *b = record_tracklet (&f->record, 1);
  REQUIRE (*a && *b && (*a)->embeddings && (*b)->embeddings);
}

static gdouble
dot (const GstReidTracklet *a, const GstReidTracklet *b)
{
  gdouble sum = 0;

  for (guint i = 0; i < a->dims; i++)
    sum += (gdouble) a->embeddings[i] * b->embeddings[i];
  return sum;
}

static gdouble
dot_alone (TinyEmbedKind kind, gchar **version)
{
  GstReidTracklet *a, *b;
  gdouble result;
  Fixture f;

  fixture_open_plain (&f, kind);
  run_two (&f, &a, &b);
  result = dot (a, b);
  CHECK (a->version && strlen (a->version) == 16);
  *version = g_strdup (a->version);
  fixture_close (&f);
  return result;
}

static const gchar *
told (Fixture *f, const gchar *field)
{
  return record_info (&f->record, "reidembed", field);
}

TEST (two_networks_make_one_vector)
{
  gchar *models = two_models (), *versions[2];
  GstReidTracklet *a, *b;
  gdouble wanted = .75 * dot_alone (TINY_EMBED_COLOUR, &versions[0])
                   + .25 * dot_alone (TINY_EMBED_RANDOM, &versions[1]);
  Fixture f;

  fixture_open_blend (&f, models, "3,1", NULL);
  g_object_set (f.h->element, "normalize", FALSE, NULL);
  run_two (&f, &a, &b);
  CHECK_NEAR (dot (a, b), wanted, 1e-6);
  CHECK_NEAR (dot (a, a), 1, 1e-6);
  CHECK (a->dims == 48 + 64 && a->normalized);
  CHECK (g_strcmp0 (a->model, "tiny-colour,tiny-random") == 0);
  CHECK (a->model_sha256 && strlen (a->model_sha256) == 64 + 1 + 64);
  CHECK (g_strcmp0 (a->version, b->version) == 0);
  CHECK (g_strcmp0 (a->version, versions[0]) != 0);
  CHECK (g_strcmp0 (versions[0], versions[1]) != 0);
  CHECK (g_strcmp0 (told (&f, "embedding-version"), a->version) == 0);
  CHECK (g_strcmp0 (told (&f, "model-name"), a->model) == 0);
  CHECK (g_strcmp0 (told (&f, "model-weights"), "0.75,0.25") == 0);
  CHECK (!told (&f, "model-layers"));
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING) == 0);
  fixture_close (&f);
  g_free (versions[0]);
  g_free (versions[1]);
  g_free (models);
}

TEST (layers_take_the_place_of_an_output)
{
  gchar *models = two_models ();
  GstReidTracklet *a, *b;
  Fixture f;

  fixture_open_blend (&f, models, NULL, ";input:4x4:16,embedding");
  run_two (&f, &a, &b);
  CHECK (a->dims == 48 + 16 + 64);
  CHECK_NEAR (dot (a, a), 1, 1e-6);
  CHECK_MSG (g_strcmp0 (told (&f, "model-layers"), ";input:4x4:16,embedding")
                 == 0,
             "%s", told (&f, "model-layers"));
  CHECK (g_strcmp0 (told (&f, "projection"), ";orthonormal rows, seed 1") == 0);
  CHECK (g_strcmp0 (told (&f, "model-weights"), "0.5,0.5") == 0);
  fixture_close (&f);
  g_free (models);
}

TEST (a_pca_goes_downstream_for_the_archive)
{
  gchar *file = scratch ("pca.npy"), *layers, *title;
  static const gchar header[] =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 64), }\n";
  GByteArray *npy = g_byte_array_new ();
  const GstStructure *s = NULL;
  gfloat numbers[3 * 64];
  GstReidTracklet *a, *b;
  Fixture f;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    numbers[i] = (gfloat) (i % 11) - 5;
  g_byte_array_append (npy, (const guint8 *) "\x93NUMPY\1", 8);
  g_byte_array_append (npy, (const guint8[]){ sizeof header - 1, 0 }, 2);
  npy->data[7] = 0;
  g_byte_array_append (npy, (const guint8 *) header, sizeof header - 1);
  g_byte_array_append (npy, (const guint8 *) numbers, sizeof numbers);
  REQUIRE (
      g_file_set_contents (file, (const gchar *) npy->data, npy->len, NULL));
  layers = g_strconcat ("embedding:2:", file, NULL);
  fixture_open_blend (&f, tiny_embedder_path (TINY_EMBED_RANDOM), NULL, layers);
  run_two (&f, &a, &b);
  CHECK (a->dims == 2);
  REQUIRE (g_str_has_prefix (told (&f, "projection"), "PCA "));
  title =
      g_strdup_printf ("reid-projection-%.16s", told (&f, "projection") + 4);
  for (guint i = 0; !s; i++) {
    GstEvent *e = gst_pad_get_sticky_event (
        f.srcpad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, i);
    REQUIRE (e);
    s = gst_event_get_structure (e);
    if (gst_structure_has_name (s, title)) {
      GBytes *bytes =
          g_value_get_boxed (gst_structure_get_value (s, "numbers"));
      guint rows, cols;
      CHECK (gst_structure_get (s, "rows", G_TYPE_UINT, &rows, "cols",
                                G_TYPE_UINT, &cols, NULL)
             && rows == 3 && cols == 64);
      CHECK (
          g_bytes_get_size (bytes) == sizeof numbers
          && !memcmp (g_bytes_get_data (bytes, NULL), numbers, sizeof numbers));
    } else {
      s = NULL;
    }
    gst_event_unref (e);
  }
  fixture_close (&f);
  g_byte_array_unref (npy);
  g_free (title);
  g_free (layers);
  g_free (file);
}

/* What is not as it should be is one error, which says what. */
static void
check_refused (const gchar *models, const gchar *weights, const gchar *layers,
               const gchar *part)
{
  GstElement *e = gst_element_factory_make ("reidembed", NULL);
  GstBus *bus = gst_bus_new ();
  gchar *text;

  g_object_set (e, "model", models, "weights", weights, "layers", layers, NULL);
  gst_element_set_bus (e, bus);
  CHECK (gst_element_set_state (e, GST_STATE_PAUSED)
         == GST_STATE_CHANGE_FAILURE);
  text = next_complaint (bus, GST_MESSAGE_ERROR, NULL, NULL);
  CHECK_HAS (text, part);
  CHECK (!text || !strchr (text, '\n'));
  g_free (text);
  CHECK (count_messages (bus, GST_MESSAGE_ERROR) == 0);
  gst_element_set_state (e, GST_STATE_NULL);
  gst_element_set_bus (e, NULL);
  gst_object_unref (bus);
  gst_object_unref (e);
}

TEST (what_does_not_fit_together_is_told)
{
  const gchar *one = tiny_embedder_path (TINY_EMBED_COLOUR);
  gchar *two = two_models (), *gap = g_strconcat (one, ",,", one, NULL);
  GString *many = g_string_new (one);

  for (guint i = 0; i < 8; i++)
    g_string_append_printf (many, ",%s", one);
  check_refused (two, "1", NULL, "has 1 number for 2 networks");
  check_refused (two, "1,2,3", NULL, "has 3 numbers");
  check_refused (two, "1,0", NULL, "\"0\" is no number above 0");
  check_refused (two, "1,-2", NULL, "above 0");
  check_refused (two, "nan,1", NULL, "above 0");
  check_refused (two, "1,2x", NULL, "\"2x\"");
  check_refused (two, "1,", NULL, "\"\"");
  check_refused (gap, NULL, NULL, "a name is empty");
  check_refused (many->str, NULL, NULL, "9 networks");
  check_refused (two, NULL, "embedding", "is for 1 network, but there are 2");
  check_refused (one, NULL, "embedding;embedding",
                 "is for 2 networks, but "
                 "there is 1");
  check_refused (one, NULL, "embeding", "near to it are");
  check_refused (one, NULL, "embedding:2x2", "1x1");
  check_refused (one, NULL, "embedding:16:/nowhere.npy", "/nowhere.npy");
  g_string_free (many, TRUE);
  g_free (two);
  g_free (gap);
}

/* Names with a comma in them are one file where there is such a file. */
TEST (a_file_may_have_a_comma_in_its_name)
{
  gchar *path = scratch ("tiny,colour.onnx");
  GstReidTracklet *a, *b;
  Fixture f;

  REQUIRE (tiny_embedder (path, TINY_EMBED_COLOUR));
  fixture_open_model (&f, path);
  run_two (&f, &a, &b);
  CHECK (g_strcmp0 (a->model, "tiny,colour") == 0 && a->dims == 48);
  fixture_close (&f);
  g_free (path);
}

/* A network whose .modelinfo tells a threshold (NULL: there is none). */
static gchar *
network_of (const gchar *name, const gchar *threshold)
{
  gchar *file = g_strconcat (name, ".onnx", NULL), *path = scratch (file);
  gchar *info = g_strconcat (name, ".modelinfo", NULL);
  gchar *info_path = scratch (info), *text;

  if (!tiny_embedder (path, TINY_EMBED_COLOUR))
    g_error ("cannot write %s", path);
  text = g_strdup_printf ("[model]\nrole=embedder\n[embedder]\nthreshold=%s\n",
                          threshold);
  if (threshold && !g_file_set_contents (info_path, text, -1, NULL))
    g_error ("cannot write %s", info_path);
  g_free (text);
  g_free (info_path);
  g_free (info);
  g_free (file);
  return path;
}

TEST (the_threshold_is_the_weighted_mean_of_those_that_are_known)
{
  gchar *low = network_of ("low", "0.2"), *high = network_of ("high", "0.6"),
        *none = network_of ("none", NULL);
  const struct {
    const gchar *a, *b, *layers;
    gdouble threshold;
  } cases[] = { { low, high, NULL, .3 },
                { high, none, NULL, .55 }, /* .40 where none is known */
                { low, high, ";embedding", .25 },
                { none, none, NULL, NAN } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gchar *models = g_strconcat (cases[i].a, ",", cases[i].b, NULL);
    GstReidTracklet *a, *b;
    Fixture f;
    fixture_open_blend (&f, models, "3,1", cases[i].layers);
    run_two (&f, &a, &b);
    if (isnan (cases[i].threshold))
      CHECK (isnan (a->threshold));
    else
      CHECK_NEAR (a->threshold, cases[i].threshold, 1e-6);
    fixture_close (&f);
    g_free (models);
  }
  g_free (low);
  g_free (high);
  g_free (none);
}

/* Three maps of 2 GB that live at once. */
static gchar *
write_huge (void)
{
  static const int64_t sizes[][4] = { { 480, 3, 1, 1 }, { 480, 480, 1, 1 } };
  gchar *path = scratch ("huge.onnx");
  TinyOnnx *t = tiny_new (11);

  tiny_input (t, "in", 4, (int64_t[]){ -1, 3, 1024, 1024 });
  tiny_random (t, "w1", 4, sizes[0], 1, -1, 1);
  tiny_random (t, "w2", 4, sizes[1], 2, -1, 1);
  tiny_random (t, "w3", 4, sizes[1], 3, -1, 1);
  tiny_node (t, "Conv", "in,w1", "a");
  tiny_node (t, "Conv", "a,w2", "b");
  tiny_node (t, "Conv", "b,w3", "c");
  tiny_node (t, "Add", "c,a", "d");
  tiny_node (t, "GlobalAveragePool", "d", "out");
  tiny_output (t, "out");
  if (!tiny_write (t, path))
    g_error ("cannot write %s", path);
  tiny_free (t);
  return path;
}

TEST (too_little_memory_leaves_the_first_and_says_so)
{
  gchar *huge = write_huge (), *version, *text,
        *models = g_strconcat (tiny_embedder_path (TINY_EMBED_COLOUR), ",",
                               huge, NULL);
  gdouble wanted = dot_alone (TINY_EMBED_COLOUR, &version);
  GstReidTracklet *a, *b;
  Fixture f;

  fixture_open_blend (&f, models, "1,9", NULL);
  text = next_complaint (f.bus, GST_MESSAGE_WARNING, NULL, NULL);
  CHECK_HAS (text, "Not enough memory for all networks");
  CHECK_HAS (text, "tiny-colour alone");
  CHECK_HAS (text, huge);
  g_free (text);
  run_two (&f, &a, &b);
  CHECK (dot (a, b) == wanted);
  CHECK (g_strcmp0 (a->version, version) == 0);
  CHECK (g_strcmp0 (a->model, "tiny-colour") == 0);
  CHECK (g_strcmp0 (told (&f, "embedding-version"), version) == 0);
  CHECK (!told (&f, "model-weights"));
  CHECK (count_messages (f.bus, GST_MESSAGE_WARNING) == 0);
  fixture_close (&f);
  g_free (models);
  g_free (version);
  g_free (huge);
}

TEST_MAIN ()
