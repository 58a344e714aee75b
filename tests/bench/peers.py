#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks on this machine's CPU: `gst-reid bench` in f32, and in bf16 where the
CPU has it, against ONNX Runtime in f32, in turn, each at its best batch; with
--torch also IR-50 in PyTorch, f32 and bf16. Prints pictures a second,
milliseconds of processor time a picture (medians) and ratios.

usage: peers.py [--rounds N] [--threads N,N,...] [--batches N,N,...] [--torch]
                --gst-reid PROGRAM MODEL[@WIDTHxHEIGHT]...

The size is that of a network that takes any: 320x320 where none is given."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime

SECONDS = 1


def bench(program, model, precision, *options, **how):
    return subprocess.run([program, 'bench', '--model', model, '--device', 'cpu', '--precision', precision, *options],
                          stdout=subprocess.DEVNULL, **how)


def precisions(program, model):
    """Wrong arguments: it has no such precision here."""
    r = bench(program, model, 'bf16', '--batch', '1', '--seconds', '.01', stderr=subprocess.DEVNULL)
    return ['f32'] if r.returncode == 2 else ['f32', 'bf16']


def ours(program, model, precision, size, batch, threads):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'bench.json')
        bench(program, model, precision, '--batch', str(batch), '--threads', str(threads), '--size', '%dx%d' % size,
              '--seconds', str(SECONDS), '--json', path, check=True)
        with open(path, encoding='utf-8') as f:
            result = json.load(f)['results'][0]
    return result['pictures_a_second'], result['cpu_ms_a_run'] / batch


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])


def rate(run, batch):
    run()
    times, start, cpu = [], time.perf_counter(), time.process_time()
    while not times or time.perf_counter() - start < SECONDS:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    cpu = time.process_time() - cpu
    return batch / statistics.median(times), cpu / len(times) / batch * 1e3


def runtime(net, size, batch):
    given = net.get_inputs()[0]
    shape = [d if isinstance(d, int) else free for d, free in
             zip(given.shape, (batch, 3, size[1], size[0]))]
    shape[0] = batch
    x = numpy.random.default_rng(1).random(shape, numpy.float32) * 2 - 1
    return rate(lambda: net.run(None, {given.name: x}), batch)


def torch_ir50(threads, batches, rounds, mine):
    """mine: pictures/s of ours, by precision."""
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'gpu'))
    import torch
    from peers_torch import ir50
    torch.set_num_threads(threads)
    for kind in torch.float32, torch.bfloat16:
        net = ir50().to(kind).to(memory_format=torch.channels_last)
        best = 0
        with torch.inference_mode():
            for batch in batches:
                x = torch.rand(batch, 3, 112, 112).to(kind).contiguous(
                    memory_format=torch.channels_last)
                best = max(best, statistics.median(
                    rate(lambda: net(x), batch)[0] for _ in range(rounds)))
        ratios = ['ours in %s: %.2f times that' % (name, speed / best) for name, speed in mine.items()]
        print('IR-50 in PyTorch %s, %s: %.1f pictures/s%s' % (
            torch.__version__, str(kind).split('.')[1], best, ''.join('; ' + r for r in ratios)), flush=True)


def compare(program, name, kinds, threads, batches, rounds):
    """Pictures/s of ours, by precision."""
    model, _, size = name.partition('@')
    size = tuple(int(n) for n in (size or '320x320').split('x'))
    net = session(model, threads)
    # a file may say how many pictures it takes
    fixed = net.get_inputs()[0].shape[0]
    taken = [fixed] if isinstance(fixed, int) else batches
    table = {b: {kind: [] for kind in kinds + ['theirs']} for b in taken}
    for _ in range(rounds):
        for batch in taken:
            for kind in kinds:
                table[batch][kind].append(ours(program, model, kind, size, batch, threads))
            table[batch]['theirs'].append(runtime(net, size, batch))
    middle = {b: {kind: [statistics.median(v) for v in zip(*runs)] for kind, runs in row.items()}
              for b, row in table.items()}
    best = {kind: max(taken, key=lambda b: middle[b][kind][0]) for kind in kinds + ['theirs']}
    theirs = middle[best['theirs']]['theirs'][0]
    for kind in kinds:
        mine = middle[best[kind]][kind][0]
        print('%-24s ours %-4s %8.1f (batch %d)  ONNX Runtime %8.1f (batch %d)  ratio %.2f' % (
            os.path.basename(name), kind, mine, best[kind], theirs, best['theirs'], mine / theirs), flush=True)
        for batch in taken:
            (a, cpu), (b, its) = middle[batch][kind], middle[batch]['theirs']
            print('  batch %-3d                   %8.1f  %26.1f  %16.2f   CPU ms %8.3f %8.3f  ratio %.2f' % (
                batch, a, b, a / b, cpu, its, its / cpu), flush=True)
    return {kind: middle[best[kind]][kind][0] for kind in kinds}


def numbers(text):
    return [int(n) for n in text.split(',')]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('models', nargs='+')
    parser.add_argument('--gst-reid', required=True)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=numbers, default=[2])
    parser.add_argument('--batches', type=numbers, default=[1, 4, 8, 16])
    parser.add_argument('--torch', action='store_true')
    args = parser.parse_args()
    kinds = precisions(args.gst_reid, args.models[0].partition('@')[0])
    for threads in args.threads:
        print('%d threads, ONNX Runtime %s in f32' % (threads, onnxruntime.__version__))
        mine = {}
        for name in args.models:
            mine[os.path.basename(name)] = compare(args.gst_reid, name, kinds, threads, args.batches, args.rounds)
        if args.torch:
            torch_ir50(threads, args.batches, args.rounds, mine.get('ir50.onnx', {}))


if __name__ == '__main__':
    main()
