# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases for op-cases.txt (see make_cases.py): what the exporters make of
networks with norms of channels, one-dimensional windows, windows of attention,
further activations, positions that are computed, and pyramids whose sizes are
computed from the picture's."""

import numpy as np
from onnx import TensorProto

I = lambda *v: np.array(v, dtype=np.int64)
F = lambda v: np.float32(v)


def norms(case, weights):
    k = {'s': weights(6) + 1.5, 't': weights(6)}
    for n, shape in (('picture', (2, 6, 3, 5)), ('line', (2, 6, 7)),
                     ('17 channels', (2, 17, 4, 4))):
        c = dict(k, s=weights(17), t=weights(17)) if '17' in n else k
        case(f'instance norm {n}', [('InstanceNormalization', 'x,s,t', 'y',
                                     {'epsilon': .01})], [shape], c)
    case('instance norm of a convolution, with its relu',
         [('Conv', 'x,w', 'c', {}), ('InstanceNormalization', 'c,s,t', 'n', {}),
          ('Relu', 'n', 'y', {})], [(2, 3, 5, 4)],
         dict(k, w=weights(6, 3, 2, 2)))
    case('instance norm of half the channels',
         [('Split', 'x', 'a,b', {'axis': 1, 'num_outputs': 2}),
          ('InstanceNormalization', 'a,s,t', 'n', {}),
          ('BatchNormalization', 'b,s,t,t,q', 'm', {}),
          ('Concat', 'n,m', 'y', {'axis': 1})], [(2, 12, 3, 4)],
         dict(k, q=abs(weights(6)) + .1), 18)
    case('instance norm times a picture',
         [('InstanceNormalization', 'x,one,no', 'n', {}),
          ('Mul', 'n,p', 'm', {}), ('Add', 'm,p', 'y', {})], [(2, 6, 3, 5)],
         {'one': np.ones(6, np.float32), 'no': np.zeros(6, np.float32),
          'p': weights(3, 5)})
    for opset, n in ((18, 3), (21, 6)):
        case(f'group norm {opset}',
             [('GroupNormalization', 'x,s,t', 'y', {'num_groups': 3})],
             [(2, 6, 3, 5)], {'s': weights(n) + 1.5, 't': weights(n)}, opset,
             declared=[(None, 6, None, None)])
    torch = [('Reshape', 'x,groups', 'g', {}),
             ('InstanceNormalization', 'g,one,no', 'n', {}),
             ('Shape', 'x', 'was', {}), ('Reshape', 'n,was', 'r', {}),
             ('Mul', 'r,s', 'm', {}), ('Add', 'm,t', 'y', {})]
    k = {'groups': I(0, 3, -1), 's': weights(6, 1, 1), 't': weights(6, 1, 1)}
    for n, s, t in (('', (1, 1, 1), (0, 0, 0)),
                    (' with a scale', (1, 2, .5), (.5, 0, -1))):
        k.update(one=np.float32(s), no=np.float32(t))
        case(f'group norm as torch does{n}', torch, [(2, 6, 3, 5)], k)
        case(f'group norm as torch does{n}, any size', torch, [(2, 6, 3, 5)],
             k, declared=[(None, 6, None, None)])


