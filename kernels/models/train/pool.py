# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faces with the teacher's answer. There are few photographs, so most of these
faces are mixes of two: what a mix of people looks like to the teacher is as
good a lesson as what a person does, and there are millions of mixes."""
import os

import cv2
import numpy as np

import damage
from teachers import MobileFaceNet

SIZE = 112


def jitter(chip, rng, size=SIZE):
    """The chip as badly aligned as by a detector."""
    a = np.deg2rad(rng.normal(0, 4))
    s = np.exp(rng.normal(0, .05))
    c, d = s * np.cos(a), s * np.sin(a)
    m = np.array([[c, -d, 0], [d, c, 0]], np.float32)
    middle = np.array([chip.shape[1] / 2, chip.shape[0] / 2 + 0.])
    m[:, 2] = size / 2 - m[:, :2] @ middle + rng.normal(0, 2, 2)
    if rng.random() < .5:
        m[0] = -m[0]
        m[0, 2] += size - 1
    return cv2.warpAffine(chip, m, (size, size), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)


def mask(rng, n):
    """Smooth, from 0 to 1: a part of a face, or all of it by halves."""
    kind = rng.random()
    if kind < .4:
        return np.full((n, n, 1), rng.uniform(.25, .75), np.float32)
    y, x = np.mgrid[:n, :n].astype(np.float32) / n - .5
    if kind < .8:
        a = rng.uniform(0, 2 * np.pi)
        d = np.cos(a) * x + np.sin(a) * y + rng.normal(0, .1)
    else:
        d = rng.uniform(.15, .3) - np.hypot(x - rng.normal(0, .12),
                                            y - rng.normal(0, .12))
    return (1 / (1 + np.exp(-d * rng.uniform(15, 60))))[..., None]


def lesson(chips, grey, rng, mixes=.7):
    """One picture for the teacher."""
    def one():
        i = int(rng.integers(len(chips)))
        chip = chips[i]
        if grey[i]:
            if rng.random() < .75:
                chip = damage.tint(chip, rng)
        elif rng.random() < .15:
            chip = np.repeat(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
        return chip

    chip = one()
    if rng.random() < mixes:
        m = mask(rng, chip.shape[0])
        chip = (chip * m + one() * (1 - m)).astype(np.uint8)
    chip = jitter(chip, rng)
    if rng.random() < .3:
        chip = damage.gamma(chip, rng)
    if rng.random() < .3:
        chip = damage.contrast(chip, rng)
    if rng.random() < .4:
        chip = damage.colour_cast(chip, rng)
    # Some of it damaged before the teacher sees it: so that its answers to
    # small and blurred faces are known, too.
    return damage.some(chip, rng, .35)


def build(data, work, chips, grey, size, seed):
    """Pictures [size, 112, 112, 3] and the teacher's unit vectors. Kept in two
    files, so that they need not be in memory."""
    pictures, vectors = (os.path.join(work, 'pool-%s.npy' % k) for k in 'pv')
    if not os.path.exists(vectors):
        teacher, rng = MobileFaceNet(data), np.random.default_rng(seed)
        p = np.lib.format.open_memmap(pictures, 'w+', np.uint8,
                                      (size, SIZE, SIZE, 3))
        v = np.zeros((size, 128), np.float32)
        for at in range(0, size, 64):
            n = min(64, size - at)
            p[at:at + n] = [lesson(chips, grey, rng) for _ in range(n)]
            v[at:at + n] = teacher.embed(p[at:at + n])
            if at % 6400 == 0:
                print('lessons: %d' % at, flush=True)
        p.flush()
        np.save(vectors, v)
    return np.load(pictures, mmap_mode='r'), np.load(vectors)
