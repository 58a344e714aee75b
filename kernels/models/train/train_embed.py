#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains reid-embed-s.

usage: train_embed.py DATA WORK [--out FILE] [--images N] [--pool N]
                      [--rate R] [--threads N]

DATA has faces/lfw-dev, videos, and models/ with the two teachers; WORK takes
what is made on the way (3 GB), and the checkpoints that a run which was stopped
goes on from.

It begins with the teacher itself, of which half is taken away (prune.py). The loss
of a lesson is its distance to the teacher's vector, that of a batch the
difference between all its cosines and the teacher's (relational distillation,
Park et al., 2019). Drawn people, of whom it is known who they are but whom the
teacher mixes up, are contrasted: two pictures of one before those of others
(InfoNCE, van den Oord et al., 2018). What is written is the running mean of the
weights."""
import argparse
import os
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import chips
import damage
from embedder import Embedder
from pool import build, jitter
from prune import embedding_teacher, pruned_embedder
from teachers import session
from training import Training
from verify import auc, accuracy, pairs_of, vectors_of

SEED = 20261127


class Lessons(torch.utils.data.Dataset):
    """A batch each: lessons first, then two pictures each of drawn people."""

    def __init__(self, pool, drawn, batch, people, steps, first):
        self.pictures, self.targets = pool
        self.drawn, labels = drawn
        self.of = [np.nonzero(labels == who)[0] for who in np.unique(labels)]
        self.batch, self.people = batch, people
        self.steps, self.first = steps, first

    def __len__(self):
        return self.steps - self.first

    def __getitem__(self, step):
        rng = np.random.default_rng([SEED, self.first + step])
        at = rng.integers(0, len(self.targets), self.batch)
        pictures = []
        for i in at:
            p = damage.some(self.pictures[i], rng, .35)
            if rng.random() < .08:
                p = damage.cover(p, rng)
            pictures.append(p)
        for who in rng.permutation(len(self.of))[:self.people]:
            for i in rng.choice(self.of[who], 2):
                p = jitter(self.drawn[i], rng)
                if rng.random() < .3:
                    p = damage.gamma(p, rng, .7, 1.4)
                if rng.random() < .3:
                    p = damage.colour_cast(p, rng, .15)
                pictures.append(damage.some(p, rng, .4))
        x = np.stack(pictures).astype(np.float32)
        x = (x.transpose(0, 3, 1, 2) - 127.5) / 127.5
        return torch.from_numpy(x), torch.from_numpy(self.targets[at])


def contrast(vectors, temperature=.12):
    """Of unit vectors, two of a person behind each other."""
    n = len(vectors)
    cosine = vectors @ vectors.T / temperature
    cosine = cosine.masked_fill(torch.eye(n, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(cosine, torch.arange(n) ^ 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('data')
    parser.add_argument('work')
    parser.add_argument('--out', default='reid-embed-s.onnx')
    parser.add_argument('--images', type=int, default=72000)
    parser.add_argument('--pool', type=int, default=60000)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rate', type=float, default=6e-4)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)

    photos, _, _ = chips.photos(args.data, args.work, False)
    video = chips.from_videos(args.data, args.work)
    grey = np.repeat([True, False], [len(photos), len(video)])
    pool = build(args.data, args.work, np.concatenate([photos, video]), grey,
                 args.pool, SEED)
    drawn = chips.drawn(args.work)

    batch, people = 48, 10
    images = batch + 2 * people
    steps = args.images // images
    state = os.path.join(args.work, 'embed.pt')
    if os.path.exists(state):
        net = Embedder()
    else:
        some = np.random.default_rng(SEED).permutation(args.pool)[:400]
        net = pruned_embedder(embedding_teacher(args.data), torch.from_numpy(
            pool[0][np.sort(some)].transpose(0, 3, 1, 2).astype(np.float32)
            / 127.5 - 1), SEED)
    net = net.to(memory_format=torch.channels_last)
    run = Training(net, state, args.rate, steps, 2.)
    first = run.step

    judge = chips.photos(args.data, args.work, True)
    pairs = pairs_of(judge[1])
    loader = torch.utils.data.DataLoader(
        Lessons(pool, drawn, batch, people, steps, first), batch_size=None,
        num_workers=1, prefetch_factor=8)
    start, sums = time.time(), np.zeros(4)

    def report(step):
        run.save()
        run.mean.save(args.out, trained='kernels/models/train/train_embed.py',
                      seed=SEED, images=step * images)
        # the file, with its weights of half precision, is what is judged
        file = session(args.out, args.threads)
        v = vectors_of(lambda x: file.run(None, {'input': x})[0], judge[0])
        c = (v[pairs[:, 0]] * v[pairs[:, 1]]).sum(1)
        print('step %d: held-out accuracy %.4f, AUC %.4f' % (
            step, accuracy(c, pairs[:, 2]), auc(c, pairs[:, 2])), flush=True)

    for step, (x, target) in enumerate(loader, first + 1):
        v = F.normalize(net(x.contiguous(memory_format=torch.channels_last)), dim=1)
        real, made = v[:batch], v[batch:]
        feature = (1 - (real * target).sum(1)).mean()
        relation = ((real @ real.T - target @ target.T) ** 2).sum() / (
            batch * (batch - 1))
        apart = contrast(made)
        run.learn(4 * feature + 20 * relation + .2 * apart)
        sums += feature.item(), relation.item(), apart.item(), 1
        if step % 25 == 0:
            s = sums / sums[3]
            print('step %d of %d: feature %.4f relation %.5f contrast %.3f, '
                  '%.0f images/s' % (step, steps, s[0], s[1], s[2],
                                     (step - first) * images
                                     / (time.time() - start)), flush=True)
            sums[:] = 0
        if step % 200 == 0 or step == steps:
            report(step)


if __name__ == '__main__':
    main()
