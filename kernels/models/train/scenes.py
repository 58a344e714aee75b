# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures to train the detector on, and where the faces are. A face is a row of
16 numbers: left, top, width, height, five landmarks, score (1 of drawn ones), and
whether it counts: one that nobody should be punished for does not."""
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

import damage
from people import held_out, photographs, videos
from synthetic import FIRST_SEED, episode
from teachers import YuNet

SIZE = 256
SURE, MAYBE = .55, .2  # scores of the teacher; between them a face is not judged
SWAP = [1, 0, 2, 4, 3]


def at_once(how, things):
    """OpenCV and ONNX Runtime let other threads run."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(how, things))


def keep(path, faces, pictures=()):
    """Pictures as WebP: a folder of all of them is to stay small enough to be
    carried to another machine. They are labels of nothing, the teacher sees them
    as they come out of it."""
    data = at_once(lambda p: cv2.imencode('.webp', p, [cv2.IMWRITE_WEBP_QUALITY,
                                                       75])[1].ravel(), pictures)
    np.savez(path + '.part.npz', sizes=[len(d) for d in data],
             data=np.concatenate(data) if data else np.zeros(0, np.uint8),
             counts=[len(f) for f in faces], faces=np.concatenate(faces))
    os.replace(path + '.part.npz', path)


def load(path):
    """Faces and pictures of all: decoded, which is a few GB, since to do that
    again and again would take a third of the training's time."""
    with np.load(path) as z:
        data = np.split(z['data'], np.cumsum(z['sizes'])[:-1])
        faces = np.split(z['faces'], np.cumsum(z['counts'])[:-1])
    return faces, at_once(lambda d: cv2.imdecode(d, cv2.IMREAD_COLOR),
                          data if data[0].size else [])


def taught(yunet, picture):
    f = yunet.find(picture, MAYBE)
    f = np.concatenate([f, np.ones((len(f), 1), np.float32)], 1) if len(f) \
        else np.zeros((0, 16), np.float32)
    f[:, 15] = (f[:, 14] >= SURE) & (f[:, 2] * f[:, 3] >= 8 * 8)
    return f


def at_size(picture, size):
    """The same with a longest side of `size`."""
    longest = max(picture.shape[:2])
    return cv2.resize(picture, None, fx=size / longest, fy=size / longest,
                      interpolation=cv2.INTER_AREA if size < longest
                      else cv2.INTER_LINEAR)


def shown(video, every=2):
    """Frames of a video, each at the size that reiddetect shows a network and at
    another one."""
    capture, pictures, n = cv2.VideoCapture(video), [], 0
    rng = np.random.default_rng(1)
    while True:
        good, picture = capture.read()
        if not good:
            return pictures
        n += 1
        if n % every:
            continue
        for size in 640, int(rng.uniform(400, 1100)):
            pictures.append(at_size(picture, size))


def frames(data, work):
    """The videos are small, and decoded anew each time."""
    path = os.path.join(work, 'frames.npz')
    pictures = sum(at_once(shown, videos(data)), [])
    faces = load(path)[0] if os.path.exists(path) else []
    if len(faces) != len(pictures):
        yunet = YuNet(data)
        faces = at_once(lambda p: taught(yunet, p), pictures)
        print('frames: %d pictures' % len(pictures), flush=True)
        keep(path, faces)
    return list(zip(pictures, faces))


def photos(data, work):
    path = os.path.join(work, 'scenes-photos.npz')
    if not os.path.exists(path):
        yunet, pictures, faces = YuNet(data), [], []
        for n, (name, file) in enumerate(photographs(data)):
            if held_out(name) or n % 2:
                continue
            pictures.append(cv2.imread(file))
            faces.append(taught(yunet, pictures[-1]))
        keep(path, faces, pictures)
    return list(zip(*reversed(load(path))))


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
        keep(path, faces, pictures)
    return list(zip(*reversed(load(path))))


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


def warped(picture, m):
    """A SIZE x SIZE picture by a 2x3 similarity. What becomes much smaller is
    averaged first, so that no pixel is passed over."""
    scale = np.sqrt(abs(np.linalg.det(m[:, :2])))
    if scale < .6:
        h, w = picture.shape[:2]
        small = max(4, round(w * scale / .8)), max(4, round(h * scale / .8))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        f = np.array([w, h]) / small
        m = np.concatenate([m[:, :2] * f, (m[:, 2] + m[:, :2] @ (f / 2 - .5))
                            [:, None]], 1)
    return cv2.warpAffine(picture, m, (SIZE, SIZE), flags=cv2.INTER_LINEAR)


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
    if s == 1 and a == 0:
        m[:, 2] = np.rint(m[:, 2])  # its own pixels
    return warped(picture, m), moved(faces, m)


# of a photograph's pixels, how far they are from its edge
EDGE = np.minimum(np.arange(250), 249 - np.arange(250)).astype(np.float32)
EDGE = np.minimum(EDGE[:, None], EDGE)


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
        # soft or hard edges, and more or less of what is around the face
        alpha = np.clip((EDGE - rng.uniform(0, 55)) / rng.uniform(1, 15), 0, 1)
        alpha = warped(alpha, m)[..., None]
        area = alpha[..., 0] > .02
        if (area & taken).any():
            continue
        taken |= area
        canvas += (warped(picture, m) - canvas) * alpha
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
            # as reiddetect shows them, near to that, or of any size
            low, high = ((1, 1), (.8, 1.2), (.45, 1.7))[int(
                np.searchsorted((.3, .7), rng.random()))]
            picture, faces = window(self.frames[int(rng.integers(len(self.frames)))],
                                    rng, low=low, high=high)
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
