#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes assign_values.h: total costs of assignments by SciPy, of matrices
that the test makes again from the same random numbers.

A limited assignment is a plain one of a square matrix: each row has a column
of its own that stands for staying alone, and each column a row; both cost
limit / 2, and the rest of that corner is free. Large stands for forbidden."""
import numpy as np
from scipy.optimize import linear_sum_assignment

MASK = (1 << 64) - 1
LARGE = 1e7


def uniforms(seed, n):
    """xorshift64*, as tests/test.h has it"""
    x, out = seed, np.empty(n)
    for i in range(n):
        x ^= x >> 12
        x ^= (x << 25) & MASK
        x ^= x >> 27
        out[i] = ((x * 0x2545f4914f6cdd1d & MASK) >> 11) * 2.0 ** -53
    return out


def matrix(rows, cols, seed, kind):
    u = uniforms(seed, rows * cols).reshape(rows, cols)
    if kind == 0:                       # as they come
        return u
    if kind == 1:                       # small integers: ties everywhere
        return np.floor(u * 10)
    if kind == 2:                       # mostly forbidden, as IoU gating does
        return np.where(u < 0.9, np.inf, u)
    i, j = np.indices((rows, cols))     # products: the hard case for
    return (i + 1.0) * (j + 1.0)        # augmenting paths


def optimum(cost, limit):
    rows, cols = cost.shape
    cost = np.where(np.isfinite(cost) & (cost <= limit), cost, LARGE)
    big = np.zeros((rows + cols, rows + cols))
    big[:rows, :cols] = cost
    big[:rows, cols:] = np.where(np.eye(rows) > 0, limit / 2, LARGE)
    big[rows:, :cols] = np.where(np.eye(cols) > 0, limit / 2, LARGE)
    i, j = linear_sum_assignment(big)
    return big[i, j].sum()


CASES = [(20, 20, 0, 2.0), (20, 35, 0, 0.1), (35, 20, 0, 0.1), (60, 60, 1, 3.0),
         (60, 90, 1, 30.0), (120, 100, 0, 0.05), (100, 120, 2, 1.0),
         (150, 150, 0, 0.5), (150, 150, 2, 0.97), (1, 200, 0, 1.0),
         (200, 1, 0, 1.0), (80, 80, 3, 5000.0), (60, 100, 3, 90000.0),
         (200, 200, 1, 9.0), (200, 180, 2, 2.0)]

with open('assign_values.h', 'w') as out:
    out.write('/* SPDX-License-Identifier: LGPL-2.1-or-later */\n'
              '/* Made by assign.py. */\n'
              'static const struct {\n'
              '  int rows, cols, kind;\n'
              '  double limit, total;\n'
              '} stored[] = {\n')
    for n, (rows, cols, kind, limit) in enumerate(CASES):
        total = optimum(matrix(rows, cols, n + 1, kind), limit)
        out.write('  { %d, %d, %d, %r, %.17g },\n'
                  % (rows, cols, kind, limit, total))
    out.write('};\n')
