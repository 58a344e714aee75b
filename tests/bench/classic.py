#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clip the way scripts do it, against the pipeline. The script seeks every frame
that it wants, converts all of it, runs the detector on one picture at a time and
the embedder on one face at a time (ONNX Runtime, the networks that ship); the
pipeline reads on. Both from one run, in turn; medians, and the ratio.

usage: classic.py [--frames N] [--rounds N] --build BUILD CLIP"""
import argparse
import os
import statistics
import subprocess
import time

import cv2
import numpy
import onnxruntime

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
MODELS = os.path.join(ROOT, 'kernels', 'models')
SIZE = 640
STRIDES = 8, 16, 32
PARTS = ('cls', 1), ('obj', 1), ('bbox', 4), ('kps', 10)
# ArcFace's template at 112x112 (Deng et al., 2019)
TEMPLATE = numpy.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                        [41.5493, 92.3655], [70.7299, 92.2041]], numpy.float32)


def network(name):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(os.path.join(MODELS, name), options,
                                        providers=['CPUExecutionProvider'])


def find(net, names, picture, threshold=.5):
    """Landmarks [n, 5, 2] of the faces in a picture, in its pixels."""
    scale = SIZE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    h, w = (-(-n // 32) * 32 for n in small.shape[:2])
    x = numpy.zeros((h, w, 3), numpy.float32)
    x[:small.shape[0], :small.shape[1]] = small
    out = dict(zip(names, net.run(None, {'input': x.transpose(2, 0, 1)[None]})))
    boxes, scores, marks = [], [], []
    for s in STRIDES:
        cls, obj, box, kps = (out['%s_%d' % (part, s)].reshape(-1, n) for part, n in PARTS)
        score = numpy.sqrt(cls[:, 0] * obj[:, 0])
        for k in numpy.nonzero(score >= threshold)[0]:
            cell = numpy.array([k % (w // s), k // (w // s)])
            size = numpy.exp(box[k, 2:]) * s
            boxes.append([*((cell + box[k, :2]) * s - size / 2), *size])
            scores.append(float(score[k]))
            marks.append((kps[k].reshape(5, 2) + cell) * s / scale)
    if not boxes:
        return []
    return [marks[i] for i in numpy.array(cv2.dnn.NMSBoxes(boxes, scores, threshold, .3)).ravel()]


def classic(clip, frames):
    """Seconds, and faces."""
    detector, embedder = network('reid-detect-s.onnx'), network('reid-embed-s.onnx')
    names = [o.name for o in detector.get_outputs()]
    start, faces = time.perf_counter(), 0
    video = cv2.VideoCapture(clip)
    for i in range(frames):
        video.set(cv2.CAP_PROP_POS_FRAMES, i)
        good, picture = video.read()
        if not good:
            raise SystemExit('%s has only %d frames; give --frames' % (clip, i))
        for marks in find(detector, names, picture):
            m, _ = cv2.estimateAffinePartial2D(marks.astype(numpy.float32), TEMPLATE, method=cv2.LMEDS)
            if m is None:
                continue
            face = cv2.cvtColor(cv2.warpAffine(picture, m, (112, 112)), cv2.COLOR_BGR2RGB)
            x = (face.astype(numpy.float32) - 127.5) / 127.5
            embedder.run(None, {'input': x.transpose(2, 0, 1)[None]})
            faces += 1
    return time.perf_counter() - start, faces


def pipeline(clip, frames, build):
    env = dict(os.environ, GST_PLUGIN_PATH=os.path.join(build, 'gst'),
               GST_REGISTRY=os.path.join(build, 'registry.bin'))
    line = ['gst-launch-1.0', '-q', 'filesrc', 'location=' + clip, '!', 'decodebin', '!',
            'identity', 'eos-after=%d' % (frames + 1), '!', 'reiddetect', 'model=reid-detect-s', '!',
            'reidtrack', '!', 'reidembed', 'model=reid-embed-s', '!', 'reidcluster', '!', 'fakesink']
    start = time.perf_counter()
    subprocess.run(line, env=env, check=True)
    return time.perf_counter() - start


def key_distance(clip):
    """The largest number of frames from one intra frame to the next."""
    video = cv2.VideoCapture(clip)
    if not video.isOpened():
        raise SystemExit('%s cannot be opened' % clip)
    keys, n = [], 0
    while video.grab():
        if int(video.get(cv2.CAP_PROP_FRAME_TYPE)) == ord('I'):
            keys.append(n)
        n += 1
    return max(b - a for a, b in zip(keys, keys[1:] + [n])) if keys else n


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('clip')
    parser.add_argument('--build', required=True)
    parser.add_argument('--frames', type=int, default=150)
    parser.add_argument('--rounds', type=int, default=5)
    args = parser.parse_args()
    slow, fast, ratios, faces = [], [], [], 0
    for _ in range(args.rounds):
        seconds, faces = classic(args.clip, args.frames)
        slow.append(seconds)
        fast.append(pipeline(args.clip, args.frames, args.build))
        ratios.append(slow[-1] / fast[-1])
    print('%s: %d frames, intra frames up to %d apart, %d faces' % (
        os.path.basename(args.clip), args.frames, key_distance(args.clip), faces))
    print('seeking, one picture at a time: %.2f s; the pipeline: %.2f s; ratio %.1f (%s)' % (
        statistics.median(slow), statistics.median(fast), statistics.median(ratios),
        ' '.join('%.1f' % r for r in ratios)))


if __name__ == '__main__':
    main()
