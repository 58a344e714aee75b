/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PEOPLE 1000000
#define MAX_PER_PERSON 256
#define MAX_DIMS 65536

/* A vector of quality 0 still says something when it is the only one. */
#define LEAST_WEIGHT 0.05f

typedef struct {
  int64_t time;
  float quality;
} Moment;

typedef struct {
  uint32_t identity;
  uint64_t seen; /* the call that last saw this person */
  int n_kept;
  float *rows;  /* the centre, then the kept vectors, by rising time */
  Moment *kept; /* of each kept vector */
} Person;

struct ReidGallery {
  ReidGalleryParams params;
  int dims;
  size_t stride;
  ReidSimilarityFunc similarity;
  Person **people; /* in no order that matters */
  int n_people, room;
  uint32_t last_identity;
  uint64_t calls;
  int64_t now; /* the latest time seen */
  float *query;
  float *cosines; /* of the query with the rows of one person */
  size_t bytes;
};

/* The shares of what lies between the threshold and 1 were chosen on streams
 * of half of the people of Labeled Faces in the Wild (MobileFaceNet, whose
 * threshold is 0.375), and held on the other half: accept 0.525, reject
 * 0.325, and so 0.425 for the decision at a track's end. */
void
reid_gallery_params_init (ReidGalleryParams *params, float threshold)
{
  float t = threshold < -1 ? -1 : threshold > 1 ? 1 : threshold;

  *params = (ReidGalleryParams){ .accept = t + 0.24f * (1 - t),
                                 .margin = 0.08f * (1 - t),
                                 .reject = fmaxf (t - 0.08f * (1 - t), -1),
                                 .max_people = 1000,
                                 .per_person = 8 };
}

bool
reid_gallery_params_check (const ReidGalleryParams *params, int dims,
                           ReidError *error)
{
  if (!params)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "no parameters: call reid_gallery_params_init()");
  if (dims < 1 || dims > MAX_DIMS)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a gallery of vectors of %d floats: give 1 to %d",
                           dims, MAX_DIMS);
  if (!(params->accept >= -1 && params->accept <= 1 && params->reject >= -1
        && params->reject <= params->accept))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "accept %g and reject %g: give cosines, -1 to 1, "
                           "with reject not above accept",
                           params->accept, params->reject);
  if (!(params->margin >= 0 && params->margin <= 2))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "the margin %g: give 0 to 2", params->margin);
  if (params->max_people < 1 || params->max_people > MAX_PEOPLE)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a gallery of %d people: give 1 to %d",
                           params->max_people, MAX_PEOPLE);
  if (params->per_person < 1 || params->per_person > MAX_PER_PERSON)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "%d vectors for each person: give 1 to %d",
                           params->per_person, MAX_PER_PERSON);
  return true;
}

static size_t
person_floats (const ReidGalleryParams *params, int dims)
{
  return (size_t) (params->per_person + 1) * reid_cluster_stride (dims);
}

static size_t
person_bytes (const ReidGalleryParams *params, int dims)
{
  return sizeof (Person) + params->per_person * sizeof (Moment)
         + person_floats (params, dims) * sizeof (float);
}

static size_t
empty_bytes (const ReidGalleryParams *params, int dims)
{
  return sizeof (ReidGallery) + reid_cluster_stride (dims) * sizeof (float)
         + ((size_t) params->per_person + 1) * sizeof (float);
}

size_t
reid_gallery_bytes_bound (const ReidGalleryParams *params, int dims)
{
  if (!reid_gallery_params_check (params, dims, NULL))
    return 0;
  return empty_bytes (params, dims)
         + params->max_people
               * (sizeof (Person *) + person_bytes (params, dims));
}

static void
person_free (Person *person)
{
  if (!person)
    return;
  free (person->rows);
  free (person->kept);
  free (person);
}

