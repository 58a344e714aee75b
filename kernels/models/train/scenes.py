# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures to train the detector on, and where the faces are. A face is a row of
16 numbers: left, top, width, height, five landmarks, score (1 of drawn ones), and
whether it counts: one that nobody should be punished for does not."""
import os

import cv2
import numpy as np

import damage
from people import held_out, photographs, videos
from synthetic import FIRST_SEED, episode
from teachers import YuNet

SIZE = 256
SURE, MAYBE = .55, .2  # scores of the teacher; between them a face is not judged
SWAP = [1, 0, 2, 4, 3]


def keep(path, pictures, faces):
    """Pictures as JPEG, so that they fit into memory."""
    data = [np.frombuffer(cv2.imencode('.jpg', p, [cv2.IMWRITE_JPEG_QUALITY, 95])[1],
                          np.uint8) for p in pictures]
    np.savez(path + '.part.npz', sizes=[len(d) for d in data],
             data=np.concatenate(data), counts=[len(f) for f in faces],
             faces=np.concatenate(faces))
    os.replace(path + '.part.npz', path)


def load(path):
    """(picture, faces) of all: a few GB, since to decode them again and again
    would take a third of the training's time."""
    with np.load(path) as z:
        data = np.split(z['data'], np.cumsum(z['sizes'])[:-1])
        faces = np.split(z['faces'], np.cumsum(z['counts'])[:-1])
    return [(cv2.imdecode(d, cv2.IMREAD_COLOR), f) for d, f in zip(data, faces)]


def taught(yunet, picture):
    f = yunet.find(picture, MAYBE)
    f = np.concatenate([f, np.ones((len(f), 1), np.float32)], 1) if len(f) \
        else np.zeros((0, 16), np.float32)
    f[:, 15] = (f[:, 14] >= SURE) & (f[:, 2] * f[:, 3] >= 8 * 8)
    return f


