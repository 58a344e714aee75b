# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where training begins: a teacher, without the channels that matter least. Channels between two convolutions go one after the other, each time
the one without which the next convolution, solved anew by least squares, is off
by least (optimal brain surgeon, Hassibi & Stork, 1993; for channels He et al.,
2017). What the layers before got wrong, the next ones are solved to make good."""
import os

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

import detector
import embedder
from teachers import DEVIATION, MEAN


def load(net, path, order):
    """Puts the weights of an ONNX file's convolutions into a network's."""
    model = onnx.load(path)
    weights = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    nodes = [n for n in model.graph.node if n.op_type == 'Conv']
    assert len(nodes) == len(order)
    for node, layer in zip(nodes, order):
        weight, bias = (torch.from_numpy(weights[k].copy()) for k in node.input[1:])
        assert weight.shape == layer.weight.shape, node.name
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(bias)
    return net.eval()


def embedding_teacher(data):
    """MobileFaceNet, for input from -1 to 1."""
    net = embedder.Embedder(embedder.TEACHER)
    load(net, os.path.join(data, 'models', 'mobilefacenet', 'MobileFaceNet.onnx'),
         net.convolutions())
    scale = torch.from_numpy(127.5 / DEVIATION)
    shift = torch.from_numpy((127.5 - MEAN) / DEVIATION)
    stem = net.stem
    stem.bias.data += (stem.weight.data.sum((2, 3)) * shift).sum(1)
    stem.weight.data *= scale[:, None, None]
    return net


def detecting_teacher(data):
    """YuNet. Its file has the heads by their parts, ours by their strides."""
    net = detector.Detector(detector.TEACHER)
    order = [net.stem]
    for unit in net.units:
        order += unit.point, unit.depth
    for part in 'cls', 'bbox', 'obj', 'kps':
        for head in net.heads:
            order += head[part].point, head[part].depth
    return load(net, os.path.join(data, 'models', 'yunet', 'yunet_n_dynamic.onnx'),
                order)


def choose(a, y, keep):
    """Of the columns of a [n, channels] those to keep, and the weights [keep, m]
    and biases [m] with which they make y [n, m]."""
    a = np.concatenate([a, np.ones((len(a), 1))], 1).astype(np.float64)
    gram = a.T @ a
    gram[np.diag_indices(len(gram))] += 1e-4 * np.diag(gram).mean()
    target = a.T @ y.astype(np.float64)
    left = list(range(a.shape[1]))
    inverse = np.linalg.inv(gram)
    while len(left) > keep + 1:
        w = inverse @ target[left]
        cost = (w ** 2).sum(1) / np.diag(inverse)
        cost[-1] = np.inf  # the bias
        i = int(np.argmin(cost))
        rest = [k for k in range(len(left)) if k != i]
        inverse = inverse[np.ix_(rest, rest)] - np.outer(
            inverse[rest, i], inverse[i, rest]) / inverse[i, i]
        del left[i]
    w = np.linalg.solve(gram[np.ix_(left, left)], target[left])
    return left[:-1], w[:-1], w[-1]


def rows(x, rng, most=24000):
    """Values at places of maps [n, channels, h, w], as [places, channels]."""
    x = x.permute(0, 2, 3, 1).flatten(0, 2).numpy()
    return x[rng.permutation(len(x))[:most]]


def copy(layer, weight, bias):
    layer.weight.data.copy_(torch.as_tensor(weight, dtype=torch.float32))
    layer.bias.data.copy_(torch.as_tensor(bias, dtype=torch.float32))


def inside(layer, x):
    """What a convolution gives before its activation."""
    return F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding,
                    groups=layer.groups)


@torch.no_grad()
def pruned_embedder(big, pictures, seed):
    """A small network from the big one, by what it sees in pictures [n, 3, 112,
    112] from -1 to 1."""
    small = embedder.Embedder().eval()
    random = torch.Generator().manual_seed(seed)

    def pick():
        return np.random.default_rng(int(torch.randint(2 ** 31, (), generator=random)))

    def solve(a, y, keep):
        """The same places of both."""
        state = int(pick().integers(2 ** 31))
        return choose(rows(a, np.random.default_rng(state)),
                      rows(y, np.random.default_rng(state)), keep)

    # the stem's channels, then those of what follows it
    x = big.depth(big.stem(pictures))
    kept, w, b = solve(x, inside(big.point, x), small.stem.out_channels)
    for layer, own in (small.stem, big.stem), (small.depth, big.depth):
        copy(layer, own.weight[kept], own.bias[kept])
    y_big = big.point(x)
    x = small.depth(small.stem(pictures))
    middle = (torch.einsum('nchw,cd->ndhw', x, torch.as_tensor(w).float())
              + torch.as_tensor(b).float()[:, None, None]).relu_()
    expand = big.blocks[0].expand
    kept, w2, b2 = solve(middle, inside(expand, y_big), small.point.out_channels)
    copy(small.point, w.T[kept][:, :, None, None], b[kept])
    full = w2.T, b2  # of the first block's expansion, all channels
    x, y = small.point(x), y_big

    for i, (own, layer) in enumerate(zip(big.blocks, small.blocks)):
        if i > 0:
            full = own.expand.weight[:, :, 0, 0].numpy(), own.expand.bias.numpy()
        wide = (torch.einsum('nchw,dc->ndhw', x, torch.as_tensor(full[0]).float())
                + torch.as_tensor(full[1]).float()[:, None, None]).clamp_(0, 6)
        hidden = own.depth(wide)
        y = own(y)
        wanted = y - x if layer.shortcut else y
        kept, w, b = solve(hidden, wanted, layer.depth.out_channels)
        copy(layer.expand, full[0][kept][:, :, None, None], full[1][kept])
        copy(layer.depth, own.depth.weight[kept], own.depth.bias[kept])
        copy(layer.project, w.T[:, :, None, None], b)
        x = layer(x)
        print('block %d: off by %.3f of its deviation' % (
            i, ((x - y).pow(2).mean() / y.var()).sqrt()), flush=True)
    for name in 'wide', 'pool', 'last':
        own = getattr(big, name)
        copy(getattr(small, name), own.weight, own.bias)
    return small


# which unit, or which head from 17 on, takes what a unit gives
NEXT = {2: 3, 3: 4, 4: 5, 5: 6, 7: 8, 9: 10, 10: 11, 13: 14, 14: 17, 15: 18, 16: 19}


@torch.no_grad()
def pruned_detector(big, pictures, seed):
    """The same for the detector, by pictures [n, 3, h, w] in BGR."""
    small = detector.Detector().eval()
    small.stem.load_state_dict(big.stem.state_dict())
    wanted, solved = {}, {}

    def head_points(head):
        return [head[part].point for part, _ in detector.PARTS]

    def look(i, x):
        wanted[i] = big.units[i].point(x)
        y = big.units[i](x)
        if i >= 14:
            wanted[i + 3] = torch.cat([p(y) for p in head_points(big.heads[i - 14])],
                                      1)
        return y

    big(pictures, look)

    def shrink(i, x):
        own, unit = big.units[i], small.units[i]
        weight, bias = solved.get(i, (own.point.weight[:, :, 0, 0], own.point.bias))
        y = own.depth(F.conv2d(x, weight[:, :, None, None], bias)).relu_()
        kept = list(range(y.shape[1]))
        if unit.depth.out_channels < len(kept):
            a = F.max_pool2d(y, 2) if i == 4 else y
            kept, w, b = choose(rows(a, np.random.default_rng([seed, i])),
                                rows(wanted[NEXT[i]], np.random.default_rng([seed, i])),
                                unit.depth.out_channels)
            solved[NEXT[i]] = torch.tensor(w.T).float(), torch.tensor(b).float()
        copy(unit.point, weight[kept][:, :, None, None], bias[kept])
        copy(unit.depth, own.depth.weight[kept], own.depth.bias[kept])
        return y[:, kept]

    small(pictures, shrink)
    for i, (own, head) in enumerate(zip(big.heads, small.heads)):
        at = 0
        for part, n in detector.PARTS:
            if 17 + i in solved:
                w, b = solved[17 + i]
                copy(head[part].point, w[at:at + n, :, None, None], b[at:at + n])
            else:
                head[part].point.load_state_dict(own[part].point.state_dict())
            copy(head[part].depth, own[part].depth.weight, own[part].depth.bias)
            at += n
    return small
