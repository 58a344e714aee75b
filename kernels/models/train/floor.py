#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How exact the landmarks of the detector's teacher are: how far they move when
the picture is changed by less than anybody sees. A pupil is asked for no more.

usage: floor.py DATA

Frames of the videos at the size that reiddetect shows, and of those the teacher's
faces of a score of .7 that are 24 pixels of the frame high. Errors are as those of
tests/bench/teacher.c: mean distances, in distances of the eyes."""
import os
import sys

import cv2
import numpy as np

from calibrate import HEIGHT, LEAST, SURE, overlaps
from people import videos
from scenes import at_once, at_size, moved
from teachers import YuNet

EVERY = 10  # of a video's frames
SIZE = 640
STAY = np.eye(2, 3, dtype=np.float32)


def noise(picture):
    noisy = picture + np.random.default_rng(1).normal(0, 2, picture.shape)
    return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8), STAY


def jpeg(picture):
    data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 75])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR), STAY


def placed(scale, shift):
    m = np.array([[scale, 0, shift], [0, scale, shift]], np.float32)
    return lambda picture: (cv2.warpAffine(picture, m, picture.shape[1::-1],
                                           flags=cv2.INTER_LINEAR), m)


CHANGES = {
    'noise of deviation 2': noise,
    'JPEG of quality 75': jpeg,
    'moved by half a pixel': placed(1, .5),
    'moved by one pixel': placed(1, 1),
    'moved by four pixels': placed(1, 4),
    'at .98 of its size': placed(.98, 0),
}


def sure_faces(yunet, video):
    """Pictures of a video and the faces that count in them."""
    capture, kept, n = cv2.VideoCapture(video), [], 0
    while capture.grab():
        n += 1
        if n % EVERY:
            continue
        frame = capture.retrieve()[1]
        picture = at_size(frame, SIZE)
        faces = yunet.find(picture, SURE)
        height = HEIGHT * picture.shape[0] / frame.shape[0]
        kept.append((picture, faces[faces[:, 3] >= height]))
    return kept


def errors(yunet, entry, change):
    """Of the faces that are found again in a picture that was changed."""
    picture, faces = entry
    if not len(faces):
        return []
    changed, m = change(picture)
    wanted, found = moved(faces, m), yunet.find(changed, LEAST)
    if not len(found):
        return []
    iou = overlaps(wanted, found)
    again = iou.max(1) >= .5
    a = wanted[again, 4:14].reshape(-1, 5, 2)
    b = found[iou.argmax(1)[again], 4:14].reshape(-1, 5, 2)
    eyes = np.linalg.norm(a[:, 0] - a[:, 1], axis=1)
    return np.linalg.norm(a - b, axis=2).mean(1) / eyes


def main():
    data = sys.argv[1]
    yunet = YuNet(data)
    entries = {v: sure_faces(yunet, v) for v in videos(data)}
    print('%-24s %5s  %s  %s' % ('', 'faces', 'mean', 'median'))

    def show(name, entries, change):
        e = np.concatenate(at_once(lambda x: errors(yunet, x, change), entries))
        print('%-24s %5d  %.3f  %.3f' % (name, len(e), e.mean(), np.median(e)),
              flush=True)

    for name, change in CHANGES.items():
        show(name, sum(entries.values(), []), change)
    print('moved by one pixel, by video')
    for video, own in entries.items():
        show(os.path.basename(video)[:24], own, CHANGES['moved by one pixel'])


if __name__ == '__main__':
    main()
