#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains reid-detect-s.

usage: train_detect.py DATA WORK [--out FILE] [--images N] [--rate R] [--threads N]

DATA has faces/lfw-dev, videos, and models/ with the teacher; WORK takes what is
made on the way, and the checkpoints that a run which was stopped goes on from.

It begins with the teacher itself, of which half is taken away (prune.py), and
learns the teacher's answer of every cell to pictures that were damaged. Of drawn
people the truth is known, and corrects the teacher: where there is no face, none is
to be found, and faces that the teacher misses are asked of the cells around their
middles. Boxes by their distance-IoU (Zheng et al., 2020), landmarks by their
distance in sizes of the face. What is written is the running mean of the weights."""
import argparse
import copy
import math
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from calibrate import calibrate
from detector import PARTS, STRIDES, Detector
from prune import detecting_teacher, pruned_detector
from scenes import SIZE, Scenes
from teachers import session

SEED = 20261127
MOST = 48  # faces in a picture
MISSED = .5  # what the teacher scores below this it did not find


def grid(size):
    """[cells, 3]: column, row, stride."""
    rows = [np.stack([np.tile(np.arange(size // s), size // s),
                      np.repeat(np.arange(size // s), size // s),
                      np.full((size // s) ** 2, s)], 1) for s in STRIDES]
    return torch.from_numpy(np.concatenate(rows)).float()


def correct(cells, answer, score, faces):
    """Puts the truth about a drawn picture into the teacher's answer [cells, 16],
    whose scores are probabilities here."""
    middle = (cells[:, :2] + .5) * cells[:, 2:]
    face_middle = faces[:, :2] + faces[:, 2:4] / 2
    away = (middle[:, None] - face_middle[None]).abs()
    near = (away <= .75 * faces[None, :, 2:4]).all(2)
    answer[~near.any(1), 1] = 0
    inside = (away <= .5 * faces[None, :, 2:4]).all(2)
    size = (faces[:, 2] * faces[:, 3]).sqrt()
    stride = torch.where(size < 44, 8, torch.where(size < 96, 16, 32))
    for k in range(len(faces)):
        if faces[k, 15] == 0 or (score * inside[:, k]).max() >= MISSED:
            continue
        own = (away[:, k] <= cells[:, 2:]).all(1) & (cells[:, 2] == stride[k])
        at = cells[own]
        answer[own, :2] = .85
        answer[own, 2:4] = face_middle[k] / at[:, 2:] - at[:, :2]
        answer[own, 4:6] = torch.log(faces[k, 2:4] / at[:, 2:])
        answer[own, 6:] = (faces[k, 4:14].view(1, 5, 2) / at[:, None, 2:]
                           - at[:, None, :2]).flatten(1)


def boxes_of(out, cells):
    middle = (cells[:, :2] + out[..., 2:4]) * cells[:, 2:]
    size = torch.exp(out[..., 4:6].clamp(-6, 6)) * cells[:, 2:]
    return torch.cat([middle - size / 2, size], -1)


def distance_iou(a, b):
    """Of boxes [n, 4] of left, top, width, height."""
    a2, b2 = a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]
    both = (torch.minimum(a2, b2) - torch.maximum(a[:, :2], b[:, :2])).clamp(0)
    both = both.prod(1)
    iou = both / (a[:, 2:].prod(1) + b[:, 2:].prod(1) - both + 1e-6)
    hull = torch.maximum(a2, b2) - torch.minimum(a[:, :2], b[:, :2])
    apart = ((a[:, :2] + a2 - b[:, :2] - b2) / 2).pow(2).sum(1)
    return iou - apart / (hull.pow(2).sum(1) + 1e-6)


def loss_of(out, target, cells):
    """Of the answers [n, cells, 16]; scores of `target` are probabilities."""
    obj, cls = target[..., 1], target[..., 0]
    score = (obj * cls).sqrt()
    n = score.square().sum() + 1
    parts = [F.binary_cross_entropy_with_logits(out[..., 1], obj, reduction='sum') / n,
             F.binary_cross_entropy_with_logits(out[..., 0], cls, obj,
                                                reduction='sum') / n]
    picture, cell = (score > .25).nonzero(as_tuple=True)
    if not len(cell):
        return *parts, out.sum() * 0, out.sum() * 0
    weight = score[picture, cell]
    own, face, at = out[picture, cell], target[picture, cell], cells[cell]
    boxes = boxes_of(face, at)
    diou = distance_iou(boxes_of(own, at), boxes)
    size = boxes[:, 2:].prod(1).sqrt()
    off = (own[:, 6:] - face[:, 6:]) * (at[:, 2:] / size[:, None])
    off = F.smooth_l1_loss(off, torch.zeros_like(off), beta=.01, reduction='none')
    return (*parts, (weight * (1 - diou)).sum() / weight.sum(),
            (weight * off.mean(1)).sum() / weight.sum())


class Batches(torch.utils.data.Dataset):
    def __init__(self, scenes, batch, steps, first):
        self.scenes, self.batch = scenes, batch
        self.steps, self.first = steps, first

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, step):
        rng = np.random.default_rng([SEED, self.first + step])
        x = np.zeros((self.batch, SIZE, SIZE, 3), np.uint8)
        faces = np.zeros((self.batch, MOST, 16), np.float32)
        counts = np.full(self.batch, -1)  # where no truth is known
        for i in range(self.batch):
            x[i], f, known = self.scenes.draw(rng)
            if not known:
                continue
            counts[i] = min(MOST, len(f))
            faces[i, :counts[i]] = f[:MOST]
        return torch.from_numpy(x), torch.from_numpy(faces), torch.from_numpy(counts)


def check_file(path, net, x):
    """The file answers as the network does, but for its half precision."""
    names = ['%s_%d' % (part, s) for s in STRIDES for part, _ in PARTS]
    found = session(path, 1).run(names, {'input': x.numpy()})
    found = np.concatenate([np.concatenate(found[k:k + 4], 2)
                            for k in range(0, len(found), 4)], 1)
    with torch.no_grad():
        wanted = net(x)
    wanted[..., :2] = torch.sigmoid(wanted[..., :2])
    off = np.abs(found - wanted.numpy())
    print('file: scores off by %.4f, the rest by %.4f cells' % (
        off[..., :2].max(), off[..., 2:].max()), flush=True)
    if off[..., :2].max() > .05:
        raise SystemExit('%s does not answer as the network does' % path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('data')
    parser.add_argument('work')
    parser.add_argument('--out', default='reid-detect-s.onnx')
    parser.add_argument('--images', type=int, default=48000)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rate', type=float, default=1e-3)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)

    scenes = Scenes(args.data, args.work)
    big = detecting_teacher(args.data).to(memory_format=torch.channels_last)
    state, first = os.path.join(args.work, 'detect.pt'), 0
    saved = torch.load(state) if os.path.exists(state) else None
    if saved:
        net = Detector()
    else:
        rng = np.random.default_rng(SEED)
        some = np.stack([scenes.draw(rng)[0] for _ in range(160)])
        net = pruned_detector(big, torch.from_numpy(some).permute(
            0, 3, 1, 2).float(), SEED)
    net = net.to(memory_format=torch.channels_last)
    batch = 16
    steps = args.images // batch
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=1e-3)
    warm = 100
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1, (s + 1) / warm)
        * (.5 + .5 * math.cos(math.pi * min(1, s / steps))) + 1e-3)
    mean = copy.deepcopy(net)
    if saved:
        first = saved['step']
        net.load_state_dict(saved['net'])
        mean.load_state_dict(saved['mean'])
        optimizer.load_state_dict(saved['optimizer'])
        schedule.load_state_dict(saved['schedule'])

    cells = grid(SIZE)
    loader = torch.utils.data.DataLoader(
        Batches(scenes, batch, steps, first), batch_size=None, num_workers=1,
        prefetch_factor=8)
    start, sums = time.time(), np.zeros(5)
    for step, (x, faces, counts) in enumerate(loader, first + 1):
        x = x.permute(0, 3, 1, 2).float()
        with torch.no_grad():
            target = big(x)
            target[..., :2].sigmoid_()
            score = target[..., :2].prod(2).sqrt()
            for k in range(batch):
                if counts[k] >= 0:
                    correct(cells, target[k], score[k], faces[k, :counts[k]])
        parts = loss_of(net(x), target, cells)
        loss = parts[0] + parts[1] + 2 * parts[2] + 50 * parts[3]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 20.)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            keep = min(.998, (step + 1) / (step + 20))
            for a, b in zip(mean.parameters(), net.parameters()):
                a.lerp_(b, 1 - keep)
        sums += *(p.item() for p in parts), 1
        if step % 100 == 0:
            s = sums / sums[4]
            print('step %d of %d: obj %.3f cls %.3f box %.3f landmarks %.4f, '
                  '%.0f images/s' % (step, steps, *s[:4], (step - first) * batch
                                     / (time.time() - start)), flush=True)
            sums[:] = 0
        if step % 500 == 0 or step == steps:
            torch.save({'step': step, 'net': net.state_dict(),
                        'mean': mean.state_dict(),
                        'optimizer': optimizer.state_dict(),
                        'schedule': schedule.state_dict()}, state + '.part')
            os.replace(state + '.part', state)
    # frames at the size that reiddetect shows; every third will do
    calibrate(mean, args.data, [p for p, _ in scenes.frames
                                if max(p.shape[:2]) == 640][::3])
    mean.save(args.out, trained='kernels/models/train/train_detect.py', seed=SEED,
              images=steps * batch)
    rng = np.random.default_rng(SEED)
    check_file(args.out, mean, torch.from_numpy(np.stack(
        [scenes.draw(rng)[0] for _ in range(8)])).permute(0, 3, 1, 2).float())


if __name__ == '__main__':
    main()
