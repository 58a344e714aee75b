/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beyond this a journal is not one that was written here: the archive commits
 * long before (see reid_archive_flush). */
#define MAX_JOURNAL_PAGES (256u << 8)
#define FOOTER 48
static const uint8_t journal_magic[16] = "reid-journal\r\n\x1a";

typedef struct {
  uint64_t number;
  uint8_t *data; /* NULL = empty slot */
} Page;

struct ReidStore {
  int fd;
  char *path;
  bool writable;
  bool changing;      /* what was whole before, and will be one change later */
  bool journal_kept;  /* its pages could not all be put into their places */
  int failed;         /* errno of the first failed write */
  uint64_t end;       /* HDF5's */
  uint64_t committed; /* up to here nothing changes: a multiple of REID_PAGE */
  uint64_t committed_end;
  uint64_t file_size;
  Page *slots; /* open addressing, capacity a power of two */
  size_t n_slots, n_pages;
};

static uint64_t
round_up (uint64_t n)
{
  return (n + REID_PAGE - 1) / REID_PAGE * REID_PAGE;
}

static bool
read_fd (int fd, uint64_t at, uint8_t *data, size_t size)
{
  while (size > 0) {
    ssize_t n = pread (fd, data, size, (off_t) at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    if (n == 0) { /* beyond the end of the file: never written */
      memset (data, 0, size);
      return true;
    }
    data += n;
    at += (uint64_t) n;
    size -= (size_t) n;
  }
  return true;
}

static bool
write_fd (int fd, uint64_t at, const uint8_t *data, size_t size)
{
  while (size > 0) {
    ssize_t n = pwrite (fd, data, size, (off_t) at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      if (n == 0)
        errno = ENOSPC;
      return false;
    }
    data += n;
    at += (uint64_t) n;
    size -= (size_t) n;
  }
  return true;
}

/* ---- Overlay */

static Page *
find_slot (const ReidStore *store, uint64_t number)
{
  size_t mask = store->n_slots - 1;
  size_t i = (size_t) (number * 0x9e3779b97f4a7c15u >> 20) & mask;

  while (store->slots[i].data && store->slots[i].number != number)
    i = (i + 1) & mask;
  return &store->slots[i];
}

static Page *
find_page (const ReidStore *store, uint64_t number)
{
  if (store->n_pages == 0)
    return NULL;
  Page *page = find_slot (store, number);
  return page->data ? page : NULL;
}

static Page *
add_page (ReidStore *store, uint64_t number)
{
  if (2 * (store->n_pages + 1) > store->n_slots) {
    size_t n_old = store->n_slots;
    Page *old = store->slots;
    size_t n = n_old ? 2 * n_old : 64;
    Page *slots = calloc (n, sizeof *slots);

    if (!slots)
      return NULL;
    store->slots = slots;
    store->n_slots = n;
    for (size_t i = 0; i < n_old; i++)
      if (old[i].data)
        *find_slot (store, old[i].number) = old[i];
    free (old);
  }
  uint8_t *data = malloc (REID_PAGE);
  if (!data)
    return NULL;
  Page *page = find_slot (store, number);
  page->number = number;
  page->data = data;
  store->n_pages++;
  return page;
}

static void
drop_pages (ReidStore *store)
{
  for (size_t i = 0; i < store->n_slots; i++)
    free (store->slots[i].data);
  free (store->slots);
  store->slots = NULL;
  store->n_slots = store->n_pages = 0;
}

static bool
write_overlay (ReidStore *store, uint64_t at, const uint8_t *data, size_t size)
{
  while (size > 0) {
    uint64_t number = at / REID_PAGE;
    size_t begin = (size_t) (at % REID_PAGE);
    size_t n = REID_PAGE - begin < size ? REID_PAGE - begin : size;
    Page *page = find_page (store, number);

    if (!page) {
      page = add_page (store, number);
      if (!page) {
        errno = ENOMEM;
        return false;
      }
      if (n < REID_PAGE
          && !read_fd (store->fd, number * REID_PAGE, page->data, REID_PAGE))
        memset (page->data, 0, REID_PAGE);
    }
    memcpy (page->data + begin, data, n);
    at += n;
    data += n;
    size -= n;
  }
  return true;
}

/* ---- Reading and writing */

bool
reid_store_read (ReidStore *store, uint64_t at, void *data, size_t size)
{
  uint8_t *to = data;

  if (!read_fd (store->fd, at, to, size))
    return false;
  if (store->n_pages == 0)
    return true;
  while (size > 0) {
    size_t begin = (size_t) (at % REID_PAGE);
    size_t n = REID_PAGE - begin < size ? REID_PAGE - begin : size;
    const Page *page = find_page (store, at / REID_PAGE);

    if (page)
      memcpy (to, page->data + begin, n);
    at += n;
    to += n;
    size -= n;
  }
  return true;
}

bool
reid_store_write (ReidStore *store, uint64_t at, const void *data, size_t size)
{
  const uint8_t *from = data;

  if (!store->writable)
    return false;
  if (at + size > store->end)
    store->end = at + size;
  if (!store->failed && at < store->committed) {
    size_t n =
        store->committed - at < size ? (size_t) (store->committed - at) : size;
    if (!write_overlay (store, at, from, n)) {
      store->failed = errno;
      return false;
    }
    at += n;
    from += n;
    size -= n;
  }
  if (size == 0)
    return true;
  if (!store->failed) {
    if (write_fd (store->fd, at, from, size))
      return true;
    store->failed = errno;
  }
  return write_overlay (store, at, from, size);
}

uint64_t
reid_store_end (const ReidStore *store)
{
  return store->end;
}

void
reid_store_set_end (ReidStore *store, uint64_t end)
{
  store->end = end;
}

uint64_t
reid_store_file_size (const ReidStore *store)
{
  return store->file_size;
}

void
reid_store_set_changing (ReidStore *store)
{
  store->changing = true;
}

bool
reid_store_cut (ReidStore *store, uint64_t end, ReidError *error)
{
  if (end >= store->file_size)
    return true;
  if (ftruncate (store->fd, (off_t) end) != 0)
    return reid_error_set (error, REID_ERROR_WRITE, "cannot be written: %s",
                           strerror (errno));
  store->file_size = store->end = store->committed_end = end;
  store->committed = round_up (end);
  return true;
}

bool
reid_store_is (const ReidStore *store, const char *path)
{
  struct stat mine, named;

  return fstat (store->fd, &mine) == 0 && stat (path, &named) == 0
         && mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

size_t
reid_store_waiting (const ReidStore *store)
{
  return store->n_pages * REID_PAGE;
}

static bool
tell (const ReidStore *store, int number, ReidError *error)
{
  if (number == ENOSPC || number == EDQUOT || number == EFBIG)
    return reid_error_set (error, REID_ERROR_WRITE,
                           "%s: %s: free some space there, or give another "
                           "location; %s",
                           store->path, strerror (number),
                           store->changing
                               ? "nothing has changed"
                               : "what was written until the last flush is "
                                 "kept");
  return reid_error_set (
      error, number == ENOMEM ? REID_ERROR_MEMORY : REID_ERROR_WRITE,
      "%s: cannot be written: %s", store->path, strerror (number));
}

bool
reid_store_check (const ReidStore *store, ReidError *error)
{
  return !store->failed || tell (store, store->failed, error);
}

/* ---- Journal: pages, their numbers, and the footer
 *   magic[16] | pages u64 | file position of the journal u64 | sum u64 | 0 u64
 * in the byte order of the machine that writes it: it outlives a process, not
 * a machine. */

static uint64_t
add_sum (uint64_t sum, const void *data, size_t size)
{
  const uint8_t *p = data;

  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word;
    memcpy (&word, p, 8);
    sum = (sum ^ word) * 0x100000001b3u;
    sum ^= sum >> 29;
  }
  for (; size > 0; size--, p++)
    sum = (sum ^ *p) * 0x100000001b3u;
  return sum;
}

static int
compare_pages (const void *a, const void *b)
{
  const Page *pa = a, *pb = b;

  return pa->number < pb->number ? -1 : pa->number > pb->number;
}

/* Runs of neighbouring pages go out in one write. */
static bool
write_in_place (int fd, const Page *pages, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!write_fd (fd, pages[i].number * REID_PAGE, pages[i].data, REID_PAGE))
      return false;
  return true;
}

