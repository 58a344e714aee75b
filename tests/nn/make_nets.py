#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes net-cases.txt: what ONNX Runtime makes of the networks of nets.c.

    python3 make_nets.py BUILD/tests/nn/reid-net [NAME...] > net-cases.txt

(needs onnxruntime, onnx and numpy). Each case is `case NAME STORE [TAP...]` and
one line an output: `out COUNT NORM STEP N VALUE...`, every STEP-th value of it;
taps are inner tensors, and come after the network's own outputs. The input is
that of test-nets.c. With names only these are made, for trying."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

SAMPLES = 32
# Each network as it is; some with their weights stored in other ways too.
STORES = {'mobilefacenet-prelu': ['half', 'external'],
          'ir-small': ['half', 'external']}


# Inner tensors that are compared, too: ends of stages, and what is fused away
# when nobody asks for it.
TAPS = {'resnet-small': ['v2', 'v34', 'v39', 'v41', 'v57', 'v73'],
        'efficientnet-small': ['v17', 'v18', 'v29', 'v74'],
        'vit-small': ['v24', 'v57', 'v83', 'v93']}


def tapped(path, names):
    model = onnx.load(path)
    for name in names:
        model.graph.output.append(
            onnx.helper.make_empty_tensor_value_info(name))
    onnx.save(model, path)


def picture(shape, raw):
    *_, h, w = shape
    i = np.arange(int(np.prod(shape)), dtype=np.int64)
    x, y, c = i % w, i // w % h, i // (w * h)
    v = ((x * x * 3 + y * y * 5 + x * y * 7) // 256 + 37 * c + x + y) & 255
    v = v.astype(np.float32)
    return (v if raw else (v - np.float32(127.5)) / np.float32(128)) \
        .reshape(shape)


def main(tool, names):
    print('# Made by make_nets.py with onnxruntime', ort.__version__)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    listed = subprocess.check_output([tool, '--list'], text=True)
    for line in listed.splitlines():
        name, raw, *shape = line.split()
        shape = [int(n) for n in shape]
        if names and name not in names:
            continue
        cases = [(store, []) for store in ['float'] + STORES.get(name, [])]
        cases += [('float', TAPS[name])] if name in TAPS else []
        for store, taps in cases:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, 'net.onnx')
                how = [] if store == 'float' else ['--' + store]
                subprocess.check_output([tool, *how, name, path])
                tapped(path, taps)
                session = ort.InferenceSession(
                    path, options, providers=['CPUExecutionProvider'])
                x = picture(shape, raw == 'bytes')
                out = session.run(None, {session.get_inputs()[0].name: x})
            print('case', name, store, *taps)
            for o in out:
                flat = o.ravel().astype(np.float64)
                step = max(1, flat.size // SAMPLES)
                few = flat[::step][:SAMPLES]
                print('out', flat.size, '%.9g' % np.linalg.norm(flat), step,
                      len(few), *('%.7g' % v for v in few))
            sys.stdout.flush()


main(sys.argv[1], sys.argv[2:])
