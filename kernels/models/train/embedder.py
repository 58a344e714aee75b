# SPDX-License-Identifier: LGPL-2.1-or-later
"""reid-embed-s: 112x112 RGB, (v - 127.5) / 127.5, to 128 numbers. MobileFaceNet
(Chen et al., 2018) with narrower insides: the same blocks, half as wide between
their ends."""
import torch.nn as nn
import torch.nn.functional as F

from onnxgraph import Graph

SIZE, DIMENSIONS = 112, 128
# per block: channels inside and out, stride
TEACHER = (64, 64), [(128, 64, 2)] + 4 * [(128, 64, 1)] + [(256, 128, 2)] \
    + 6 * [(256, 128, 1)] + [(512, 128, 2)] + 2 * [(256, 128, 1)]
SMALL = (32, 32), [(56, 64, 2)] + 4 * [(56, 64, 1)] + [(112, 128, 2)] \
    + 6 * [(112, 128, 1)] + [(224, 128, 2)] + 2 * [(128, 128, 1)]


class Conv(nn.Conv2d):
    """A convolution and what follows it: nothing, 'relu' or 'relu6'."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, pad=None,
                 then=None):
        super().__init__(inputs, outputs, kernel, stride,
                         kernel // 2 if pad is None else pad, groups=groups)
        self.then = then

    def forward(self, x):
        x = super().forward(x)
        return (F.hardtanh_(x, 0, 6) if self.then == 'relu6' else
                x.relu_() if self.then else x)

    def write(self, graph, x):
        x = graph.conv(x, self.weight, self.bias, self.stride[0],
                       self.padding[0], self.groups)
        if self.then == 'relu6':
            return graph.add('Clip', x, graph.constant(0, 'float32'),
                             graph.constant(6, 'float32'))
        return graph.add('Relu', x) if self.then else x


class Block(nn.Module):
    """Inverted residual (Sandler et al., MobileNetV2, 2018)."""

    def __init__(self, inputs, inside, outputs, stride):
        super().__init__()
        self.expand = Conv(inputs, inside, 1, then='relu6')
        self.depth = Conv(inside, inside, 3, stride, inside, then='relu6')
        self.project = Conv(inside, outputs, 1)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.depth(self.expand(x)))
        return x + y if self.shortcut else y

    def write(self, graph, x):
        y = x
        for layer in self.expand, self.depth, self.project:
            y = layer.write(graph, y)
        return graph.add('Add', x, y) if self.shortcut else y


class Embedder(nn.Module):
    def __init__(self, shape=SMALL):
        super().__init__()
        (first, second), blocks = shape
        self.stem = Conv(3, first, 3, 2, then='relu6')
        self.depth = Conv(first, first, 3, groups=first, then='relu')
        self.point = Conv(first, second, 1, then='relu')
        self.blocks = nn.Sequential()
        inputs = second
        for inside, outputs, stride in blocks:
            self.blocks.append(Block(inputs, inside, outputs, stride))
            inputs = outputs
        self.wide = Conv(inputs, 512, 1, then='relu6')
        self.pool = Conv(512, 512, 7, groups=512, pad=0)
        self.last = Conv(512, DIMENSIONS, 1)

    def layers(self):
        return [self.stem, self.depth, self.point, *self.blocks, self.wide,
                self.pool, self.last]

    def convolutions(self):
        """In the order in which they run."""
        return [m for m in self.modules() if isinstance(m, Conv)]

    def forward(self, x):
        for layer in self.layers():
            x = layer(x)
        return x.flatten(1)

    def save(self, path, **metadata):
        self.eval()
        graph = Graph('reid-embed-s', 'input', ['batch', 3, SIZE, SIZE])
        x = 'input'
        for layer in self.layers():
            x = layer.write(graph, x)
        graph.add('Flatten', x, name='embedding', axis=1)
        graph.output('embedding', ['batch', DIMENSIONS])
        graph.save(path, **metadata)