def lines(case, weights):
    case('line conv', [('Conv', 'x,w,b', 'y', {'pads': [1, 1]})], [(2, 4, 9)],
         {'w': weights(3, 4, 3), 'b': weights(3)})
    case('line conv, all attributes',
         [('Conv', 'x,w', 'y', {'pads': [3, 1], 'strides': [2], 'group': 2,
                                'dilations': [2], 'kernel_shape': [3]})],
         [(2, 4, 19)], {'w': weights(6, 2, 3)},
         declared=[(None, 4, None)])
    for how in ('SAME_UPPER', 'SAME_LOWER', 'VALID'):
        case('line conv ' + how, [('Conv', 'x,w', 'y', {'auto_pad': how,
                                                        'strides': [2]})],
             [(2, 2, 8)], {'w': weights(2, 2, 4)})
    case('line conv, weights read twice',
         [('Conv', 'x,w', 'c', {}), ('Conv', 'c,w', 'y', {})], [(2, 2, 8)],
         {'w': weights(2, 2, 3)})
    for t, more in (('MaxPool', {}), ('AveragePool', {'count_include_pad': 1})):
        case('line ' + t, [(t, 'x', 'y', dict(
            more, kernel_shape=[3], strides=[2], pads=[1, 0], ceil_mode=1))],
            [(2, 3, 9)])
    for t in ('GlobalAveragePool', 'GlobalMaxPool'):
        case('line ' + t, [(t, 'x', 'y', {})], [(2, 3, 9)])
        case('volume ' + t, [(t, 'x', 'y', {})], [(2, 3, 4, 2, 3)])
    case('line of channels as a gate',
         [('GlobalAveragePool', 'x', 'g', {}), ('Squeeze', 'g,three', 's', {}),
          ('Transpose', 's', 't', {'perm': [0, 2, 1]}),
          ('Conv', 't,w', 'c', {'pads': [1, 1]}),
          ('Transpose', 'c', 'u', {'perm': [0, 2, 1]}),
          ('Unsqueeze', 'u,three', 'q', {}), ('Sigmoid', 'q', 'k', {}),
          ('Mul', 'x,k', 'y', {})], [(2, 6, 3, 5)],
         {'w': weights(1, 1, 3), 'three': I(-1)},
         declared=[(None, 6, None, None)])


def windows(case, weights):
    """Attention in windows: the picture is padded to whole ones, and their
    number is a multiple of the batch."""
    case('windows',
         [('Shape', 'x', 's', {}), ('Gather', 's,zero', 'n', {}),
          ('Gather', 's,one', 'h', {}), ('Mod', 'h,three', 'over', {}),
          ('Sub', 'three,over', 'd', {}), ('Mod', 'd,three', 'more', {}),
          ('Unsqueeze', 'more,axis', 'm', {}),
          ('Concat', 'o3,o1,m,o2', 'pads', {'axis': 0}),
          ('Pad', 'x,pads', 'p', {}), ('Reshape', 'p,split', 'r', {}),
          ('Transpose', 'r', 't', {'perm': [0, 1, 3, 2, 4, 5]}),
          ('Mul', 'n,four', 'n4', {}), ('Unsqueeze', 'n4,axis', 'nw', {}),
          ('Concat', 'nw,nine,open', 'to', {'axis': 0}),
          ('Reshape', 't,to', 'w', {}), ('Softmax', 'w', 'a', {'axis': 1}),
          ('Unsqueeze', 'n,axis', 'n1', {}),
          ('Concat', 'n1,rest', 'back', {'axis': 0}),
          ('Reshape', 'a,back', 'y', {})], [(2, 5, 6, 4)],
         {'zero': np.int64(0), 'one': np.int64(1), 'three': np.int64(3),
          'four': np.int64(4), 'axis': I(0), 'o3': I(0, 0, 0, 0), 'o1': I(0),
          'o2': I(0, 0), 'split': I(0, 2, 3, 2, 3, 4), 'nine': I(9),
          'open': I(-1), 'rest': I(4, 9, 4)}, 13)
    for n, by in (('', 3), (' backwards', -3)):
        case('modulo' + n,
             [('Mod', 'a,b', 'm', {}), ('Cast', 'm', 'f', {'to': 1}),
              ('Add', 'x,f', 'y', {})], [(2, 7)],
             {'a': I(-4, -3, -1, 0, 1, 3, 5), 'b': np.int64(by)})
    case('gather from a table of positions',
         [('Gather', 'table,i', 'g', {'axis': 1}),
          ('ReduceSum', 'g,axes', 's', {}), ('Mul', 'x,s', 'y', {})], [(2, 3)],
         {'table': weights(3, 7), 'axes': I(1, 2), 'i': np.arange(
             1089).reshape(33, 33) % 7})


