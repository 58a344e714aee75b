#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether two photographs show one person: the accuracy and AUC of an embedder
on the identities that were held out.

usage: verify.py DATA WORK [MODEL.onnx] [--write-pairs FILE]

Without a model it judges the teacher. The pairs can be written in the form of
LFW's own list, for tests/embed/lfwpairs.c to judge detector, alignment and
embedder as the engine runs them."""
import argparse

import numpy as np


def pairs_of(names, seed=7):
    """[n, 3]: every pair of photographs of one person (of no person more than
    ten), as many of different ones, and which it is."""
    rng = np.random.default_rng(seed)
    same = []
    for name in np.unique(names):
        at = np.nonzero(names == name)[0]
        own = [(i, j, 1) for k, i in enumerate(at) for j in at[k + 1:]]
        same += [own[i] for i in rng.permutation(len(own))[:10]]
    other = []
    while len(other) < len(same):
        i, j = rng.integers(0, len(names), 2)
        if names[i] != names[j]:
            other.append((i, j, 0))
    return np.array(same + other)


def accuracy(cosines, same):
    """Over ten folds, each at the best threshold of the other nine."""
    order = np.random.default_rng(0).permutation(len(cosines))
    right = 0
    for fold in range(10):
        own = order[fold::10]
        others = np.setdiff1d(order, own)
        ranked = others[np.argsort(cosines[others], kind='stable')]
        good = same[ranked]
        # right when everything from place k on is called one person
        gain = np.concatenate([[good.sum()], good.sum() + np.cumsum(1 - 2 * good)])
        k = int(np.argmax(gain))
        at = (cosines[ranked[k]] if k < len(ranked) else 2,
              cosines[ranked[k - 1]] if k else -2)
        right += ((cosines[own] >= sum(at) / 2) == same[own]).sum()
    return right / len(cosines)


def auc(cosines, same):
    rank = np.argsort(np.argsort(cosines)) + 1
    n = int(same.sum())
    return (rank[same == 1].sum() - n * (n + 1) / 2) / (n * (len(same) - n))


def vectors_of(run, chips, size=112):
    """Unit vectors of the middles of chips, by a function of float batches."""
    edge = (chips.shape[1] - size) // 2
    found = []
    for at in range(0, len(chips), 64):
        x = chips[at:at + 64, edge:edge + size, edge:edge + size]
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)
        found.append(run((x - 127.5) / 127.5))
    v = np.concatenate(found)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def write_pairs(path, pairs, names, files):
    numbers = [int(f.rsplit('_', 1)[1].split('.')[0]) for f in files]
    with open(path, 'w', encoding='utf-8') as f:
        for i, j, same in pairs:
            f.write('%s\t%d\t' % (names[i], numbers[i])
                    + ('%d\n' % numbers[j] if same
                       else '%s\t%d\n' % (names[j], numbers[j])))


def main():
    import chips
    from teachers import MobileFaceNet, session

    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('data')
    parser.add_argument('work')
    parser.add_argument('model', nargs='?')
    parser.add_argument('--write-pairs')
    args = parser.parse_args()
    pictures, names, files = chips.photos(args.data, args.work, True)
    pairs = pairs_of(names)
    if args.write_pairs:
        write_pairs(args.write_pairs, pairs, names, files)
    if args.model:
        net = session(args.model, 2)
        v = vectors_of(lambda x: net.run(None, {'input': x})[0], pictures)
    else:
        teacher = MobileFaceNet(args.data, 2)
        v = vectors_of(lambda x: teacher.embed(np.rint(
            x.transpose(0, 2, 3, 1) * 127.5 + 127.5)), pictures)
    c = (v[pairs[:, 0]] * v[pairs[:, 1]]).sum(1)
    same = pairs[:, 2]
    print('%d photographs of %d held-out identities, %d pairs' % (
        len(names), len(np.unique(names)), len(pairs)))
    print('accuracy %.4f, AUC %.4f, cosines: same %.3f, different %.3f' % (
        accuracy(c, same), auc(c, same), c[same == 1].mean(), c[same == 0].mean()))


if __name__ == '__main__':
    main()
