/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __GST_REID_TABLE_H__
#define __GST_REID_TABLE_H__

#include <glib.h>

G_BEGIN_DECLS

/* Rows of text whose columns are as wide as their widest cell. */
typedef struct ReidTable ReidTable;

ReidTable *reid_table_new (guint n_columns);
/* n_columns strings. */
void reid_table_add (ReidTable *table, ...);
/* Prints and frees it. Columns of numbers, counted from 0, have their bit set
 * in right_aligned. */
void reid_table_print (ReidTable *table, guint right_aligned);
void reid_table_free (ReidTable *table);

/* Without control characters: a file's name must not move the cursor. */
gchar *reid_printable (const gchar *text);

G_END_DECLS

#endif /* __GST_REID_TABLE_H__ */
