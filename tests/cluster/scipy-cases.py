#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes scipy-cases.h: what scipy's average linkage says of made-up vectors.

The vectors themselves are not stored: average.c makes them from the seed.
Usage: scipy-cases.py > scipy-cases.h, then clang-format -i scipy-cases.h
"""
import numpy as np
import scipy
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

MASK = (1 << 64) - 1


def numbers(seed):
    x = seed
    while True:
        x ^= x >> 12
        x = (x ^ (x << 25)) & MASK
        x ^= x >> 27
        yield x * 0x2545F4914F6CDD1D & MASK


def vectors(seed, n, dims):
    source = numbers(seed)
    v = np.zeros((n, dims), np.float32)
    for i in range(n):
        for k in range(dims):
            v[i, k] = np.float32(next(source) % 2001 - 1000.0) / np.float32(1000)
        if i >= 4:
            v[i] = v[i % 4] + np.float32(0.75) * v[i]
    v = v.astype(np.float64)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
print(f"/* Made by scipy-cases.py with scipy {scipy.__version__}. */")
print("typedef struct { uint64_t seed; int n, dims; float threshold;"
      " int n_clusters; int labels[64]; } ScipyCase;")
print("static const ScipyCase scipy_cases[] = {")
for seed, n, dims in ((1, 12, 3), (2, 30, 8), (3, 47, 16), (4, 64, 5), (5, 64, 16)):
    v = vectors(seed, n, dims)
    distance = np.clip(1 - v @ v.T, 0, None)
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average")
    for threshold in (-0.2, 0.1, 0.3, 0.5, 0.7, 0.9):
        # A join this close to the cut would test rounding, not clustering.
        assert np.abs(tree[:, 2] - (1 - threshold)).min() > 1e-5
        found = fcluster(tree, 1 - threshold, "distance")
        names = {}
        labels = [names.setdefault(x, len(names)) for x in found]
        print(f"{{ {seed}, {n}, {dims}, {threshold}f, {len(names)}, "
              f"{{ {', '.join(map(str, labels))} }} }},")
print("};")