def frames(data, work, most=150):
    """Frames of the videos, each at the size that reiddetect shows a network and
    at another one."""
    path = os.path.join(work, 'frames.npz')
    if not os.path.exists(path):
        yunet, pictures, faces = YuNet(data), [], []
        rng = np.random.default_rng(1)
        for video in videos(data):
            capture = cv2.VideoCapture(video)
            count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            every, n = max(2, count // most), 0
            while True:
                good, picture = capture.read()
                if not good:
                    break
                n += 1
                if n % every:
                    continue
                longest = max(picture.shape[:2])
                for size in 640, int(rng.uniform(400, 1100)):
                    small = cv2.resize(picture, None, fx=size / longest,
                                       fy=size / longest,
                                       interpolation=cv2.INTER_AREA
                                       if size < longest else cv2.INTER_LINEAR)
                    pictures.append(small)
                    faces.append(taught(yunet, small))
            print('%s: %d pictures' % (os.path.basename(video), len(pictures)),
                  flush=True)
        keep(path, pictures, faces)
    return load(path)


def photos(data, work):
    path = os.path.join(work, 'scenes-photos.npz')
    if not os.path.exists(path):
        yunet, pictures, faces = YuNet(data), [], []
        for n, (name, file) in enumerate(photographs(data)):
            if held_out(name) or n % 2:
                continue
            pictures.append(cv2.imread(file))
            faces.append(taught(yunet, pictures[-1]))
        keep(path, pictures, faces)
    return load(path)


def drawn(work, seeds=24):
    path = os.path.join(work, 'scenes-drawn.npz')
    if not os.path.exists(path):
        pictures, faces = [], []
        for n in range(seeds):
            size = ((640, 360), (480, 360), (360, 480), (960, 540))[n % 4]
            for picture, found in episode(FIRST_SEED + 500 + n, 8, 16, *size, '2/1'):
                rows = [np.concatenate([
                    f['box'], f['landmarks'].ravel(),
                    [1, f['visible'] >= .55 and abs(f['yaw']) <= 65
                     and f['light'] >= .35 and f['box'][2] >= 8]]) for f in found]
                pictures.append(picture)
                faces.append(np.array(rows, np.float32).reshape(-1, 16))
            print('drawn scenes: %d' % len(pictures), flush=True)
        for n in range(8):
            for picture, _ in episode(FIRST_SEED + 600 + n, 0, 16, 640, 360, '1/1'):
                pictures.append(picture)
                faces.append(np.zeros((0, 16), np.float32))
        keep(path, pictures, faces)
    return load(path)


def moved(faces, m):
    """Faces in a picture that was warped by a 2x3 similarity."""
    out = faces.copy()
    if not len(faces):
        return out
    marks = faces[:, 4:14].reshape(-1, 5, 2) @ m[:, :2].T + m[:, 2]
    middle = (faces[:, :2] + faces[:, 2:4] / 2) @ m[:, :2].T + m[:, 2]
    size = faces[:, 2:4] * np.sqrt(abs(np.linalg.det(m[:, :2])))
    out[:, :2], out[:, 2:4] = middle - size / 2, size
    out[:, 4:14] = marks.reshape(-1, 10)
    return out


def window(entry, rng, near=.75, low=.45, high=1.5):
    """A square part of a picture, mostly with a face in it."""
    picture, faces = entry
    h, w = picture.shape[:2]
    s = np.exp(rng.uniform(np.log(low), np.log(high)))
    middle = np.array([rng.uniform(0, w), rng.uniform(0, h)])
    if len(faces) and rng.random() < near:
        f = faces[int(rng.integers(len(faces)))]
        s = min(s, 1.1 * SIZE / max(f[2:4]))
        middle = f[:2] + f[2:4] * .5 + rng.uniform(-.42, .42, 2) * SIZE / s
    # only rarely beyond the edge, as in a letterbox
    half = SIZE / s / 2
    if rng.random() < .8:
        for k, n in enumerate((w, h)):
            middle[k] = np.clip(middle[k], half, max(half, n - half))
    a = np.deg2rad(rng.normal(0, 6) if rng.random() < .4 else 0)
    c, d = s * np.cos(a), s * np.sin(a)
    m = np.array([[c, -d, 0], [d, c, 0]], np.float32)
    m[:, 2] = SIZE / 2 - m[:, :2] @ middle
    if s < .6:
        picture = cv2.GaussianBlur(picture, (0, 0), .35 / s)
    return (cv2.warpAffine(picture, m, (SIZE, SIZE), flags=cv2.INTER_LINEAR),
            moved(faces, m))


def composed(grounds, people, rng):
    """Photographs on a ground where nobody is."""
    canvas, _ = window(grounds[int(rng.integers(len(grounds)))], rng)
    canvas = canvas.astype(np.float32)
    kept, taken = [], np.zeros((SIZE, SIZE), bool)
    for _ in range(int(rng.integers(1, 7))):
        picture, faces = people[int(rng.integers(len(people)))]
        if not len(faces):
            continue
        if rng.random() < .75:
            picture = damage.tint(picture, rng)[..., ::-1]
        if rng.random() < .3:
            picture = damage.gamma(picture, rng)
        want = np.exp(rng.uniform(np.log(10), np.log(.8 * SIZE)))
        s = want / faces[:, 3].max()
        a = np.deg2rad(rng.normal(0, 12))
        c, d = s * np.cos(a), s * np.sin(a)
        m = np.array([[c, -d, 0], [d, c, 0]], np.float32)
        half = 125 * s
        middle = rng.uniform(min(half, SIZE / 2), max(SIZE - half, SIZE / 2), 2)
        m[:, 2] = middle - m[:, :2] @ np.array([125., 125.])
        if s < .6:
            picture = cv2.GaussianBlur(picture, (0, 0), .35 / s)
        # soft or hard edges, and more or less of what is around the face
        y, x = np.mgrid[:250, :250].astype(np.float32)
        edge = rng.uniform(0, 55)
        inside = np.minimum(np.minimum(x, 249 - x), np.minimum(y, 249 - y)) - edge
        alpha = np.clip(inside / rng.uniform(1, 15), 0, 1)
        alpha = cv2.warpAffine(alpha, m, (SIZE, SIZE))[..., None]
        area = alpha[..., 0] > .02
        if (area & taken).any():
            continue
        taken |= area
        layer = cv2.warpAffine(picture, m, (SIZE, SIZE)).astype(np.float32)
        canvas += (layer - canvas) * alpha
        kept.append(moved(faces, m))
    faces = np.concatenate(kept) if kept else np.zeros((0, 16), np.float32)
    return canvas.astype(np.uint8), faces


class Scenes:
    def __init__(self, data, work):
        self.frames = frames(data, work)
        self.photos = photos(data, work)
        self.drawn = drawn(work)
        self.grounds = [e for e in self.frames + self.drawn if not len(e[1])]

    def draw(self, rng):
        """One picture [SIZE, SIZE, 3] in BGR, its faces, and whether they are the
        truth."""
        kind = rng.random()
        if kind < .5:
            near = rng.random() < .6  # to the sizes that reiddetect shows
            picture, faces = window(self.frames[int(rng.integers(len(self.frames)))],
                                    rng, low=.8 if near else .45,
                                    high=1.2 if near else 1.7)
        elif kind < .75:
            picture, faces = composed(self.grounds, self.photos, rng)
        else:
            picture, faces = window(self.drawn[int(rng.integers(len(self.drawn)))],
                                    rng)
        if rng.random() < .5:
            picture = np.ascontiguousarray(picture[:, ::-1])
            if len(faces):
                faces = faces.copy()
                faces[:, 0] = SIZE - 1 - faces[:, 0] - faces[:, 2]
                marks = faces[:, 4:14].reshape(-1, 5, 2)[:, SWAP]
                marks[..., 0] = SIZE - 1 - marks[..., 0]
                faces[:, 4:14] = marks.reshape(-1, 10)
        if rng.random() < .25:
            picture = damage.gamma(picture, rng)
        if rng.random() < .2:
            picture = damage.contrast(picture, rng)
        if rng.random() < .3:
            picture = damage.colour_cast(picture, rng)
        if rng.random() < .1:
            picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None],
                                3, 2)
        picture = damage.some(picture, rng, .35)
        if rng.random() < .1:
            picture = damage.cover(picture, rng, .05, .25)
        # of what is mostly outside nobody is asked
        if len(faces):
            l, t = np.clip(faces[:, 0], 0, SIZE), np.clip(faces[:, 1], 0, SIZE)
            r = np.clip(faces[:, 0] + faces[:, 2], 0, SIZE)
            b = np.clip(faces[:, 1] + faces[:, 3], 0, SIZE)
            share = (r - l) * (b - t) / (faces[:, 2] * faces[:, 3])
            faces = faces.copy()
            faces[(share < .6) | (faces[:, 2] * faces[:, 3] < 81), 15] = 0
            faces = faces[share > .05]
        return picture, faces, kind >= .75