def activations(case, weights):
    for t in ('Sin', 'Cos', 'Softplus', 'Elu'):
        case('map ' + t, [(t, 'x', 'y', {})], [(2, 3, 5)], {}, 14)
    case('map Elu of another slope', [('Elu', 'x', 'y', {'alpha': .3})],
         [(2, 9)])
    case('map Softplus of large numbers',
         [('Mul', 'x,k', 'm', {}), ('Softplus', 'm', 'y', {})], [(2, 9)],
         {'k': F(70)})
    case('map Mish', [('Mul', 'x,k', 'm', {}), ('Mish', 'm', 'y', {})],
         [(2, 3, 5)], {'k': F(12)}, 18)
    conv = {'w': weights(17, 3, 1, 1)}
    spelled = [('Conv', 'x,w', 'c', {}), ('Softplus', 'c', 's', {}),
               ('Tanh', 's', 't', {})]
    case('mish chain', spelled + [('Mul', 'c,t', 'y', {})], [(2, 3, 4, 5)],
         conv)
    case('mish chain other way', spelled + [('Mul', 't,c', 'y', {})],
         [(2, 3, 4, 5)], conv)
    case('mish chain, read elsewhere too',
         spelled + [('Mul', 't,c', 'm', {}), ('Add', 'm,s', 'y', {})],
         [(2, 3, 4, 5)], conv)
    case('no mish chain',
         [('Softplus', 'x', 's', {}), ('Tanh', 's', 't', {}),
          ('Mul', 't,z', 'y', {})], [(2, 9), (2, 9)])


def positions(case, weights):
    """Counted in a mask of no holes, for every picture of a free batch."""
    k = {'zero': I(0), 'rows': I(3, 5), 'f': weights(4) + 2, 'least': F(1e-6),
         'one': np.int64(1), 'two': np.int64(2), 'axis': I(3), 'a4': I(4),
         'last': I(-1), 'far': I(2**63 - 1), 'second': I(2), 'step': I(1),
         'to': I(0, 3, 5, 8), 'every': I(2), 'begin': I(0), 'next': I(1)}
    mask = [('Shape', 'x', 's', {}), ('Gather', 's,zero', 'n', {}),
            ('Concat', 'n,rows', 'of', {'axis': 0}),
            ('ConstantOfShape', 'of', 'none', {}),
            ('Cast', 'none', 'hole', {'to': TensorProto.BOOL}),
            ('Not', 'hole', 'there', {}), ('Cast', 'there', 'ones', {'to': 1}),
            ('CumSum', 'ones,two', 'c', {})]
    case('positions',
         mask + [('Slice', 'c,last,far,second,step', 'l', {}),
                 ('Add', 'l,least', 'd', {}), ('Div', 'c,d', 'p', {}),
                 ('Unsqueeze', 'p,axis', 'u', {}), ('Div', 'u,f', 'q', {}),
                 ('Sin', 'q', 'sin', {}), ('Cos', 'q', 'cos', {}),
                 ('Unsqueeze', 'sin,a4', 'v', {}),
                 ('Unsqueeze', 'cos,a4', 'w', {}),
                 ('Concat', 'v,w', 'both', {'axis': 4}),
                 ('Reshape', 'both,to', 'r', {}),
                 ('Transpose', 'r', 't', {'perm': [0, 3, 1, 2]}),
                 ('Add', 'x,t', 'y', {})], [(2, 8, 3, 5)], k)
    case('positions as an output', mask, [(2, 3)], k, outputs=('c',))
    case('positions of two axes',
         mask + [('CumSum', 'c,one', 'e', {'reverse': 1}),
                 ('Neg', 'e', 'm', {}), ('Slice', 'm,begin,far,second,every',
                                         'y', {})], [(2, 3)], k)
    for n, a in (('', {}), (' exclusive', {'exclusive': 1}),
                 (' reverse', {'reverse': 1}),
                 (' both', {'exclusive': 1, 'reverse': 1})):
        case('cumsum of a constant' + n,
             [('CumSum', 'k,axis', 'c', a), ('Add', 'x,c', 'y', {})],
             [(2, 3, 4)], {'k': weights(3, 4), 'axis': np.int64(-2)})
    case('token of every picture, changed',
         [('Shape', 'x', 's', {}), ('Slice', 's,begin,next', 'n', {}),
          ('Concat', 'n,rest', 'to', {'axis': 0}),
          ('Expand', 'token,to', 't', {}), ('Add', 't,more', 'a', {}),
          ('Slice', 'a,begin,next,begin', 'first', {}),
          ('Concat', 'a,x', 'c', {'axis': 1}), ('Add', 'c,first', 'y', {})],
         [(3, 4, 5)], {'begin': I(0), 'next': I(1), 'rest': I(1, 5),
                       'token': weights(1, 1, 5), 'more': weights(5)})


