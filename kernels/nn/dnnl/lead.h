/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REID_DNNL_LEAD_H
#define REID_DNNL_LEAD_H

/* oneDNN's threads are OpenMP's, and libgomp keeps a team for each thread that
 * ever began one. So what needs them is not run by whoever asks but by a
 * leader: a thread of our own that has a team of one size for life. All teams
 * together are no larger than the machine (or than the one team that is larger
 * than it), and who finds no room waits for his turn. */

/* Calls work (data) on a leader whose team has `threads` threads, and waits
 * for it; where there can be no such thread, on this one. Turns are taken in
 * the order of arrival. Not from within such work. */
void reid_lead (int threads, void (*work) (void *data), void *data);

#endif /* REID_DNNL_LEAD_H */
