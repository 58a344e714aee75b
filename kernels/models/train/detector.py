# SPDX-License-Identifier: LGPL-2.1-or-later
"""reid-detect-s: BGR from 0 to 255, any size of multiples of 32, to cls, obj, bbox
and kps at strides 8, 16 and 32. YuNet (Wu et al., 2023) with narrower insides:
the same units, fewer channels where no sum of the pyramid ties them."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from onnxgraph import Graph

STRIDES = 8, 16, 32
PARTS = ('cls', 1), ('obj', 1), ('bbox', 4), ('kps', 10)
# channels that the units give, in the order in which they run
TEACHER = [16, 16, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64]
SMALL = [16, 16, 24, 24, 32, 40, 64, 48, 64, 48, 48, 64, 64, 48, 56, 48, 48]


class Unit(nn.Module):
    """1x1, depthwise 3x3, and ReLU unless it is a head's last."""

    def __init__(self, inputs, outputs, linear=False):
        super().__init__()
        self.point = nn.Conv2d(inputs, outputs, 1)
        self.depth = nn.Conv2d(outputs, outputs, 3, padding=1, groups=outputs)
        self.linear = linear

    def forward(self, x):
        x = self.depth(self.point(x))
        return x if self.linear else x.relu_()

    def write(self, graph, x):
        x = graph.conv(x, self.point.weight, self.point.bias, 1, 0, 1)
        x = graph.conv(x, self.depth.weight, self.depth.bias, 1, 1,
                       self.depth.groups)
        return x if self.linear else graph.add('Relu', x)


class Head(nn.ModuleDict):
    """The 16 numbers of a cell."""

    def __init__(self, channels):
        super().__init__({part: Unit(channels, n, linear=True)
                          for part, n in PARTS})

    def forward(self, x):
        x = torch.cat([self[part](x) for part, _ in PARTS], 1)
        return x.permute(0, 2, 3, 1).flatten(1, 2)

    def write(self, graph, x, stride):
        for part, n in PARTS:
            y = graph.add('Transpose', self[part].write(graph, x),
                          perm=[0, 2, 3, 1])
            name = '%s_%d' % (part, stride)
            shape = graph.constant([0, -1, n], 'int64')
            if n == 1:
                graph.add('Sigmoid', graph.add('Reshape', y, shape), name=name)
            else:
                graph.add('Reshape', y, shape, name=name)
            graph.output(name, ['batch', 'cells_%d' % stride, n])


class Detector(nn.Module):
    def __init__(self, widths=SMALL):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        # whom a unit gets its input from: 12 and 13 are sums
        before = [16, *widths[:11], widths[11], widths[12], widths[13], widths[12],
                  widths[11]]
        self.units = nn.ModuleList(map(Unit, before, widths))
        self.heads = nn.ModuleList(map(Head, widths[14:]))

    def walk(self, stem, unit, pool, join, head):
        """The graph, once for running it and once for writing it."""
        x = pool(unit(0, stem()))
        for i in range(1, 5):
            x = unit(i, x)
        c8 = unit(6, unit(5, pool(x)))
        c16 = unit(8, unit(7, pool(c8)))
        p32 = unit(11, unit(10, unit(9, pool(c16))))
        p16 = unit(12, join(c16, p32))
        p8 = unit(13, join(c8, p16))
        return [head(0, unit(14, p8)), head(1, unit(15, p16)),
                head(2, unit(16, p32))]

    def forward(self, x, unit=None):
        """[batch, cells, 16] of all strides, in the order of PARTS; scores are
        logits here, and probabilities in the file. `unit` may look at, and
        stand in for, the units."""
        return torch.cat(self.walk(
            lambda: self.stem(x).relu_(), unit or (lambda i, x: self.units[i](x)),
            lambda x: F.max_pool2d(x, 2),
            lambda a, b: a + F.interpolate(b, scale_factor=2),
            lambda i, x: self.heads[i](x)), 1)

    def save(self, path, **metadata):
        self.eval()
        g = Graph('reid-detect-s', 'input', ['batch', 3, 'height', 'width'])

        def join(a, b):
            b = g.add('Resize', b, '', g.constant([1, 1, 2, 2], 'float32'),
                      mode='nearest', nearest_mode='floor',
                      coordinate_transformation_mode='asymmetric')
            return g.add('Add', a, b)

        self.walk(
            lambda: g.add('Relu', g.conv('input', self.stem.weight,
                                         self.stem.bias, 2, 1, 1)),
            lambda i, x: self.units[i].write(g, x),
            lambda x: g.add('MaxPool', x, kernel_shape=[2, 2], strides=[2, 2]),
            join, lambda i, x: self.heads[i].write(g, x, STRIDES[i]))
        g.save(path, **metadata)