def pyramids(case):
    """Resize to a feature map's size, computed from the picture's."""
    k = {'one': np.int64(1), 'minus': np.int64(-1), 'four': np.int64(4),
         'two': np.int64(2), 'axis': I(0), 'odd': I(0, 0, 1, 0, 0, 0, 2, 3)}
    pool = {'kernel_shape': [3, 3], 'strides': [2, 2], 'pads': [1, 1, 1, 1]}
    nearest = {'mode': 'nearest', 'nearest_mode': 'floor',
               'coordinate_transformation_mode': 'asymmetric'}

    def sizes(*steps):
        nodes = [('Shape', 'x', 'nc', {'end': 2})]
        for i, axis in enumerate('hw'):
            at = f'{axis}0'
            nodes += [('Shape', 'x', f'{axis}s', {'start': i + 2,
                                                  'end': i + 3}),
                      ('Squeeze', f'{axis}s', at, {})]
            for n, (t, number) in enumerate(steps):
                pair = number if ',' in number else '{},' + number
                nodes.append((t, pair.format(at), f'{axis}{n + 1}', {}))
                at = f'{axis}{n + 1}'
            nodes.append(('Unsqueeze', f'{at},axis', f'{axis}', {}))
        return nodes + [('Concat', 'nc,h,w', 'to', {'axis': 0}),
                        ('Resize', 'b,,,to', 'r', nearest),
                        ('Add', 'a,r', 'y', {})]

    free = [(None, 2, None, None)]
    case('pyramid of a computed size',
         [('MaxPool', 'x', 'p', pool), ('MaxPool', 'p', 'a', pool),
          ('MaxPool', 'a', 'b', pool)]
         + sizes(('Add', 'minus,{}'), ('Div', 'four'), ('Add', 'one,{}')),
         [(2, 2, 13, 24)], k, 15, declared=free)
    case('pyramid of a computed size, step by step',
         [('MaxPool', 'x', 'p', pool), ('MaxPool', 'p', 'a', pool),
          ('MaxPool', 'a', 'b', pool)]
         + sizes(('Sub', 'one'), ('Div', 'two'), ('Div', 'two'),
                 ('Add', 'one')),
         [(2, 2, 16, 11)], k, 15, declared=free)
    case('pyramid of a padded picture',
         [('Pad', 'x,odd', 'q', {}), ('MaxPool', 'q', 'a', {
             'kernel_shape': [1, 4]}), ('MaxPool', 'a', 'b', pool)]
         + [('Shape', 'x', 'nc', {'end': 2}), ('Shape', 'x', 'hs', {
             'start': 2, 'end': 3}), ('Add', 'hs,three', 'h', {}),
            ('Shape', 'x', 'w', {'start': 3}),
            ('Concat', 'nc,h,w', 'to', {'axis': 0}),
            ('Resize', 'b,,,to', 'r', nearest), ('Add', 'a,r', 'y', {})],
         [(2, 2, 5, 6)], dict(k, three=I(3)), 15, declared=free)


def add(any_case, weights):
    def case(name, nodes, inputs, inits=None, opset=13, outputs=('y',),
             declared=None, **more):
        declared = declared or [(None, *s[1:]) for s in inputs]
        any_case(name, nodes, inputs, inits, opset, outputs, declared, **more)

    norms(case, weights)
    lines(case, weights)
    windows(case, weights)
    activations(case, weights)
    positions(case, weights)
    pyramids(case)