static Person *
person_new (const ReidGallery *gallery)
{
  Person *person = calloc (1, sizeof *person);

  if (!person)
    return NULL;
  person->rows = reid_alloc_aligned (
      person_floats (&gallery->params, gallery->dims) * sizeof (float));
  person->kept = malloc (gallery->params.per_person * sizeof (Moment));
  if (person->rows && person->kept)
    return person;
  person_free (person);
  return NULL;
}

ReidGallery *
reid_gallery_new (int dims, const ReidGalleryParams *params)
{
  ReidGallery *gallery;

  if (!reid_gallery_params_check (params, dims, NULL))
    return NULL;
  gallery = calloc (1, sizeof *gallery);
  if (!gallery)
    return NULL;
  gallery->params = *params;
  gallery->dims = dims;
  gallery->stride = reid_cluster_stride (dims);
  gallery->similarity = reid_similarity_pick (reid_cpu_flags ());
  gallery->now = INT64_MIN;
  gallery->query = reid_alloc_aligned (gallery->stride * sizeof (float));
  gallery->cosines =
      malloc (((size_t) params->per_person + 1) * sizeof (float));
  gallery->bytes = empty_bytes (params, dims);
  if (gallery->query && gallery->cosines)
    return gallery;
  reid_gallery_free (gallery);
  return NULL;
}

void
reid_gallery_free (ReidGallery *gallery)
{
  if (!gallery)
    return;
  for (int i = 0; i < gallery->n_people; i++)
    person_free (gallery->people[i]);
  free (gallery->people);
  free (gallery->query);
  free (gallery->cosines);
  free (gallery);
}

static Person *
find_person (const ReidGallery *gallery, uint32_t identity)
{
  for (int i = 0; i < gallery->n_people; i++)
    if (gallery->people[i]->identity == identity)
      return gallery->people[i];
  return NULL;
}

static bool
is_taken (uint32_t identity, const uint32_t *taken, int n_taken)
{
  for (int i = 0; i < n_taken; i++)
    if (taken[i] == identity)
      return true;
  return false;
}

/* How like a person the query is: halfway between the cosine to the centre,
 * which is steady, and the one to the nearest kept vector, which knows the
 * unusual views. */
static float
score (const ReidGallery *gallery, const Person *person)
{
  const float *cosine = gallery->cosines;
  float nearest = -1;

  gallery->similarity (gallery->query, 1, person->rows, person->n_kept + 1,
                       gallery->stride, gallery->cosines, 1);
  for (int i = 1; i <= person->n_kept; i++)
    if (cosine[i] > nearest)
      nearest = cosine[i];
  return (cosine[0] + nearest) / 2;
}

/* The centre: the mean of the kept vectors, by quality, of length 1. */
static void
find_centre (const ReidGallery *gallery, Person *person)
{
  float *centre = person->rows;
  double length = 0;

  memset (centre, 0, gallery->stride * sizeof *centre);
  for (int i = 0; i < person->n_kept; i++) {
    const float *row = person->rows + (i + 1) * gallery->stride;
    float weight = fmaxf (person->kept[i].quality, LEAST_WEIGHT);

    for (int k = 0; k < gallery->dims; k++)
      centre[k] += weight * row[k];
  }
  for (int k = 0; k < gallery->dims; k++)
    length += (double) centre[k] * centre[k];
  length = sqrt (length);
  /* Opposite vectors leave nothing to point anywhere. */
  if (length < 1e-6)
    memcpy (centre, person->rows + gallery->stride,
            gallery->dims * sizeof *centre);
  else
    for (int k = 0; k < gallery->dims; k++)
      centre[k] = (float) (centre[k] / length);
}

static void
drop (const ReidGallery *gallery, Person *person, int at)
{
  int after = person->n_kept - at - 1;

  memmove (person->rows + (at + 1) * gallery->stride,
           person->rows + (at + 2) * gallery->stride,
           after * gallery->stride * sizeof (float));
  memmove (person->kept + at, person->kept + at + 1,
           after * sizeof *person->kept);
  person->n_kept--;
}

/* Keeps the query as one of the person's vectors. When there is no room, of
 * the two neighbours in time that stand closest (the latest of equals) the
 * one of lower quality goes, the newer of equals: so the kept ones spread
 * evenly over the time since the person was first seen, and each is the best
 * of its while. */