static bool
write_journal (const ReidStore *store, const Page *pages, size_t n,
               uint64_t position)
{
  uint64_t at = position, sum = 0xcbf29ce484222325u;
  uint64_t footer[FOOTER / 8] = { 0 };

  for (size_t i = 0; i < n; i++, at += REID_PAGE) {
    sum = add_sum (sum, pages[i].data, REID_PAGE);
    if (!write_fd (store->fd, at, pages[i].data, REID_PAGE))
      return false;
  }
  for (size_t i = 0; i < n; i++, at += 8) {
    sum = add_sum (sum, &pages[i].number, 8);
    if (!write_fd (store->fd, at, (const uint8_t *) &pages[i].number, 8))
      return false;
  }
  if (fdatasync (store->fd) != 0)
    return false;
  memcpy (footer, journal_magic, sizeof journal_magic);
  footer[2] = n;
  footer[3] = position;
  footer[4] = sum;
  return write_fd (store->fd, at, (const uint8_t *) footer, sizeof footer)
         && fdatasync (store->fd) == 0;
}

static bool
fail (ReidStore *store, ReidError *error)
{
  store->failed = errno ? errno : EIO;
  return tell (store, store->failed, error);
}

bool
reid_store_commit (ReidStore *store, ReidError *error)
{
  size_t n = 0;
  uint64_t end =
      round_up (store->end > store->committed ? store->end : store->committed);

  if (!store->writable)
    return true;
  if (store->failed)
    return tell (store, store->failed, error);
  if (store->n_pages > 0) {
    Page *pages = malloc (store->n_pages * sizeof *pages);

    if (!pages) {
      errno = ENOMEM;
      return fail (store, error);
    }
    for (size_t i = 0; i < store->n_slots; i++)
      if (store->slots[i].data)
        pages[n++] = store->slots[i];
    qsort (pages, n, sizeof *pages, compare_pages);
    bool written = write_journal (store, pages, n, end);
    if (!written) {
      int number = errno;
      /* Half a journal is none; the space is better free. */
      if (ftruncate (store->fd, (off_t) end) != 0)
        number = number ? number : errno;
      free (pages);
      errno = number;
      return fail (store, error);
    }
    /* From here on the journal holds the new state: where a page cannot be
     * put into its place it stays behind and is read instead. */
    bool placed =
        write_in_place (store->fd, pages, n) && fdatasync (store->fd) == 0;
    int number = errno;
    free (pages);
    errno = number;
    if (!placed) {
      store->journal_kept = true;
      return fail (store, error);
    }
    drop_pages (store);
  }
  if (ftruncate (store->fd, (off_t) end) != 0
      || (n == 0 && fdatasync (store->fd) != 0))
    return fail (store, error);
  store->committed = end;
  store->committed_end = store->end;
  return true;
}

