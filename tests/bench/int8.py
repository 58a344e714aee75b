#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What int8 does to the embeddings of a face network: static quantisation by ONNX
Runtime (weights by channel), calibrated on real faces, against the same network in
f32 on faces of other people.

Printed for each way of quantising: the cosine between the two embeddings of a face
(least, 1 % quantile, mean), the accuracy of telling pairs of faces apart, and
pictures a second of both on one thread.

usage: int8.py [--calibrate N] [--pairs N] SHARED [MODEL MEAN SCALE]...

MODEL takes 112x112 RGB as (x - MEAN) * SCALE, each one number or three with commas;
without any: reid-embed-s and ../shared's MobileFaceNet."""
import argparse
import os
import tempfile
import time

import cv2
import numpy
import onnx
import onnxruntime
from onnxruntime import quantization

import classic

SIZE = 112
PRODUCTS = ['Conv', 'Gemm', 'MatMul']
# What stays f32, and how ranges are found. Of products alone their inputs and
# weights are int8, and what comes out goes on in f32.
WAYS = {
    'all, min-max': ((), 'MinMax'),
    'all, percentile': ((), 'Percentile'),
    'products': (('others',), 'MinMax'),
    'products but depthwise': (('others', 'depthwise'), 'MinMax'),
    'these but the first and last two': (('others', 'depthwise', 'ends'), 'MinMax'),
}


def chip(detector, names, path):
    """The aligned face in the middle of a photograph, or None."""
    picture = cv2.imread(path)[..., ::-1]
    middle = numpy.array(picture.shape[1::-1]) / 2
    faces = classic.find(detector, names, picture)
    if not len(faces):
        return None
    face = min(faces, key=lambda f: numpy.linalg.norm(f.mean(0) - middle))
    matrix, _ = cv2.estimateAffinePartial2D(face.astype(numpy.float32), classic.TEMPLATE,
                                            method=cv2.LMEDS)
    return cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)


def read_pairs(path, most):
    """[((name, number), (name, number)), same] of every so many lines."""
    pairs = []
    for line in open(path):
        f = line.split()
        if len(f) == 3:
            pairs.append(((f[0], int(f[1])), (f[0], int(f[2]))))
        elif len(f) == 4:
            pairs.append(((f[0], int(f[1])), (f[2], int(f[3]))))
    return pairs[::max(1, len(pairs) // most)]


def session(model, optimised, threads=1):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    if not optimised:  # then each layer's numbers are those of int8 without its saturation
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])


class Reader(quantization.CalibrationDataReader):
    def __init__(self, name, pictures):
        self.each = iter([{name: p[None]} for p in pictures])

    def get_next(self):
        return next(self.each, None)


def excluded(model, keep):
    """Names of the nodes that are not to be quantised."""
    products = [n for n in model.graph.node if n.op_type in PRODUCTS]
    left = set()
    if 'others' in keep:
        left |= {n.name for n in model.graph.node} - {n.name for n in products}
    if 'depthwise' in keep:
        left |= {n.name for n in products for a in n.attribute if a.name == 'group' and a.i > 1}
    if 'ends' in keep:
        left |= {n.name for n in products[:2] + products[-2:]}
    return sorted(left)


def embeddings(net, pictures):
    name = net.get_inputs()[0].name
    out = numpy.concatenate([net.run(None, {name: p[None]})[0].reshape(1, -1) for p in pictures])
    return out / numpy.linalg.norm(out, axis=1, keepdims=True)


def accuracy(vectors, pairs, at):
    """Of the best threshold."""
    cosines = numpy.array([vectors[at[a]] @ vectors[at[b]] for a, b in pairs])
    same = numpy.array([a[0] == b[0] for a, b in pairs])
    return max(((cosines >= t) == same).mean() for t in numpy.arange(-1, 1, .01))


