/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file over HTTP. Its size and hash are known beforehand, which makes two
 * things simple: an answer that cannot be it is refused before a byte of it is
 * kept, and whatever way the bytes came, the hash of the whole decides. */
#include "download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "gst-reid.h"

/* A connection that breaks is taken up again at once, as long as each brings
 * something. */
#define MAX_RESUMES 3
#define RESUME_PAUSE (G_USEC_PER_SEC / 2)
#define MAX_REDIRECTS 5

/* What to do after an attempt. */
typedef enum {
  WHOLE,   /* all bytes are there */
  RESUME,  /* the connection broke */
  RESTART, /* what is kept is of no use */
  GIVE_UP
} Outcome;

typedef struct {
  const ReidDownload *job;
  gchar *part, *tag_path;
  int fd;
  guint64 have; /* bytes in the part file */
  CURL *curl;
  gchar curl_error[CURL_ERROR_SIZE];

  /* of the answer that is being read */
  gchar *tag;
  gint64 range_start, range_total; /* -1 = not told */
  gboolean begun;

  /* of this attempt */
  guint64 came;
  gint64 last_byte;
  gboolean stalled, stopped;
  Outcome outcome;
  gint code;
  gchar *message;
} Transfer;

static void G_GNUC_PRINTF (4, 5)
    fail (Transfer *t, Outcome outcome, gint code, const gchar *format, ...)
{
  va_list args;

  if (t->message)
    return; /* the first one is the cause */
  va_start (args, format);
  t->message = g_strdup_vprintf (format, args);
  va_end (args);
  t->outcome = outcome;
  t->code = code;
}

static void
fail_local (Transfer *t, const gchar *path, const gchar *what)
{
  fail (t, GIVE_UP, EXIT_OUTPUT,
        "%s cannot be %s: %s; make room or get permission there, or name "
        "another folder with --dir",
        path, what, g_strerror (errno));
}

#define HAS_OTHER_SIZE                                                         \
  "%s has %" G_GUINT64_FORMAT " bytes instead of %" G_GUINT64_FORMAT           \
  ": that is not the file that is known; see whether something between here "  \
  "and there (a login page, a proxy) answers in its place"

/* ---- the part file */

/* The tag says which revision the part is of. Losing it costs nothing but the
 * server's check: the hash decides. */
static void
save_tag (Transfer *t)
{
  if (!t->tag
      || !g_file_set_contents_full (t->tag_path, t->tag, -1,
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0666, NULL))
    unlink (t->tag_path);
}

static gboolean
empty_part (Transfer *t)
{
  if (ftruncate (t->fd, 0) != 0 || lseek (t->fd, 0, SEEK_SET) < 0) {
    fail_local (t, t->part, "written");
    return FALSE;
  }
  t->have = 0;
  return TRUE;
}

