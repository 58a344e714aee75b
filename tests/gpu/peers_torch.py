#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""IR-50 in PyTorch on a GPU, f16 and channels last, as fast as PyTorch makes it:
eager, as a CUDA graph, and (the last batch) compiled. Pictures are copied in from pinned memory
as f32, and vectors out, as bench-gpu does it; medians.

usage: peers_torch.py [--batches N,N,...] [--no-compile]"""
import argparse
import statistics
import time

import torch
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs), nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs))
        self.side = nn.Identity() if stride == 1 and inputs == outputs else nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x) + self.side(x)


def ir50():
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)]
    inputs = 64
    for outputs, n in (64, 3), (128, 4), (256, 14), (512, 3):
        for i in range(n):
            layers.append(Block(inputs, outputs, 2 if i == 0 else 1))
            inputs = outputs
    layers += [nn.BatchNorm2d(512), nn.Flatten(), nn.Linear(512 * 49, 512),
               nn.BatchNorm1d(512)]
    return nn.Sequential(*layers).eval()


def rate(run, batch, pinned, result):
    """Pictures a second, copies included."""
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(30):
        before = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - before)
    return batch / statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--batches', default='1,64,256')
    parser.add_argument('--no-compile', action='store_true')
    args = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    device = torch.device('cuda')
    net = ir50().to(device).half().to(memory_format=torch.channels_last)
    batches = [int(b) for b in args.batches.split(',')]
    print('torch %s, cuDNN %s' % (torch.__version__, torch.backends.cudnn.version()))
    compiled = None if args.no_compile else torch.compile(net)
    with torch.inference_mode():
        for batch in batches:
            pinned = torch.rand(batch, 3, 112, 112).pin_memory()
            result = torch.empty(batch, 512, dtype=torch.float16).pin_memory()
            place = torch.empty(batch, 3, 112, 112, device=device)

            def compute(f):
                return f(place.half().contiguous(memory_format=torch.channels_last))

            def whole(f):
                place.copy_(pinned, non_blocking=True)
                result.copy_(compute(f), non_blocking=True)

            print('torch eager          batch %4d %9.0f pictures/s' % (
                batch, rate(lambda: whole(net), batch, pinned, result)), flush=True)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                out = compute(net)

            def replay():
                place.copy_(pinned, non_blocking=True)
                graph.replay()
                result.copy_(out, non_blocking=True)

            print('torch CUDA graph     batch %4d %9.0f pictures/s' % (
                batch, rate(replay, batch, pinned, result)), flush=True)
            if compiled is not None and batch == batches[-1]:
                print('torch.compile        batch %4d %9.0f pictures/s' % (
                    batch, rate(lambda: whole(compiled), batch, pinned, result)),
                    flush=True)


if __name__ == '__main__':
    main()