static void
learn (const ReidGallery *gallery, Person *person, float quality)
{
  Moment *kept = person->kept;
  int n = person->n_kept;

  if (n == gallery->params.per_person) {
    int closest = n - 1, worse;
    uint64_t gap = (uint64_t) gallery->now - (uint64_t) kept[n - 1].time;

    for (int i = n - 2; i >= 0; i--) {
      uint64_t g = (uint64_t) kept[i + 1].time - (uint64_t) kept[i].time;

      if (g < gap) {
        gap = g;
        closest = i;
      }
    }
    if (closest == n - 1) {
      if (quality <= kept[n - 1].quality)
        return;
      worse = n - 1;
    } else {
      worse = kept[closest + 1].quality <= kept[closest].quality ? closest + 1
                                                                 : closest;
    }
    drop (gallery, person, worse);
  }
  n = person->n_kept++;
  memcpy (person->rows + (n + 1) * gallery->stride, gallery->query,
          gallery->stride * sizeof (float));
  kept[n] = (Moment){ gallery->now, quality };
  find_centre (gallery, person);
}

/* A free person: a new one, or the one unseen for longest, emptied. Who is in
 * this frame is forgotten last. */
static Person *
make_room (ReidGallery *gallery, const uint32_t *taken, int n_taken)
{
  Person *oldest = NULL;

  if (gallery->n_people < gallery->params.max_people) {
    Person *person;

    if (gallery->n_people == gallery->room) {
      int room = gallery->room ? gallery->room * 2 : 16;
      Person **people;

      if (room > gallery->params.max_people)
        room = gallery->params.max_people;
      people = realloc (gallery->people, room * sizeof (Person *));
      if (!people)
        return NULL;
      gallery->bytes += (size_t) (room - gallery->room) * sizeof (Person *);
      gallery->people = people;
      gallery->room = room;
    }
    person = person_new (gallery);
    if (!person)
      return NULL;
    gallery->bytes += person_bytes (&gallery->params, gallery->dims);
    gallery->people[gallery->n_people++] = person;
    return person;
  }
  for (int pass = 0; pass < 2 && !oldest; pass++)
    for (int i = 0; i < gallery->n_people; i++) {
      Person *p = gallery->people[i];

      if (!pass && is_taken (p->identity, taken, n_taken))
        continue;
      if (!oldest || p->seen < oldest->seen
          || (p->seen == oldest->seen && p->identity < oldest->identity))
        oldest = p;
    }
  return oldest;
}

static bool
add_person (ReidGallery *gallery, uint32_t identity, float quality,
            const uint32_t *taken, int n_taken, ReidError *error)
{
  Person *person = make_room (gallery, taken, n_taken);

  if (!person)
    return reid_error_set (error, REID_ERROR_MEMORY,
                           "no memory for person %d of the gallery: lower "
                           "max-people",
                           gallery->n_people + 1);
  person->identity = identity;
  person->seen = gallery->calls;
  person->n_kept = 0;
  learn (gallery, person, quality);
  return true;
}

typedef struct {
  Person *person; /* NULL: nobody to compare with */
  float best, second;
} Match;

static Match
match (const ReidGallery *gallery, const uint32_t *taken, int n_taken)
{
  Match m = { NULL, -2, -2 };

  for (int i = 0; i < gallery->n_people; i++) {
    Person *person = gallery->people[i];
    float s;

    if (is_taken (person->identity, taken, n_taken))
      continue;
    s = score (gallery, person);
    if (!m.person || s > m.best
        || (s == m.best && person->identity < m.person->identity)) {
      m.second = m.best;
      m.best = s;
      m.person = person;
    } else if (s > m.second) {
      m.second = s;
    }
  }
  return m;
}