static gboolean
open_part (Transfer *t)
{
  struct stat ours, there;

  t->fd = open (t->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (t->fd < 0 || fstat (t->fd, &ours) != 0) {
    fail_local (t, t->part, "written");
    return FALSE;
  }
  /* The second check: whoever had it may have renamed it since. */
  if ((flock (t->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      || stat (t->part, &there) != 0 || ours.st_ino != there.st_ino
      || ours.st_dev != there.st_dev) {
    fail (t, GIVE_UP, EXIT_OUTPUT,
          "%s is being downloaded by another process: wait for it to end, or "
          "name another folder with --dir",
          t->job->path);
    return FALSE;
  }
  t->have = (guint64) ours.st_size;
  if (t->have > t->job->size)
    return empty_part (t);
  if (lseek (t->fd, 0, SEEK_END) < 0) {
    fail_local (t, t->part, "read");
    return FALSE;
  }
  return TRUE;
}

static gboolean
write_part (Transfer *t, const gchar *data, gsize size)
{
  while (size > 0) {
    ssize_t n = write (t->fd, data, size);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      fail_local (t, t->part, "written");
      return FALSE;
    }
    data += n;
    size -= (gsize) n;
    t->have += (guint64) n;
    t->came += (guint64) n;
  }
  return TRUE;
}

/* ---- the answer */

static gchar *
header_value (const gchar *line, gsize length, const gchar *name)
{
  gsize n = strlen (name);

  if (length <= n || g_ascii_strncasecmp (line, name, n) != 0 || line[n] != ':')
    return NULL;
  return g_strstrip (g_strndup (line + n + 1, length - n - 1));
}

static size_t
on_header (char *line, size_t size, size_t n, void *data)
{
  Transfer *t = data;
  gsize length = size * n;
  gchar *value;

  if (length >= 5 && memcmp (line, "HTTP/", 5) == 0) {
    /* the answer after a redirect, or after a proxy's own */
    g_clear_pointer (&t->tag, g_free);
    t->range_start = t->range_total = -1;
  } else if ((value = header_value (line, length, "ETag"))) {
    /* a weak one does not promise the same bytes */
    g_free (t->tag);
    t->tag = value[0] == '"' ? g_strdup (value) : NULL;
    g_free (value);
  } else if ((value = header_value (line, length, "Content-Range"))) {
    gint64 end;
    gchar total[24] = "";
    if (sscanf (value,
                "bytes %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "/%23[0-9]",
                &t->range_start, &end, total)
        < 2)
      t->range_start = -1;
    else if (*total)
      t->range_total = g_ascii_strtoll (total, NULL, 10);
    g_free (value);
  }
  return length;
}

static gboolean
begin_whole (Transfer *t)
{
  curl_off_t length = -1;

  curl_easy_getinfo (t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length >= 0 && (guint64) length != t->job->size) {
    fail (t, GIVE_UP, EXIT_INPUT, HAS_OTHER_SIZE, t->job->url, (guint64) length,
          t->job->size);
    return FALSE;
  }
  /* asked for the rest or not: this is all of it, from the start */
  if (!empty_part (t))
    return FALSE;
  save_tag (t);
  return TRUE;
}

static gboolean
begin_rest (Transfer *t)
{
  if (t->range_total >= 0 && (guint64) t->range_total != t->job->size) {
    fail (t, GIVE_UP, EXIT_INPUT, HAS_OTHER_SIZE, t->job->url,
          (guint64) t->range_total, t->job->size);
    return FALSE;
  }
  if (t->range_start < 0 || (guint64) t->range_start != t->have) {
    fail (t, RESTART, EXIT_INPUT,
          "%s: the server sends another part than was asked for; try again "
          "later",
          t->job->url);
    return FALSE;
  }
  return TRUE;
}

static gboolean
begin_answer (Transfer *t)
{
  long status = 0;

  t->begun = TRUE;
  curl_easy_getinfo (t->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200)
    return begin_whole (t);
  if (status == 206 && t->have > 0)
    return begin_rest (t);
  fail (t, GIVE_UP, EXIT_INPUT,
        "%s: the server answers with status %ld where a file was asked for; "
        "try again later",
        t->job->url, status);
  return FALSE;
}

static size_t
on_body (char *bytes, size_t size, size_t n, void *data)
{
  Transfer *t = data;
  gsize length = size * n;

  t->last_byte = g_get_monotonic_time ();
  if (!t->begun && !begin_answer (t))
    return 0;
  if (length > t->job->size - t->have) {
    fail (t, RESTART, EXIT_INPUT,
          "%s goes on after the %" G_GUINT64_FORMAT
          " bytes that it should have: that is not the file that is known; "
          "nothing of it was kept",
          t->job->url, t->job->size);
    return 0;
  }
  return write_part (t, bytes, length) ? length : 0;
}

static int
on_progress (void *data, curl_off_t total, curl_off_t now, curl_off_t up_total,
             curl_off_t up)
{
  Transfer *t = data;

  if (t->job->progress)
    t->job->progress (t->have, t->job->size, t->job->data);
  t->stopped = *t->job->stop != 0;
  t->stalled = g_get_monotonic_time () - t->last_byte
               > (gint64) t->job->timeout * G_TIME_SPAN_SECOND;
  return t->stopped || t->stalled;
}

/* ---- what went wrong */

static void
fail_status (Transfer *t)
{
  const gchar *url = t->job->url;
  long status = 0;

  curl_easy_getinfo (t->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 416)
    fail (t, RESTART, EXIT_INPUT,
          "%s: the server does not have as much as is here already (status "
          "416); try again later",
          url);
  else if (status == 404 || status == 410)
    fail (t, GIVE_UP, EXIT_INPUT,
          "%s is not there any more (status %ld): look for a file with the "
          "SHA-256 %s elsewhere, and save it as %s",
          url, status, t->job->sha256, t->job->path);
  else if (status == 407)
    fail (t, GIVE_UP, EXIT_INPUT,
          "%s: the proxy wants a name and a password (status 407): put them "
          "into https_proxy=http://NAME:PASSWORD@HOST:PORT",
          url);
  else if (status == 429 || status >= 500)
    fail (t, GIVE_UP, EXIT_INPUT,
          "%s: the server is too busy or out of order (status %ld); try again "
          "later",
          url, status);
  else
    fail (t, GIVE_UP, EXIT_INPUT,
          "%s: the server refuses it (status %ld): see whether a browser gets "
          "it, and save it as %s",
          url, status, t->job->path);
}

/* "3 of 10 bytes are kept: ...", or what else can be done. */
static gchar *
way_out (const Transfer *t)
{
  if (t->have == 0)
    return g_strdup ("nothing of it came yet; try again later");
  return g_strdup_printf ("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                          " bytes are kept; the same command goes on from "
                          "there",
                          t->have, t->job->size);
}

static void
fail_curl (Transfer *t, CURLcode result)
{
  const gchar *url = t->job->url;
  const gchar *detail =
      *t->curl_error ? t->curl_error : curl_easy_strerror (result);
  gchar *way = way_out (t);

  switch (result) {
    case CURLE_HTTP_RETURNED_ERROR:
      fail_status (t);
      break;
    case CURLE_ABORTED_BY_CALLBACK:
      if (t->stopped)
        fail (t, GIVE_UP, EXIT_INTERRUPTED, "%s: interrupted; %s", url, way);
      else
        fail (t, GIVE_UP, EXIT_INPUT,
              "%s: nothing came for %u s (--timeout waits longer); %s", url,
              t->job->timeout, way);
      break;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      fail (t, GIVE_UP, EXIT_INPUT,
            "%s cannot be reached: %s; see whether this machine is online, and "
            "if that takes a proxy, set https_proxy",
            url, detail);
      break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
      fail (t, GIVE_UP, EXIT_INPUT,
            "%s: no connection that can be trusted: %s; see whether the "
            "package ca-certificates is installed, and whether the clock is "
            "right",
            url, detail);
      break;
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      fail (t, GIVE_UP, EXIT_INPUT,
            "%s sends to another place that is not accepted: %s; see whether a "
            "browser gets it, and save it as %s",
            url, detail, t->job->path);
      break;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      fail (t, RESUME, EXIT_INPUT, "%s: the connection broke; %s", url, way);
      break;
    default:
      fail (t, GIVE_UP, EXIT_INPUT, "%s: %s; %s", url, detail, way);
      break;
  }
  g_free (way);
}

/* ---- one attempt */

static void
set_up (Transfer *t)
{
  gboolean secure = g_str_has_prefix (t->job->url, "https:");
  CURL *c = t->curl;

  curl_easy_setopt (c, CURLOPT_URL, t->job->url);
  curl_easy_setopt (c, CURLOPT_PROTOCOLS_STR, "http,https");
  /* what was asked for safely must not come unsafely */
  curl_easy_setopt (c, CURLOPT_REDIR_PROTOCOLS_STR,
                    secure ? "https" : "http,https");
  curl_easy_setopt (c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (c, CURLOPT_MAXREDIRS, (long) MAX_REDIRECTS);
  curl_easy_setopt (c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt (c, CURLOPT_USERAGENT, "gst-reid/" VERSION);
  curl_easy_setopt (c, CURLOPT_ERRORBUFFER, t->curl_error);
  curl_easy_setopt (c, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (c, CURLOPT_HEADERDATA, t);
  curl_easy_setopt (c, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt (c, CURLOPT_WRITEDATA, t);
  curl_easy_setopt (c, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (c, CURLOPT_XFERINFODATA, t);
  curl_easy_setopt (c, CURLOPT_NOPROGRESS, 0L);
}

/* Asks for what is missing; the headers are the caller's to free. */
static struct curl_slist *
ask_for_rest (Transfer *t)
{
  gchar *range = g_strdup_printf ("%" G_GUINT64_FORMAT "-", t->have);
  struct curl_slist *headers = NULL;
  gchar *tag = NULL;

  /* CURLOPT_RESUME_FROM would make an error of a server that sends it all */
  curl_easy_setopt (t->curl, CURLOPT_RANGE, range);
  if (g_file_get_contents (t->tag_path, &tag, NULL, NULL) && *tag == '"'
      && !strpbrk (tag, "\r\n")) {
    gchar *line = g_strconcat ("If-Range: ", tag, NULL);
    headers = curl_slist_append (NULL, line);
    g_free (line);
  }
  g_free (tag);
  g_free (range);
  return headers;
}

static void
attempt (Transfer *t)
{
  struct curl_slist *headers = NULL;
  CURLcode result;

  g_clear_pointer (&t->message, g_free);
  *t->curl_error = '\0';
  t->outcome = WHOLE;
  t->begun = t->stalled = t->stopped = FALSE;
  t->came = 0;
  t->last_byte = g_get_monotonic_time ();
  if (t->have == t->job->size)
    return;
  curl_easy_reset (t->curl);
  set_up (t);
  if (t->have > 0)
    headers = ask_for_rest (t);
  curl_easy_setopt (t->curl, CURLOPT_HTTPHEADER, headers);
  result = curl_easy_perform (t->curl);
  /* an answer without a body */
  if (result == CURLE_OK && !t->begun)
    begin_answer (t);
  if (result != CURLE_OK)
    fail_curl (t, result);
  else if (!t->message && t->have < t->job->size)
    fail (t, GIVE_UP, EXIT_INPUT,
          "%s ended after %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
          " bytes, which are kept; try again later, and the same command goes "
          "on from there",
          t->job->url, t->have, t->job->size);
  curl_slist_free_all (headers);
}

static void
check_hash (Transfer *t)
{
  gchar sha256[REID_SHA256_TEXT];

  if (!reid_sha256_of_fd (t->fd, sha256))
    fail_local (t, t->part, "read");
  else if (!g_str_equal (sha256, t->job->sha256))
    fail (t, RESTART, EXIT_INPUT,
          "%s is not the file that is known: its SHA-256 is %s instead of %s; "
          "nothing of it was kept. Try again later; if it stays so, its "
          "authors have changed it, or something on the way does",
          t->job->url, sha256, t->job->sha256);
}

/* Until all of it is here and right, or there is nothing more to try. */
static void
fetch (Transfer *t)
{
  guint resumes = MAX_RESUMES;
  /* What came by several connections may be of several revisions: when that
   * does not fit, it is asked for once more as a whole. */
  gboolean pieced = t->have > 0;

  for (;;) {
    attempt (t);
    if (t->outcome == WHOLE)
      check_hash (t);
    if (t->outcome == RESTART) {
      if (!empty_part (t))
        return;
      unlink (t->tag_path);
    }
    if (*t->job->stop && t->outcome != WHOLE) {
      gchar *way = way_out (t);
      g_clear_pointer (&t->message, g_free);
      fail (t, GIVE_UP, EXIT_INTERRUPTED, "%s: interrupted; %s", t->job->url,
            way);
      g_free (way);
      return;
    }
    if (t->outcome == RESTART && pieced) {
      pieced = FALSE;
    } else if (t->outcome == RESUME && t->came > 0 && resumes-- > 0) {
      pieced = TRUE;
      g_usleep (RESUME_PAUSE);
    } else {
      return;
    }
  }
}

static void
give_final_name (Transfer *t)
{
  gchar *folder = g_path_get_dirname (t->job->path);
  int dir;

  if (fsync (t->fd) != 0) {
    fail_local (t, t->part, "written");
  } else if (rename (t->part, t->job->path) != 0) {
    fail_local (t, t->job->path, "written");
  } else {
    unlink (t->tag_path);
    dir = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
      fsync (dir);
      close (dir);
    }
  }
  g_free (folder);
}

gint
reid_download (const ReidDownload *download, gchar **message)
{
  Transfer t = { .job = download, .fd = -1, .code = EXIT_OK };

  /* a part of one pin is none of another's */
  t.part = g_strdup_printf ("%s.%.12s.part", download->path, download->sha256);
  t.tag_path = g_strconcat (t.part, ".etag", NULL);
  curl_global_init (CURL_GLOBAL_DEFAULT);
  t.curl = curl_easy_init ();
  if (!t.curl) {
    fail (&t, GIVE_UP, EXIT_FAILED,
          "libcurl does not start: download %s by other means, and save it as "
          "%s",
          download->url, download->path);
  } else if (open_part (&t)) {
    fetch (&t);
    if (!t.message)
      give_final_name (&t);
    if (t.message && t.have == 0) {
      unlink (t.part);
      unlink (t.tag_path);
    }
  }
  if (t.fd >= 0)
    close (t.fd);
  curl_easy_cleanup (t.curl);
  curl_global_cleanup ();
  g_free (t.part);
  g_free (t.tag_path);
  g_free (t.tag);
  *message = t.message;
  return t.message ? t.code : EXIT_OK;
}
