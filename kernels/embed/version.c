/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed/network.h"

#include <stdio.h>
#include <string.h>

/* A change of what is written here, or of how vectors are made of it, takes
 * another number. */
#define FORMAT "gst-reid embedding 1"

static void
add_text (ReidSha256 *sum, const char *text)
{
  reid_sha256_update (sum, text, strlen (text) + 1);
}

static void
add_int (ReidSha256 *sum, int64_t n)
{
  char text[32];

  snprintf (text, sizeof text, "%lld", (long long) n);
  add_text (sum, text);
}

/* Its bits: they depend on no locale and on no C library's rounding. */
static void
add_float (ReidSha256 *sum, float f)
{
  uint32_t bits;
  char text[16];

  f = f == 0 ? 0 : f; /* not -0 */
  memcpy (&bits, &f, sizeof bits);
  snprintf (text, sizeof text, "%08x", (unsigned) bits);
  add_text (sum, text);
}

static void
add_layers (ReidSha256 *sum, const ReidNetwork *network)
{
  const ReidLayers *layers = network->layers;

  for (int i = 0; i < layers->n; i++) {
    const ReidLayer *l = &layers->layer[i];
    add_text (sum, "layer");
    add_text (sum, reid_session_output (network->session, i)->name);
    add_int (sum, l->grid[0]);
    add_int (sum, l->grid[1]);
    add_int (sum, l->width);
    if (l->file)
      add_text (sum, l->by->sha256);
    else if (l->by)
      add_int (sum, REID_PROJECTION_SEED);
  }
}

void
reid_networks_version (const ReidNetwork *networks, int n,
                       char text[REID_VERSION_TEXT])
{
  char whole[REID_SHA256_TEXT];
  ReidSha256 sum;

  reid_sha256_init (&sum);
  add_text (&sum, FORMAT);
  for (int i = 0; i < n; i++) {
    const ReidNetwork *network = &networks[i];
    const ReidTensorParams *p = &network->params;
    add_text (&sum, "network");
    add_text (&sum, network->sha256);
    add_float (&sum, (float) network->weight);
    add_int (&sum, p->width);
    add_int (&sum, p->height);
    add_int (&sum, p->channels);
    for (int c = 0; c < network->channels; c++) {
      add_float (&sum, p->mean[c]);
      add_float (&sum, p->scale[c]);
    }
    for (int k = 0; k < 10; k++)
      add_float (&sum, (float) network->landmarks[k]);
    if (network->layers)
      add_layers (&sum, network);
  }
  reid_sha256_end (&sum, whole);
  snprintf (text, REID_VERSION_TEXT, "%.16s", whole);
}
