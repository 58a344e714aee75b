#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes model-cases.txt: what ONNX Runtime makes of the real networks.

    python3 make_models.py ../../../shared > model-cases.txt

needs onnxruntime, numpy and Pillow. Of every output stands the shape, the sum
and the Euclidean norm over all its elements, and up to 24 elements at equal
distances (all of an embedding). The pictures are made by picture() here and in
test-models.c: `waves` out of integers, `face` out of a grey photograph."""

import sys

import numpy as np
import onnxruntime as ort
from PIL import Image

PHOTO = 'faces/lfw-dev/Aaron_Tippin/Aaron_Tippin_0001.jpg'
CASES = [
    ('yunet/yunet_n_320_320.onnx', (320, 320), 0, 1),
    ('yunet/yunet_n_640_640.onnx', (640, 640), 0, 1),
    ('yunet/yunet_n_dynamic.onnx', (320, 320), 0, 1),
    ('yunet/yunet_n_dynamic.onnx', (96, 160), 0, 1),
    ('yunet/yunet_n_dynamic.onnx', (384, 640), 0, 1),
    ('ultralight/version-RFB-320.onnx', (240, 320), 127, 1 / 128),
    ('ultralight/version-slim-320.onnx', (240, 320), 127, 1 / 128),
    ('blazeface/blazeface.onnx', (128, 128), 127.5, 1 / 127.5),
    ('mobilefacenet/MobileFaceNet.onnx', (112, 112), 116, 1 / 58),
]


def picture(kind, shared, height, width):
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    if kind == 'waves':
        return np.stack([((x * x * 3 + y * y * 5 + x * y * 7) // 256
                          + 37 * c + x + y) & 255 for c in range(3)])
    photo = np.asarray(Image.open(f'{shared}/{PHOTO}').convert('L'), np.int64)
    h, w = photo.shape
    grey = photo[y * h // height, x * w // width]
    return np.stack([grey] * 3)


def main(shared):
    print('# Made by make_models.py with onnxruntime', ort.__version__)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    for model, (height, width), mean, scale in CASES:
        session = ort.InferenceSession(f'{shared}/models/{model}', options,
                                       providers=['CPUExecutionProvider'])
        for kind in ('waves', 'face'):
            x = picture(kind, shared, height, width).astype(np.float32)
            x = (x - np.float32(mean)) * np.float32(scale)
            out = session.run(None, {session.get_inputs()[0].name: x[None]})
            print('case', model, kind, height, width, mean,
                  repr(float(np.float32(scale))))
            for o in out:
                flat = o.ravel().astype(np.float64)
                few = flat if flat.size <= 128 else \
                    flat[::max(1, flat.size // 24)][:24]
                step = 1 if flat.size <= 128 else max(1, flat.size // 24)
                print('out', *o.shape, '=', '%.9g' % flat.sum(),
                      '%.9g' % np.linalg.norm(flat), step, len(few),
                      *('%.7g' % v for v in few))


main(sys.argv[1])
