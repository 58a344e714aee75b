# SPDX-License-Identifier: LGPL-2.1-or-later
"""What cameras, codecs and crowds do to a picture. All functions take and give
uint8 pictures, and draw from the generator that they are given."""
import cv2
import numpy as np


def gamma(picture, rng, least=.5, most=2.):
    g = np.exp(rng.uniform(np.log(least), np.log(most)))
    table = (np.linspace(0, 1, 256) ** g * 255).astype(np.uint8)
    return cv2.LUT(picture, table)


def contrast(picture, rng):
    a, b = rng.uniform(.6, 1.3), rng.uniform(-30, 30)
    table = np.clip((np.arange(256) - 128) * a + 128 + b, 0, 255)
    return cv2.LUT(picture, table.astype(np.uint8))


def colour_cast(picture, rng, strength=.25):
    table = np.arange(256)[:, None] * np.exp(rng.normal(0, strength / 2, 3))
    return cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)[None])


def tint(picture, rng):
    """A grey face in the colours of skin under some light: a table from dark to
    bright through a random tone."""
    hue = rng.uniform(0, 30)
    tone = cv2.cvtColor(np.uint8([[[hue, rng.uniform(20, 170), 200]]]),
                        cv2.COLOR_HSV2RGB)[0, 0] / 200.
    g = np.arange(256)[:, None] / 255.
    # highlights are whiter than the tone
    table = g * (tone + (1 - tone) * g ** 2) * rng.uniform(.9, 1.15)
    return cv2.LUT(picture, np.clip(table * 255, 0, 255).astype(np.uint8)[None])


def blur(picture, rng, most=2.2):
    if rng.random() < .35:  # moved while the shutter was open
        n = int(rng.integers(3, 9))
        k = np.zeros((n, n), np.float32)
        a = rng.uniform(0, np.pi)
        for t in np.linspace(-.5, .5, 4 * n):
            k[int(round((n - 1) * (.5 + t * np.sin(a)))),
              int(round((n - 1) * (.5 + t * np.cos(a))))] = 1
        return cv2.filter2D(picture, -1, k / k.sum())
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(.4, most))


def shrink(picture, rng, least=.2):
    """Fewer pixels, and back."""
    h, w = picture.shape[:2]
    s = rng.uniform(least, .8)
    small = cv2.resize(picture, (max(4, int(w * s)), max(4, int(h * s))),
                       interpolation=cv2.INTER_AREA)
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    return cv2.resize(small, (w, h), interpolation=how)


def jpeg(picture, rng):
    _, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY,
                                             int(rng.integers(15, 80))])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


# Drawing a normal number for each value would take longer than all the rest.
GRAIN = np.random.default_rng(0).normal(0, 1, (400, 400, 3)).astype(np.float32)


def noise(picture, rng, most=14.):
    h, w = picture.shape[:2]
    y, x = rng.integers(0, 400 - h), rng.integers(0, 400 - w)
    grain = GRAIN[y:y + h, x:x + w]
    if rng.random() < .5:
        grain = grain[..., :1]
    return np.clip(picture + grain * np.float32(rng.uniform(1, most)), 0,
                   255).astype(np.uint8)


def dark(picture, rng):
    low = (picture * rng.uniform(.12, .45)).astype(np.uint8)
    return noise(low, rng, 8.)


def cover(picture, rng, least=.1, most=.4):
    """Something before a part of it: a bar from an edge, or a spot."""
    h, w = picture.shape[:2]
    picture = picture.copy()
    tone = rng.integers(0, 256, 3)
    if rng.random() < .5:
        n = int(rng.uniform(least, most) * h)
        side = rng.integers(4)
        area = ((slice(0, n), slice(None)), (slice(h - n, h), slice(None)),
                (slice(None), slice(0, n)), (slice(None), slice(w - n, w)))[side]
    else:
        a, b = int(rng.uniform(least, most) * h), int(rng.uniform(least, most) * w)
        y, x = int(rng.integers(h - a)), int(rng.integers(w - b))
        area = (slice(y, y + a), slice(x, x + b))
    picture[area] = tone
    return picture


def some(picture, rng, share=.6):
    """None to three of the above."""
    if rng.random() > share:
        return picture
    for how, chance in ((blur, .3), (shrink, .35), (noise, .25), (dark, .08),
                        (jpeg, .35)):
        if rng.random() < chance:
            picture = how(picture, rng)
    return picture
