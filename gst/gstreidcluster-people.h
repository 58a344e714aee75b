/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_CLUSTER_PEOPLE_H__
#define __GST_REID_CLUSTER_PEOPLE_H__

#include <gst/reid/reid.h>

#include "cluster/cluster.h"

G_BEGIN_DECLS

/* How much a chip counts in its track's vector. A face that is bad in every
 * respect still says more than nothing. */
static inline gfloat
gst_reid_chip_weight (const GstReidChip *chip)
{
  return MAX (chip->quality, 1e-3f);
}

/* The tracks of an episode, until they become people. One thread at a time. */
typedef struct _GstReidPeople GstReidPeople;

GstReidPeople *gst_reid_people_new (void);
void gst_reid_people_free (GstReidPeople *people);
/* Which tracks share this frame. */
void gst_reid_people_add_frame (GstReidPeople *people,
                                const GstReidFrameMeta *meta);
/* Do its vectors have these dims and this version? The error tells. */
gboolean gst_reid_check_vectors (const GstReidTracklet *tracklet, guint dims,
                                 const gchar *version, ReidError *error);
/* A final tracklet. FALSE with an error where its vectors do not fit those
 * that came before. */
gboolean gst_reid_people_add_track (GstReidPeople *people,
                                    const GstReidTracklet *tracklet,
                                    ReidError *error);
guint gst_reid_people_n_tracks (const GstReidPeople *people);
/* Those that have a vector. */
guint gst_reid_people_n_vectors (const GstReidPeople *people);
/* The threshold that the first embedded tracklet brought; NAN before. */
gfloat gst_reid_people_threshold (const GstReidPeople *people);

/* Clusters the tracks. Returns the number of identities, -1 on error. */
gint gst_reid_people_cluster (GstReidPeople *people,
                              const ReidClusterParams *params,
                              ReidError *error);
/* track_ids[i] belongs to identities[i]; free both with g_free(). */
guint gst_reid_people_labels (const GstReidPeople *people, guint32 **track_ids,
                              guint32 **identities);
/* A GST_TYPE_LIST of GstStructures, an identity each, as reidcluster's page
 * documents them. */
void gst_reid_people_to_value (const GstReidPeople *people, GValue *list);

G_END_DECLS

#endif /* __GST_REID_CLUSTER_PEOPLE_H__ */