static bool
check_call (const ReidGallery *gallery, const float *vector, float quality,
            uint32_t known, const uint32_t *taken, int n_taken,
            const ReidName *name, ReidError *error)
{
  double length;

  if (!gallery || !vector || !name || n_taken < 0 || (n_taken && !taken))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "a gallery, a vector, the list of taken "
                           "identities and a place for the name are needed");
  if (!reid_vector_is_unit (vector, gallery->dims, &length))
    return reid_error_set (
        error, REID_ERROR_ARGUMENT,
        isfinite (length)
            ? "the vector to name has length %g: normalise it to length 1"
            : "the vector to name is not finite (length %g): leave out what "
              "the network could not embed",
        length);
  if (!(quality >= 0 && quality <= 1))
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "the vector to name has quality %g: give 0 to 1",
                           quality);
  if (known > gallery->last_identity)
    return reid_error_set (error, REID_ERROR_ARGUMENT,
                           "identity %u was never given by this gallery",
                           (unsigned) known);
  return true;
}

/* A track that has its name. Who was forgotten meanwhile comes back under the
 * same identity. */
static bool
keep_name (ReidGallery *gallery, float quality, uint32_t known,
           const uint32_t *taken, int n_taken, ReidName *name, ReidError *error)
{
  Person *person = find_person (gallery, known);

  *name = (ReidName){ REID_NAME_KNOWN, known, 1 };
  if (!person)
    return add_person (gallery, known, quality, taken, n_taken, error);
  name->similarity = score (gallery, person);
  person->seen = gallery->calls;
  /* Following can slip to another face: what looks like a stranger does not
   * change the picture of the person. */
  if (name->similarity >= gallery->params.reject)
    learn (gallery, person, quality);
  return true;
}

bool
reid_gallery_name (ReidGallery *gallery, const float *vector, float quality,
                   int64_t time, uint32_t known, const uint32_t *taken,
                   int n_taken, bool last, ReidName *name, ReidError *error)
{
  const ReidGalleryParams *p;
  Match m;

  if (!check_call (gallery, vector, quality, known, taken, n_taken, name,
                   error))
    return false;
  p = &gallery->params;
  memset (gallery->query, 0, gallery->stride * sizeof (float));
  memcpy (gallery->query, vector, gallery->dims * sizeof (float));
  gallery->calls++;
  if (time > gallery->now)
    gallery->now = time;
  for (int i = 0; i < n_taken; i++) {
    Person *person = find_person (gallery, taken[i]);

    if (person)
      person->seen = gallery->calls;
  }
  if (known && !is_taken (known, taken, n_taken))
    return keep_name (gallery, quality, known, taken, n_taken, name, error);

  m = match (gallery, taken, n_taken);
  if (m.person && m.best >= p->accept && m.best - m.second >= p->margin) {
    *name = (ReidName){ REID_NAME_KNOWN, m.person->identity, m.best };
    m.person->seen = gallery->calls;
    learn (gallery, m.person, quality);
    return true;
  }
  if (m.person && m.best >= p->reject) {
    if (!last) {
      *name = (ReidName){ REID_NAME_PENDING, 0, m.best };
      return true;
    }
    if (m.best >= (p->accept + p->reject) / 2) {
      *name = (ReidName){ REID_NAME_KNOWN, m.person->identity, m.best };
      m.person->seen = gallery->calls;
      return true;
    }
  }
  if (gallery->last_identity == UINT32_MAX)
    return reid_error_set (error, REID_ERROR_UNSUPPORTED,
                           "all identities are used up: start a new gallery");
  if (!add_person (gallery, gallery->last_identity + 1, quality, taken, n_taken,
                   error))
    return false;
  *name = (ReidName){ REID_NAME_NEW, ++gallery->last_identity,
                      m.person ? m.best : 0 };
  return true;
}

bool
reid_gallery_knows (const ReidGallery *gallery, uint32_t id)
{
  return find_person (gallery, id) != NULL;
}

int
reid_gallery_count (const ReidGallery *gallery)
{
  return gallery ? gallery->n_people : 0;
}

size_t
reid_gallery_bytes (const ReidGallery *gallery)
{
  return gallery ? gallery->bytes : 0;
}
