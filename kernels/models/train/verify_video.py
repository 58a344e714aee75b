#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same for faces in colour: labelled ones of multishot_cc.mp4. Pairs are of
two shots, since within one a person hardly changes.

usage: verify_video.py DATA WORK [MODEL.onnx]

Without a model it judges the teacher. These frames are among those that the
embedder was taught on, though nobody told it who is on them."""
import csv
import os
import sys

import cv2
import numpy as np

from chips import keep
from teachers import MobileFaceNet, YuNet, align, session
from verify import auc, vectors_of

TRUTH = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..',
                     'tests', 'episode', 'truth', 'multishot_cc.%s.csv')


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def labelled(data, work):
    path = os.path.join(work, 'multishot.npz')
    if os.path.exists(path):
        return dict(np.load(path))
    with open(TRUTH % 'shots') as f:
        cuts = [int(row['first_frame']) for row in csv.DictReader(f)]
    wanted = {}
    with open(TRUTH % 'faces') as f:
        for row in csv.DictReader(f):
            if row['person'] != 'ignore':
                wanted.setdefault(int(row['frame']), []).append(
                    (row['person'], [float(row[k]) for k in (
                        'left', 'top', 'width', 'height')]))
    yunet, chips, people, shots = YuNet(data), [], [], []
    capture = cv2.VideoCapture(os.path.join(data, 'videos', 'multishot_cc.mp4'))
    for n in range(max(wanted) + 1):
        good, picture = capture.read()
        if n not in wanted or not good:
            continue
        found = yunet.find(picture, .3)
        for person, box in wanted[n]:
            best = max(found, key=lambda f: overlap(f, box), default=None)
            if best is not None and overlap(best, box) >= .4:
                chips.append(align(picture, best[4:14].reshape(5, 2), 160))
                people.append(person)
                shots.append(np.searchsorted(cuts, n, 'right'))
    return keep(path, chips=np.stack(chips)[..., ::-1], people=np.array(people),
                shots=np.array(shots))


def main():
    data, work = sys.argv[1:3]
    part = labelled(data, work)
    if len(sys.argv) > 3:
        net = session(sys.argv[3], 2)
        v = vectors_of(lambda x: net.run(None, {'input': x})[0], part['chips'])
    else:
        teacher = MobileFaceNet(data, 2)
        v = vectors_of(lambda x: teacher.embed(np.rint(
            x.transpose(0, 2, 3, 1) * 127.5 + 127.5)), part['chips'])
    i, j = np.triu_indices(len(v), 1)
    apart = part['shots'][i] != part['shots'][j]
    i, j = i[apart], j[apart]
    same = (part['people'][i] == part['people'][j]).astype(int)
    c = (v[i] * v[j]).sum(1)
    print('%d faces of %d people, %d pairs of the same, %d of others' % (
        len(v), len(np.unique(part['people'])), same.sum(), (1 - same).sum()))
    others = np.sort(c[same == 0])
    print('AUC %.4f, cosines: same %.3f, different %.3f; found at a false accept '
          'rate of .001: %.3f' % (auc(c, same), c[same == 1].mean(), others.mean(),
                                  (c[same == 1] > others[int(.999 * len(others))])
                                  .mean()))


if __name__ == '__main__':
    main()