bool
reid_store_seal (ReidStore *store, ReidError *error)
{
  if (!reid_store_commit (store, error))
    return false;
  if (ftruncate (store->fd, (off_t) store->end) != 0 || fsync (store->fd) != 0)
    return fail (store, error);
  return true;
}

/* Reads the journal that a killed commit left, if there is one; false only
 * when memory ends. */
static bool
read_journal (ReidStore *store, uint64_t size)
{
  uint64_t footer[FOOTER / 8];
  uint64_t sum = 0xcbf29ce484222325u;

  if (size < FOOTER + REID_PAGE + 8
      || !read_fd (store->fd, size - FOOTER, (uint8_t *) footer, FOOTER)
      || memcmp (footer, journal_magic, sizeof journal_magic) != 0)
    return true;
  uint64_t n = footer[2], position = footer[3];
  if (n == 0 || n > MAX_JOURNAL_PAGES || position % REID_PAGE != 0
      || position > size || size - position != n * (REID_PAGE + 8) + FOOTER)
    return true;
  uint64_t *numbers = malloc (n * sizeof *numbers);
  if (!numbers)
    return false;
  bool ok =
      read_fd (store->fd, position + n * REID_PAGE, (uint8_t *) numbers, n * 8);
  for (uint64_t i = 0; ok && i < n; i++) {
    /* A page number read from the file may be anything: an overlay page
     * beyond the end is never read. Doubled numbers are no journal. */
    if (find_page (store, numbers[i])) {
      ok = false;
      break;
    }
    Page *page = add_page (store, numbers[i]);
    if (!page) {
      free (numbers);
      return false;
    }
    ok = read_fd (store->fd, position + i * REID_PAGE, page->data, REID_PAGE);
    sum = add_sum (sum, page->data, REID_PAGE);
  }
  for (uint64_t i = 0; ok && i < n; i++)
    sum = add_sum (sum, &numbers[i], 8);
  free (numbers);
  if (!ok || sum != footer[4]) {
    drop_pages (store);
    return true;
  }
  store->file_size = position;
  return true;
}

ReidStore *
reid_store_new (int fd, const char *path, bool writable, ReidError *error)
{
  struct stat st;
  ReidStore *store = calloc (1, sizeof *store);

  if (store)
    store->path = strdup (path);
  if (!store || !store->path) {
    free (store);
    reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
    return NULL;
  }
  store->fd = fd;
  store->writable = writable;
  if (fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
    reid_error_set (error, REID_ERROR_OPEN, "%s: is no ordinary file", path);
    goto failed;
  }
  store->file_size = (uint64_t) st.st_size;
  if (!read_journal (store, (uint64_t) st.st_size)) {
    reid_error_set (error, REID_ERROR_MEMORY, "%s: out of memory", path);
    goto failed;
  }
  store->end = store->file_size;
  store->committed = round_up (store->file_size);
  store->committed_end = store->file_size;
  /* Writes beyond the end would go over the journal before it has done its
   * work. */
  if (writable && store->n_pages > 0 && !reid_store_commit (store, error))
    goto failed;
  return store;

failed:
  drop_pages (store);
  free (store->path);
  free (store);
  return NULL;
}

void
reid_store_free (ReidStore *store)
{
  if (!store)
    return;
  /* What lies behind the last commit is of no use. */
  if (store->writable && !store->journal_kept
      && ftruncate (store->fd, (off_t) store->committed_end) != 0)
    store->failed = errno;
  drop_pages (store);
  close (store->fd);
  free (store->path);
  free (store);
}
