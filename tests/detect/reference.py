#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faces that ONNX Runtime and a plain NumPy decoding find in a few photographs,
as the C arrays of reference.h.

  reference.py SHARED > reference.h

SHARED has models/ and faces/lfw-dev/. Needs numpy, onnxruntime and OpenCV (for
reading JPEG). Nothing here comes from the C code: resampling, decoding and
suppression are written out again.
"""
import sys

import cv2
import numpy as np
import onnxruntime as ort

ort.set_default_logger_severity(3)

PHOTOS = ['Charles_Taylor/Charles_Taylor_0004.jpg',
          'Ernesto_Zedillo/Ernesto_Zedillo_0002.jpg',
          'Ariel_Sharon/Ariel_Sharon_0001.jpg']
RUNS = [('models/yunet/yunet_n_dynamic.onnx', 640, 0.6),
        ('models/yunet/yunet_n_dynamic.onnx', 160, 0.6),
        ('models/yunet/yunet_n_320_320.onnx', 0, 0.6),
        ('models/ultralight/version-RFB-320.onnx', 0, 0.7),
        ('models/ultralight/version-slim-320.onnx', 0, 0.7),
        ('models/blazeface/blazeface.onnx', 0, 0.75)]
NMS = 0.3


def resample(n_in, n_out):
    """Matrix [n_out, n_in]: mean over the covered interval when shrinking,
    linear between pixel centres when enlarging."""
    m = np.zeros((n_out, n_in))
    step = n_in / n_out
    for i in range(n_out):
        if step > 1:
            a, b = i * step, (i + 1) * step
            for k in range(int(a), min(n_in, int(np.ceil(b)))):
                m[i, k] = min(b, k + 1) - max(a, k)
            m[i] /= m[i].sum()
        else:
            x = np.clip((i + 0.5) * step - 0.5, 0, n_in - 1)
            k = min(int(x), n_in - 2)
            m[i, k] += 1 - (x - k)
            m[i, k + 1] += x - k
    return m


def resize(grey, width, height):
    return (resample(grey.shape[0], height) @ grey.astype(float)
            @ resample(grey.shape[1], width).T)


def iou(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def suppress(faces):
    kept = []
    for f in sorted(faces, key=lambda f: -f[0]):
        if all(iou(f[1], k[1]) <= NMS for k in kept):
            kept.append(f)
    return kept


def yunet(session, grey, size, threshold):
    shape = session.get_inputs()[0].shape
    if size:
        scale = size / max(grey.shape)
        width, height = (int(np.ceil(n * scale / 32)) * 32
                         for n in grey.shape[::-1])
    else:
        height, width = shape[2:]
    scale = min(width / grey.shape[1], height / grey.shape[0])
    used = [int(n * scale + 0.5) for n in grey.shape[::-1]]
    picture = np.zeros((height, width))
    picture[:used[1], :used[0]] = resize(grey, *used)
    x = np.stack([picture] * 3)[None].astype(np.float32)
    names = [o.name for o in session.get_outputs()]
    out = dict(zip(names, session.run(None, {'input': x})))
    faces = []
    for s in 8, 16, 32:
        score = np.sqrt(np.clip(out['cls_%d' % s], 0, 1)
                        * np.clip(out['obj_%d' % s], 0, 1))[0, :, 0]
        for i in np.flatnonzero(score >= threshold):
            cell = np.array([i % (width // s), i // (width // s)])
            bx = out['bbox_%d' % s][0, i]
            centre, extent = (cell + bx[:2]) * s, np.exp(bx[2:]) * s
            points = (out['kps_%d' % s][0, i].reshape(5, 2) + cell) * s
            faces.append((score[i], np.r_[centre - extent / 2, extent],
                          points.ravel()))
    return faces, grey.shape[1] / used[0], grey.shape[0] / used[1]


def ultralight(session, grey, size, threshold):
    height, width = session.get_inputs()[0].shape[2:]
    picture = (resize(grey, width, height) - 127) / 128
    x = np.stack([picture] * 3)[None].astype(np.float32)
    scores, boxes = session.run(['scores', 'boxes'], {'input': x})
    scale = np.array([width, height] * 2)
    faces = []
    for i in np.flatnonzero(scores[0, :, 1] >= threshold):
        b = boxes[0, i] * scale
        faces.append((scores[0, i, 1], np.r_[b[:2], b[2:] - b[:2]], None))
    return faces, grey.shape[1] / width, grey.shape[0] / height


def blazeface(session, grey, size, threshold, anchors):
    assert grey.shape[0] == grey.shape[1]
    picture = resize(grey, 128, 128) / 127.5 - 1
    x = np.stack([picture] * 3)[None].astype(np.float32)
    r, logits = session.run(None, {session.get_inputs()[0].name: x})
    score = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -100, 100)))
    faces = []
    for i in np.flatnonzero(score >= threshold):
        at = anchors[i, :2] * 128
        v = r[0, i].astype(float)
        p = v[4:12].reshape(4, 2) + at
        half = 0.414 * (p[1] - p[0])
        points = np.r_[p[0], p[1], p[2], p[3] - half, p[3] + half]
        faces.append((score[i], np.r_[at + v[:2] - v[2:4] / 2, v[2:4]], points))
    return faces, grey.shape[1] / 128, grey.shape[0] / 128


def main():
    shared = sys.argv[1]
    anchors = np.load(shared + '/models/blazeface/anchors.npy')
    print('/* SPDX-License-Identifier: LGPL-2.1-or-later */')
    print('/* Made by reference.py with ONNX Runtime. Boxes and landmarks in '
          'pixels of the\n * photograph; the landmarks are all 0 where the '
          'network gives none. */')
    print('static const Reference references[] = {')
    for model, size, threshold in RUNS:
        session = ort.InferenceSession('%s/%s' % (shared, model))
        for photo in PHOTOS:
            grey = cv2.imread('%s/faces/lfw-dev/%s' % (shared, photo),
                              cv2.IMREAD_GRAYSCALE)
            if 'yunet' in model:
                got = yunet(session, grey, size, threshold)
            elif 'ultralight' in model:
                got = ultralight(session, grey, size, threshold)
            else:
                got = blazeface(session, grey, size, threshold, anchors)
            faces, sx, sy = got
            faces = suppress(faces)
            # So near to the threshold a rounding error decides.
            assert all(abs(f[0] - threshold) > 0.02 for f in faces)
            print('  { "%s",\n    "faces/lfw-dev/%s",\n    %d, %d, {'
                  % (model, photo, size, len(faces)))
            for score, box, points in faces:
                box = box * [sx, sy, sx, sy]
                points = np.zeros(10) if points is None else (
                    points.reshape(5, 2) * [sx, sy]).ravel()
                print('      { %.4f, { %s },\n        { %s } },' % (
                    score, ', '.join('%.2f' % v for v in box),
                    ', '.join('%.2f' % v for v in points)))
            print('    } },')
    print('};')


if __name__ == '__main__':
    main()
