#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains reid-detect-s.

usage: train_detect.py DATA WORK [--out FILE] [--images N | --seconds S]
                       [--batch N] [--rate R] [--device cpu|cuda]
                       [--workers N] [--threads N]

DATA has faces/lfw-dev, videos, and models/ with the teacher; WORK takes what is
made on the way, and the checkpoints that a run which was stopped goes on from.

It begins with the teacher itself, of which half is taken away (prune.py), and
learns the teacher's answer of every cell to pictures that were damaged. To compose
one takes longer than to learn from it: each is seen about three times, moved, turned
and scaled anew, and answered anew by the teacher. Of drawn people the truth is
known, and corrects the teacher: where there is no face, none is to be found, and
faces that the teacher misses are asked of the cells around their middles. Boxes by
their distance-IoU (Zheng et al., 2020), landmarks by their distance in distances of
the eyes. What is written is the running mean of the weights."""
import argparse
import math
import mmap
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from calibrate import calibrate
from detector import PARTS, STRIDES, Detector
from prune import detecting_teacher, pruned_detector
from scenes import SIZE, SWAP, Scenes
from teachers import session
from training import Training

SEED = 20261127
MOST = 8  # faces in a drawn picture
VIEWS = 3  # of a picture
POOL = 4096  # pictures at hand
IMAGES = 709248
WEIGHTS = 1., 1., 2., 25.  # of obj, cls, boxes and landmarks
MISSED = .5  # what the teacher scores below this it did not find


def grid(size):
    """[cells, 3]: column, row, stride."""
    rows = [np.stack([np.tile(np.arange(size // s), size // s),
                      np.repeat(np.arange(size // s), size // s),
                      np.full((size // s) ** 2, s)], 1) for s in STRIDES]
    return torch.from_numpy(np.concatenate(rows)).float()


def views(pictures, faces):
    """Other views of pictures [n, SIZE, SIZE, 3] and their faces: floats
    [n, 3, SIZE, SIZE], and the faces there."""
    n, device = len(pictures), pictures.device

    def uniform(low, high):
        return torch.rand(n, device=device) * (high - low) + low

    # some only by whole pixels, so that they are as sharp as they were
    sharp = torch.rand(n, device=device) < .4
    scale = torch.exp(uniform(math.log(.8), math.log(1.25)))
    scale = torch.where(sharp, 1., scale)
    angle = torch.where(sharp, 0., torch.randn(n, device=device) * math.radians(4))
    shift = torch.stack([uniform(-24, 24), uniform(-24, 24)], 1)
    shift = torch.where(sharp[:, None], shift.round(), shift)
    flip = torch.rand(n, device=device) < .5
    side = torch.where(flip, -1., 1.)
    c, d = torch.cos(angle), torch.sin(angle)
    there = torch.stack([c * side, -d, d * side, c], 1).view(n, 2, 2)
    # grid_sample goes the other way, and has the middle at 0 and edges at 1
    back = there.transpose(1, 2) / scale[:, None, None]
    there = there * scale[:, None, None]
    theta = torch.cat([back, -back @ (shift[..., None] * 2 / SIZE)], 2)
    x = F.grid_sample(pictures.permute(0, 3, 1, 2).float(),
                      F.affine_grid(theta, (n, 3, SIZE, SIZE), align_corners=False),
                      align_corners=False).round_()

    def move(points):
        return ((points - (SIZE - 1) / 2) @ there.transpose(1, 2)
                + shift[:, None] + (SIZE - 1) / 2)

    size = faces[..., 2:4] * scale[:, None, None]
    corner = move(faces[..., :2] + faces[..., 2:4] / 2) - size / 2
    marks = move(faces[..., 4:14].reshape(n, -1, 2)).view(n, -1, 5, 2)
    marks = torch.where(flip[:, None, None, None], marks[:, :, SWAP], marks)
    # of what is mostly outside nobody is asked
    inside = area((corner + size).clamp(0, SIZE) - corner.clamp(0, SIZE))
    whole = area(size)
    counts = faces[..., 15] * ((inside >= .6 * whole) & (whole >= 81))
    size = size * (inside > .05 * whole)[..., None]
    return x, torch.cat([corner, size, marks.flatten(2), faces[..., 14:15],
                         counts[..., None]], 2)


def correct(cells, answer, faces, known):
    """Puts the truth about drawn pictures, the `known` ones, into the teacher's
    answers [n, cells, 16], whose scores are probabilities here."""
    score = answer[..., :2].prod(2).sqrt()
    middle = (cells[:, :2] + .5) * cells[:, 2:]
    face_middle = faces[..., :2] + faces[..., 2:4] / 2
    away = (middle[None, :, None] - face_middle[:, None]).abs()
    wide = faces[:, None, :, 2:4]
    near = (away <= .75 * wide).all(3)
    found = (score[..., None] * (away <= .5 * wide).all(3)).amax(1)
    size = area(faces[..., 2:4]).sqrt()
    stride = torch.where(size < 44, 8, torch.where(size < 96, 16, 32))
    asked = (faces[..., 15] > 0) & (found < MISSED) & known[:, None]
    own = ((away <= cells[None, :, None, 2:]).all(3) & asked[:, None]
           & (cells[None, :, 2:] == stride[:, None]))
    pick = own.int().argmax(2)
    face = faces.gather(1, pick[..., None].expand(-1, -1, faces.shape[2]))
    at, unit = cells[:, :2], cells[:, 2:]
    right = torch.cat([
        torch.full_like(face[..., :2], .85),
        (face[..., :2] + face[..., 2:4] / 2) / unit - at,
        torch.log(face[..., 2:4].clamp(1) / unit),
        face[..., 4:14] / unit - at.repeat(1, 5)], 2)
    answer[..., 1] *= near.any(2) | ~known[:, None]
    return torch.where(own.any(2)[..., None], right, answer)


def boxes_of(out, cells):
    middle = (cells[:, :2] + out[..., 2:4]) * cells[:, 2:]
    size = torch.exp(out[..., 4:6].clamp(-6, 6)) * cells[:, 2:]
    return torch.cat([middle - size / 2, size], -1)


def area(size):
    size = size.clamp(0)
    return size[..., 0] * size[..., 1]


def distance_iou(a, b):
    """Of boxes [..., 4] of left, top, width, height."""
    a1, a2, b1, b2 = (a[..., :2], a[..., :2] + a[..., 2:],
                      b[..., :2], b[..., :2] + b[..., 2:])
    both = area(torch.minimum(a2, b2) - torch.maximum(a1, b1))
    iou = both / (area(a[..., 2:]) + area(b[..., 2:]) - both + 1e-6)
    hull = torch.maximum(a2, b2) - torch.minimum(a1, b1)
    apart = ((a1 + a2 - b1 - b2) / 2).pow(2).sum(-1)
    return iou - apart / (hull.pow(2).sum(-1) + 1e-6)


def loss_of(out, target, cells):
    """Of the answers [n, cells, 16]; scores of `target` are probabilities. All
    cells are computed, so that nobody waits to learn which ones count."""
    obj, cls = target[..., 1], target[..., 0]
    score = (obj * cls).sqrt()
    n = score.square().sum() + 1
    weight = score.square() * (score > .25)
    boxes = boxes_of(target, cells)
    diou = distance_iou(boxes_of(out, cells), boxes)
    off = (out[..., 6:] - target[..., 6:]).unflatten(-1, (5, 2))
    # profiles, whose eyes are close together, are not to outweigh all others
    eyes = (target[..., 6:8] - target[..., 8:10]).square().sum(-1).sqrt()
    unit = torch.maximum(eyes, .2 * area(boxes[..., 2:]).sqrt() / cells[:, 2])
    off = off / unit[..., None, None]
    away = (off.square().sum(-1) + .02 ** 2).sqrt().mean(-1) - .02
    return (F.binary_cross_entropy_with_logits(out[..., 1], obj, reduction='sum') / n,
            F.binary_cross_entropy_with_logits(out[..., 0], cls, obj,
                                               reduction='sum') / n,
            (weight * (1 - diou)).sum() / (weight.sum() + 1e-3),
            (weight * away).sum() / (weight.sum() + 1e-3))


def shared(*shape, dtype):
    """Memory that forked processes share; /dev/shm is small in containers."""
    count = math.prod(shape)
    return np.frombuffer(mmap.mmap(-1, count * np.dtype(dtype).itemsize), dtype,
                         count).reshape(shape)


class Batches(torch.utils.data.Dataset):
    """Pictures, their faces, and whether the truth of them is known. An item is
    the number of the slot where they are, until `slots` items later."""

    def __init__(self, scenes, batch, first, slots):
        self.scenes, self.first, self.slots = scenes, first, slots
        self.pictures = shared(slots, batch, SIZE, SIZE, 3, dtype=np.uint8)
        self.faces = shared(slots, batch, MOST, 16, dtype=np.float32)
        self.known = shared(slots, batch, dtype=bool)

    def __len__(self):
        return 1 << 30

    def __getitem__(self, step):
        rng = np.random.default_rng([SEED, self.first + step])
        slot = step % self.slots
        self.faces[slot] = 0
        for i in range(self.pictures.shape[1]):
            picture, faces, known = self.scenes.draw(rng)
            self.pictures[slot, i], self.known[slot, i] = picture, known
            if known:
                assert len(faces) <= MOST
                self.faces[slot, i, :len(faces)] = faces
        return slot

    def at(self, slot):
        return [torch.from_numpy(a[slot]) for a in (self.pictures, self.faces,
                                                    self.known)]


class Pool:
    """The latest pictures that were composed, mixed."""

    def __init__(self, device):
        self.held = (torch.zeros(POOL, SIZE, SIZE, 3, dtype=torch.uint8, device=device),
                     torch.zeros(POOL, MOST, 16, device=device),
                     torch.zeros(POOL, dtype=torch.bool, device=device))
        self.count = 0
        self.stream = torch.cuda.Stream(device) if device.type == 'cuda' else None

    def add(self, fresh):
        if self.stream:  # beside the last step, which may still run
            now = torch.cuda.current_stream()
            with torch.cuda.stream(self.stream):
                fresh = [a.to(self.held[0].device) for a in fresh]
            now.wait_stream(self.stream)
            for a in fresh:
                a.record_stream(now)
        at = self.count % POOL
        n = min(len(fresh[0]), POOL - at)
        for own, new in zip(self.held, fresh):
            own[at:at + n] = new[:n]
        self.count += n

    def draw(self, n):
        device = self.held[0].device
        at = torch.randint(min(self.count, POOL), (n,), device=device)
        return [own[at] for own in self.held]


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
    count = parser.add_mutually_exclusive_group()
    count.add_argument('--images', type=int, default=IMAGES)
    count.add_argument('--seconds', type=float,
                       help='instead: as many as this machine sees in that time')
    parser.add_argument('--batch', type=int, default=96)
    parser.add_argument('--rate', type=float, default=2e-3)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available()
                        else 'cpu')
    parser.add_argument('--workers', type=int,
                        default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument('--threads', type=int, default=2)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False  # landmarks want all digits
    cv2.setNumThreads(1)
    device = torch.device(args.device)
    # what is faster
    form = torch.contiguous_format if device.type == 'cuda' else torch.channels_last

    scenes = Scenes(args.data, args.work)
    big = detecting_teacher(args.data)
    state = os.path.join(args.work, 'detect.pt')
    net = Detector()
    if not os.path.exists(state):
        begin = os.path.join(args.work, 'detect-pruned.pt')
        if not os.path.exists(begin):
            rng = np.random.default_rng(SEED)
            some = np.stack([scenes.draw(rng)[0] for _ in range(160)])
            torch.save(pruned_detector(big, torch.from_numpy(some).permute(
                0, 3, 1, 2).float(), SEED).state_dict(), begin)
        net.load_state_dict(torch.load(begin))
    big = big.to(device, memory_format=form)
    net = net.to(device, memory_format=form)
    batch = args.batch
    run = Training(net, state, args.rate, 1 << 30 if args.seconds else
                   args.images // batch, 20.)
    first = run.step

    cells, pool = grid(SIZE).to(device), Pool(device)
    ahead = 4
    batches = Batches(scenes, -(-batch // VIEWS), first, ahead * args.workers + 2)
    loader = iter(torch.utils.data.DataLoader(
        batches, batch_size=None, num_workers=args.workers, prefetch_factor=ahead,
        multiprocessing_context='fork'))
    weights = torch.tensor(WEIGHTS, device=device)
    start, sums = time.time(), torch.zeros(4, device=device)
    while run.step < run.steps:
        pool.add(batches.at(next(loader)))
        pictures, faces, known = pool.draw(batch)
        with torch.no_grad():
            x, faces = views(pictures, faces)
            x = x.contiguous(memory_format=form)
            target = big(x)
            target[..., :2].sigmoid_()
            target = correct(cells, target, faces, known)
        parts = torch.stack(loss_of(net(x), target, cells))
        run.learn((parts * weights).sum())
        step = run.step
        sums += parts.detach()
        if step % 100 == 0:
            s, now = (sums / 100).tolist(), time.time()
            print('step %d of %d: obj %.3f cls %.3f box %.3f landmarks %.4f, '
                  '%.0f images/s' % (step, run.steps, *s, (step - first) * batch
                                     / (now - start)), flush=True)
            sums.zero_()
            if args.seconds is not None and step == first + 200:
                settled = now
            elif args.seconds is not None and step == first + 700:
                left = max(0, start + args.seconds - now)
                run.steps = step + int(.97 * left * 500 / (now - settled))
                print('%d images' % (run.steps * batch), flush=True)
        if step % 500 == 0 or step == run.steps:
            run.save()
    del loader
    mean = run.mean.to('cpu', memory_format=torch.channels_last)
    # frames at the size that reiddetect shows; every fifth will do
    calibrate(mean, args.data, [p for p, _ in scenes.frames[::10]])
    mean.save(args.out, trained='kernels/models/train/train_detect.py', seed=SEED,
              images=run.steps * batch)
    rng = np.random.default_rng(SEED)
    check_file(args.out, mean, torch.from_numpy(np.stack(
        [scenes.draw(rng)[0] for _ in range(8)])).permute(0, 3, 1, 2).float())


if __name__ == '__main__':
    main()
