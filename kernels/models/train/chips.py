# SPDX-License-Identifier: LGPL-2.1-or-later
"""Aligned faces to train the embedder on, 160x160 RGB, made once and kept."""
import os

import cv2
import numpy as np

from people import held_out, photographs, videos
from synthetic import FIRST_SEED, episode
from teachers import YuNet, align

SIZE = 160  # the face as at 112, with 24 pixels more around it


def keep(path, **arrays):
    np.savez(path + '.part.npz', **arrays)
    os.replace(path + '.part.npz', path)
    return arrays


def drawn(work, seeds=24, people=32, shots=120):
    """Rendered people: chips, and who each is."""
    chips, labels = [], []
    for n in range(seeds):
        path = os.path.join(work, 'drawn-%d.npz' % n)
        if os.path.exists(path):
            part = dict(np.load(path))
        else:
            part = {'chips': [], 'labels': []}
            for picture, faces in episode(FIRST_SEED + n, people, shots, 960,
                                          540, '2/1'):
                for f in faces:
                    if (f['visible'] >= .6 and abs(f['yaw']) <= 60
                            and f['light'] >= .4):
                        part['chips'].append(align(picture, f['landmarks'], SIZE))
                        part['labels'].append(f['person'])
            part = keep(path, chips=np.stack(part['chips'])[..., ::-1],
                        labels=np.array(part['labels']))
            print('drawn seed %d: %d chips' % (n, len(part['labels'])), flush=True)
        chips.append(part['chips'])
        labels.append(part['labels'] + n * people)
    return np.concatenate(chips), np.concatenate(labels)


def photos(data, work, hold_out):
    """Chips of the photographs of one side of the rule, and their identities."""
    path = os.path.join(work, 'photos-%d.npz' % hold_out)
    if os.path.exists(path):
        part = dict(np.load(path))
        return part['chips'], part['names'], part['files']
    yunet, chips, names, files = YuNet(data), [], [], []
    for name, file in photographs(data):
        if held_out(name) != hold_out:
            continue
        picture = cv2.imread(file)
        faces = yunet.find(picture, .6)
        if not len(faces):
            continue
        # the one in the middle: others may stand beside
        middle = faces[:, :2] + faces[:, 2:4] / 2 - 125
        face = faces[np.argmin((middle ** 2).sum(1))]
        chips.append(align(picture, face[4:14].reshape(5, 2), SIZE))
        names.append(name)
        files.append(os.path.basename(file))
    part = keep(path, chips=np.stack(chips)[..., ::-1], names=np.array(names),
                files=np.array(files))
    print('photographs, held out %d: %d chips' % (hold_out, len(names)), flush=True)
    return part['chips'], part['names'], part['files']


def from_videos(data, work, every=4, most=6000):
    """Chips of the faces in the videos: nobody says who they are."""
    path = os.path.join(work, 'videos.npz')
    if os.path.exists(path):
        return np.load(path)['chips']
    yunet, chips = YuNet(data), []
    for video in videos(data):
        capture, n, before = cv2.VideoCapture(video), 0, len(chips)
        while True:
            good, picture = capture.read()
            if not good:
                break
            n += 1
            if n % every:
                continue
            scale = min(1, 1280 / max(picture.shape[:2]))
            small = cv2.resize(picture, None, fx=scale, fy=scale,
                               interpolation=cv2.INTER_AREA)
            for face in yunet.find(small, .6):
                if face[2] * face[3] >= (20 * scale) ** 2:
                    chips.append(align(picture, face[4:14].reshape(5, 2) / scale,
                                       SIZE))
        print('%s: %d chips' % (os.path.basename(video), len(chips) - before),
              flush=True)
    if len(chips) > most:
        pick = np.random.default_rng(0).permutation(len(chips))[:most]
        chips = [chips[i] for i in pick]
    return keep(path, chips=np.stack(chips)[..., ::-1])['chips']
