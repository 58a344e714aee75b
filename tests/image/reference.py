#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes reference.h: what NumPy and OpenCV say about small pictures that the
tests make by the same formula.  usage: reference.py > reference.h"""
import sys

import cv2
import numpy as np


def picture(width, height, seed):
    """The same numbers as picture() in the tests."""
    state, out = seed, []
    for _ in range(width * height * 3):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        out.append((state >> 16) & 255)
    return np.array(out, np.uint8).reshape(height, width, 3)


def emit(name, values, digits=3, kind="float"):
    values = np.asarray(values, np.float64).ravel()
    print(f"static const {kind} {name}[{len(values)}] = {{")
    line = "  "
    for v in values:
        item = f"{v:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{v:.0f}"
        item = "0" if item in ("-0", "") else item
        if len(line) + len(item) > 76:
            print(line.rstrip())
            line = "  "
        line += item + ", "
    print(line.rstrip() + "\n};\n")


def emit_exact(name, values):
    values = np.asarray(values, np.float64).ravel()
    print(f"static const double {name}[{len(values)}] = {{")
    for v in values:
        print(f"  {v!r},".replace("np.float64(", "").replace("),", ","))
    print("};\n")


def yuv_to_rgb(y, u, v, matrix, full, bits):
    """ITU-R BT.601/709/2020, written from the equations of the standards."""
    kr, kb = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}[matrix]
    top = 2**bits
    unit = top / 256
    if full:
        ey, pb, pr = y / (top - 1), (u - top / 2) / (top - 1), (v - top / 2) / (top - 1)
    else:
        ey = (y / unit - 16) / 219
        pb, pr = (u / unit - 128) / 224, (v / unit - 128) / 224
    r = ey + 2 * (1 - kr) * pr
    b = ey + 2 * (1 - kb) * pb
    g = (ey - kr * r - kb * b) / (1 - kr - kb)
    return np.clip(np.stack([r, g, b], -1) * 255, 0, 255)


def umeyama(src, dst):
    """S. Umeyama 1991, with the SVD, as printed: src -> dst."""
    mu_s, mu_d = src.mean(0), dst.mean(0)
    sigma = (dst - mu_d).T @ (src - mu_s) / len(src)
    u, d, vt = np.linalg.svd(sigma)
    s = np.eye(2)
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        s[1, 1] = -1
    r = u @ s @ vt
    c = np.trace(np.diag(d) @ s) / ((src - mu_s) ** 2).sum(1).mean()
    t = mu_d - c * r @ mu_s
    return np.hstack([c * r, t[:, None]])


def main():
    print("/* SPDX-License-Identifier: LGPL-2.1-or-later */")
    print("/* Written by reference.py with NumPy and OpenCV; not by hand. */")
    print("#ifndef REID_TEST_IMAGE_REFERENCE_H\n#define REID_TEST_IMAGE_REFERENCE_H\n")

    source = picture(36, 24, 7).astype(np.float32)
    for name, size in (("area_12x8", (12, 8)), ("area_18x12", (18, 12)), ("area_15x7", (15, 7))):
        emit(name, cv2.resize(source, size, interpolation=cv2.INTER_AREA))
    small = picture(6, 4, 9).astype(np.float32)
    emit("linear_15x7", cv2.resize(small, (15, 7), interpolation=cv2.INTER_LINEAR))

    bars = np.array([[235, 128, 128], [16, 128, 128], [81, 90, 240], [145, 54, 34],
                     [41, 240, 110], [170, 166, 16], [120, 100, 150], [255, 255, 0]], np.float64)
    emit("bars", bars, 0, "int")
    for bits in (8, 10):
        rows = [yuv_to_rgb(*(bars.T * 2 ** (bits - 8)), m, full, bits)
                for m in ("601", "709", "2020") for full in (False, True)]
        emit(f"bars_rgb_{bits}", rows)

    # Enlarging and turning only: OpenCV has no low-pass.
    a = 0.3
    m = np.array([[0.7 * np.cos(a), -0.7 * np.sin(a), 6.25], [0.7 * np.sin(a), 0.7 * np.cos(a), 1.5]])
    emit_exact("warp_matrix", m)
    warped = cv2.warpAffine(picture(36, 24, 7).astype(np.float32), m, (16, 12),
                            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    # Its positions have steps of 1/32; the exact ones by hand:
    xs, ys = np.meshgrid(np.arange(16), np.arange(12))
    u = np.clip(m[0, 0] * xs + m[0, 1] * ys + m[0, 2], 0, 35)
    v = np.clip(m[1, 0] * xs + m[1, 1] * ys + m[1, 2], 0, 23)
    x0, y0 = np.floor(u).astype(int), np.floor(v).astype(int)
    x1, y1 = np.minimum(x0 + 1, 35), np.minimum(y0 + 1, 23)
    fx, fy = (u - x0)[..., None], (v - y0)[..., None]
    exact = (source[y0, x0] * (1 - fx) + source[y0, x1] * fx) * (1 - fy) \
        + (source[y1, x0] * (1 - fx) + source[y1, x1] * fx) * fy
    print(f"OpenCV against the formula: {np.abs(warped - exact).max():.2f}", file=sys.stderr)
    emit("warped_16x12", exact)

    arcface = np.array([38.2946, 51.6963, 73.5318, 51.5014, 56.0252, 71.7366,
                        41.5493, 92.3655, 70.7299, 92.2041]).reshape(5, 2)
    rng = np.random.default_rng(5)
    faces, matrices = [], []
    for i in range(6):
        angle, scale = rng.uniform(-3.1, 3.1), rng.uniform(0.3, 4)
        r = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = arcface @ r.T + rng.uniform(-50, 200, 2) + rng.normal(0, 4, (5, 2))
        if i == 5:
            points[:, 0] = 200 - points[:, 0]  # mirrored: no reflection may come out
        points = np.round(points, 3)
        faces.append(points)
        matrices.append(umeyama(arcface, points))
    emit_exact("similarity_points", faces)
    emit_exact("similarity_matrices", matrices)

    luma = picture(36, 24, 11)[:, :, 0].astype(np.float64)
    lap = 4 * luma[1:-1, 1:-1] - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    check = cv2.Laplacian(luma, cv2.CV_64F, ksize=1)[1:-1, 1:-1]
    assert np.array_equal(lap, -check)
    print(f"static const double laplacian_variance = {lap.var()!r};".replace("np.float64(", "").replace(");", ";"))
    print("\n#endif /* REID_TEST_IMAGE_REFERENCE_H */")


main()
