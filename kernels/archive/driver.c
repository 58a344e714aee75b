/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "archive/private.h"

#include <stdlib.h>
#include <string.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* An HDF5 file driver over a ReidStore. It never fails a write for want of
 * space: a library that cannot flush cannot close either, tries again when
 * the process ends, and crashes there. The store remembers the failure, the
 * archive asks it after every call. */

typedef struct {
  H5FD_t base; /* first: HDF5 sees only this */
  ReidStore *store;
  haddr_t eoa;
} DriverFile;

typedef struct {
  ReidStore *store;
} DriverInfo;

/* Positions are off_t in the end. */
#define MAX_ADDRESS (((haddr_t) 1 << 62) - 1)

static H5FD_t *
driver_open (const char *name, unsigned flags, hid_t access, haddr_t max)
{
  const DriverInfo *info = H5Pget_driver_info (access);
  DriverFile *file = info ? calloc (1, sizeof *file) : NULL;

  if (!file)
    return NULL;
  file->store = info->store;
  return &file->base;
}

static herr_t
driver_close (H5FD_t *file)
{
  free (file);
  return 0;
}

static int
driver_compare (const H5FD_t *a, const H5FD_t *b)
{
  uintptr_t sa = (uintptr_t) ((const DriverFile *) a)->store;
  uintptr_t sb = (uintptr_t) ((const DriverFile *) b)->store;

  return sa < sb ? -1 : sa > sb;
}

static herr_t
driver_query (const H5FD_t *file, unsigned long *flags)
{
  if (flags)
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA
             | H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

static haddr_t
driver_get_eoa (const H5FD_t *file, H5FD_mem_t type)
{
  return ((const DriverFile *) file)->eoa;
}

static herr_t
driver_set_eoa (H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
  ((DriverFile *) file)->eoa = address;
  return 0;
}

static haddr_t
driver_get_eof (const H5FD_t *file, H5FD_mem_t type)
{
  return reid_store_end (((const DriverFile *) file)->store);
}

static bool
in_range (const DriverFile *file, haddr_t address, size_t size)
{
  return address != HADDR_UNDEF && address <= MAX_ADDRESS
         && size <= MAX_ADDRESS - address && address + size <= file->eoa;
}

static herr_t
driver_read (H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
             size_t size, void *data)
{
  DriverFile *file = (DriverFile *) base;

  if (!in_range (file, address, size)
      || !reid_store_read (file->store, address, data, size))
    return -1;
  return 0;
}

static herr_t
driver_write (H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address,
              size_t size, const void *data)
{
  DriverFile *file = (DriverFile *) base;

  if (!in_range (file, address, size)
      || !reid_store_write (file->store, address, data, size))
    return -1;
  return 0;
}

static herr_t
driver_truncate (H5FD_t *base, hid_t transfer, hbool_t closing)
{
  DriverFile *file = (DriverFile *) base;

  reid_store_set_end (file->store, file->eoa);
  return 0;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
  .version = H5FD_CLASS_VERSION,
  .value = (H5FD_class_value_t) 26996,
#endif
  .name = "reid",
  .maxaddr = MAX_ADDRESS,
  .fc_degree = H5F_CLOSE_STRONG,
  .fapl_size = sizeof (DriverInfo),
  .open = driver_open,
  .close = driver_close,
  .cmp = driver_compare,
  .query = driver_query,
  .get_eoa = driver_get_eoa,
  .set_eoa = driver_set_eoa,
  .get_eof = driver_get_eof,
  .read = driver_read,
  .write = driver_write,
  .truncate = driver_truncate,
  .fl_map = H5FD_FLMAP_DICHOTOMY,
};

bool
reid_driver_open (ReidDriver *driver, ReidStore *store)
{
  DriverInfo info = { store };
  H5AC_cache_config_t cache = { .version = H5AC__CURR_CACHE_CONFIG_VERSION };

  driver->id = H5FDregister (&driver_class);
  driver->access = H5Pcreate (H5P_FILE_ACCESS);
  bool ok = driver->id >= 0 && driver->access >= 0
            && H5Pset_driver (driver->access, driver->id, &info) >= 0
            && H5Pset_fclose_degree (driver->access, H5F_CLOSE_STRONG) >= 0;

  /* Left to itself the metadata cache grows to 32 MiB. */
  if (ok && H5Pget_mdc_config (driver->access, &cache) >= 0) {
    cache.set_initial_size = true;
    cache.initial_size = 1 << 20;
    cache.max_size = 2 << 20;
    cache.min_size = 1 << 19;
    ok = H5Pset_mdc_config (driver->access, &cache) >= 0;
  }
  return ok;
}

void
reid_driver_close (ReidDriver *driver)
{
  if (driver->access >= 0)
    H5Pclose (driver->access);
  if (driver->id >= 0)
    H5FDunregister (driver->id);
  *driver = (ReidDriver) REID_DRIVER_INIT;
}