def speed(net, picture, seconds=2):
    name = net.get_inputs()[0].name
    net.run(None, {name: picture[None]})
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        net.run(None, {name: picture[None]})
        count += 1
    return count / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace('%', '%%'))
    parser.add_argument('--calibrate', type=int, default=200)
    parser.add_argument('--pairs', type=int, default=400)
    parser.add_argument('shared')
    parser.add_argument('models', nargs='*')
    args = parser.parse_args()
    models = [args.models[i:i + 3] for i in range(0, len(args.models), 3)] or [
        (os.path.join(classic.MODELS, 'reid-embed-s.onnx'), '127.5', str(1 / 127.5)),
        (os.path.join(args.shared, 'models/mobilefacenet/MobileFaceNet.onnx'),
         '123.675,116.28,103.53', '.017124754,.017507003,.017429194')]

    detector = classic.network('reid-detect-s.onnx')
    names = [o.name for o in detector.get_outputs()]
    faces = os.path.join(args.shared, 'faces')
    folder = os.path.join(faces, 'lfw-dev')
    pairs = read_pairs(os.path.join(faces, 'lfw-dev-pairs.txt'), args.pairs)
    chips = {}
    for who, number in {p for pair in pairs for p in pair}:
        path = os.path.join(folder, who, '%s_%04d.jpg' % (who, number))
        chips[who, number] = chip(detector, names, path)
    pairs = [(a, b) for a, b in pairs if chips[a] is not None and chips[b] is not None]
    held_out = sorted({p for pair in pairs for p in pair})
    at = {p: i for i, p in enumerate(held_out)}
    people = {who for who, _ in held_out}
    others = [w for w in sorted(os.listdir(folder)) if w not in people]
    known = []
    for who in others:
        if len(known) == args.calibrate:
            break
        path = os.path.join(folder, who, sorted(os.listdir(os.path.join(folder, who)))[0])
        known.append(chip(detector, names, path))
    known = [c for c in known if c is not None]
    print('calibrated on %d faces; %d faces and %d pairs of other people'
          % (len(known), len(held_out), len(pairs)))

    for path, mean, scale in models:
        mean, scale = (numpy.array([float(v) for v in s.split(',')], numpy.float32)
                       for s in (mean, scale))

        def prepare(c):
            return ((c.astype(numpy.float32) - mean) * scale).transpose(2, 0, 1)

        pictures = [prepare(chips[p]) for p in held_out]
        plain = session(path, True)
        name = plain.get_inputs()[0].name
        exact = embeddings(plain, pictures)
        print('%s: f32: pairs %.2f %%, %.0f pictures/s' % (
            os.path.basename(path), 100 * accuracy(exact, pairs, at), speed(plain, pictures[0])))
        with tempfile.TemporaryDirectory() as work:
            ready = os.path.join(work, 'ready.onnx')
            model = onnx.load(path)
            # For opset 13, which weights by channel need.
            if model.opset_import[0].version < 13:
                model = onnx.version_converter.convert_version(model, 13)
            for i, node in enumerate(model.graph.node):
                node.name = node.name or 'node%d' % i
            onnx.save(model, ready)
            quantization.quant_pre_process(ready, ready, skip_symbolic_shape=True)
            model = onnx.load(ready)
            for way, (keep, method) in WAYS.items():
                out = os.path.join(work, 'int8.onnx')
                quantization.quantize_static(
                    ready, out, Reader(name, [prepare(c) for c in known]),
                    per_channel=True, nodes_to_exclude=excluded(model, keep),
                    calibrate_method=quantization.CalibrationMethod[method],
                    extra_options={
                        'CalibPercentile': 99.99,
                        'OpTypesToExcludeOutputQuantization': PRODUCTS if keep else []})
                got = embeddings(session(out, False), pictures)
                cosines = (got * exact).sum(1)
                print('  %-32s cosine least %.4f, 1 %% %.4f, mean %.4f; pairs %.2f %%; '
                      '%.0f pictures/s' % (
                          way, cosines.min(), numpy.quantile(cosines, .01), cosines.mean(),
                          100 * accuracy(got, pairs, at), speed(session(out, True), pictures[0])),
                      flush=True)


if __name__ == '__main__':
    main()
