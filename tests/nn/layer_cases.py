# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases for op-cases.txt (see make_cases.py): the operators of transformers,
of sets of frames, and of exporters that spell things out."""

import numpy as np
from onnx import TensorProto, helper

I = lambda *v: np.array(v, dtype=np.int64)
F = lambda v: np.float32(v)
FREE = [(None, 3, None, None)]


def reductions(case):
    for t in ('ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1',
              'ReduceL2', 'ReduceSumSquare'):
        old = 11 if t == 'ReduceSum' else 13
        case(f'reduce {t}', [(t, 'x', 'y', {'axes': [-1]})], [(2, 3, 5)], {},
             old)
        case(f'reduce {t} middle', [(t, 'x', 'y', {'axes': [1],
                                                   'keepdims': 0})],
             [(2, 3, 5)], {}, old)
        case(f'reduce {t} two', [(t, 'x,a', 'y', {})], [(2, 3, 4, 5)],
             {'a': I(1, 3)}, 18)
        case(f'reduce {t} all', [(t, 'x', 'y', {})], [(2, 3, 4)], {}, 18)
    case('reduce ReduceMax pictures', [('ReduceMax', 'x', 'y',
                                        {'axes': [2, 3], 'keepdims': 0})],
         [(2, 3, 4, 5)], {}, 11)
    case('reduce the batch', [('ReduceMean', 'x', 'y', {'axes': [0]})],
         [(3, 4)])
    case('reduce nothing', [('ReduceSum', 'x', 'y',
                             {'noop_with_empty_axes': 1})], [(2, 3)])
    case('reduce nothing 18', [('ReduceMean', 'x,a', 'y',
                                {'noop_with_empty_axes': 1})], [(2, 3)],
         {'a': I()}, 18)
    case('globalmaxpool', [('GlobalMaxPool', 'x', 'y', {})], [(2, 3, 4, 5)])
    case('lpnormalization', [('LpNormalization', 'x', 'y', {'axis': 1})],
         [(2, 9)])
    case('lpnormalization 1', [('LpNormalization', 'x', 'y',
                                {'axis': -1, 'p': 1})], [(2, 9)])
    case('normalize as torch does',
         [('ReduceL2', 'x', 'n', {'axes': [1], 'keepdims': 1}),
          ('Clip', 'n,least', 'c', {}), ('Shape', 'x', 's', {}),
          ('Expand', 'c,s', 'e', {}), ('Div', 'x,e', 'y', {})], [(2, 9)],
         {'least': F(1e-12)}, 13, declared=[(None, 9)])


def maps(case):
    for t in ('Erf', 'HardSwish'):
        case('map ' + t, [(t, 'x', 'y', {})], [(2, 3, 5)], {}, 14)
    case('map HardSigmoid', [('HardSigmoid', 'x', 'y', {})], [(2, 9)])
    case('map HardSigmoid sixth', [('HardSigmoid', 'x', 'y',
                                    {'alpha': 1 / 6, 'beta': .5})], [(2, 9)])
    case('map Log', [('Abs', 'x', 'a', {}), ('Add', 'a,k', 'p', {}),
                     ('Log', 'p', 'y', {})], [(2, 9)], {'k': F(.5)})
    case('map Reciprocal', [('Reciprocal', 'x', 'y', {})], [(2, 9)])
    case('map Gelu', [('Gelu', 'x', 'y', {})], [(2, 9)], {}, 20)
    case('map Gelu tanh', [('Gelu', 'x', 'y', {'approximate': 'tanh'})],
         [(2, 9)], {}, 20)
    case('binary Pow integer', [('Pow', 'x,k', 'y', {})], [(2, 9)],
         {'k': np.int64(2)})
    case('map Cast to half', [('Mul', 'x,k', 'm', {}), ('Floor', 'k', 'u', {}),
                              ('Add', 'm,u', 'x2', {}),
                              ('Cast', 'x2', 'h', {'to': 11}),
                              ('Cast', 'h', 'y', {'to': 1})], [(2, 4)],
         {'k': F(1)})
    # Gelu, spelled out
    tail = [('Erf', 'd', 'e', {}), ('Add', 'e,one', 's', {})]
    k = {'r': F(2 ** .5), 'i': F(.5 ** .5), 'one': F(1), 'half': F(.5)}
    case('gelu chain torch', [('Div', 'x,r', 'd', {})] + tail
         + [('Mul', 'x,s', 'm', {}), ('Mul', 'm,half', 'y', {})], [(2, 9)], k)
    case('gelu chain other', [('Mul', 'i,x', 'd', {})] + tail
         + [('Mul', 'x,half', 'm', {}), ('Mul', 'm,s', 'y', {})], [(2, 9)], k)
    case('gelu chain third', [('Mul', 'x,i', 'd', {})] + tail
         + [('Mul', 'half,s', 'm', {}), ('Mul', 'x,m', 'y', {})], [(2, 9)], k)
    case('gelu chain read inside', [('Div', 'x,r', 'd', {})] + tail
         + [('Mul', 'x,s', 'm', {}), ('Mul', 'm,half', 'y', {}),
            ('Neg', 's', 'z', {})], [(2, 9)], k, outputs=('y', 'z'))
    case('gelu chain of another number', [('Div', 'x,half', 'd', {})] + tail
         + [('Mul', 'x,s', 'm', {}), ('Mul', 'm,half', 'y', {})], [(2, 9)], k)
    case('gelu chain of another value', [('Div', 'x,r', 'd', {})] + tail
         + [('Mul', 'z,s', 'm', {}), ('Mul', 'm,half', 'y', {})],
         [(2, 9), (2, 9)], k)


def norms(case, weights):
    s, t = weights(6) + 2, weights(6)
    for opset in (17, 21):
        case(f'layernorm {opset}', [('LayerNormalization', 'x,s,t', 'y', {})],
             [(2, 3, 6)], {'s': s, 't': t}, opset)
    case('layernorm no shift', [('LayerNormalization', 'x,s', 'y',
                                 {'epsilon': .01})], [(2, 3, 6)], {'s': s}, 17)
    case('layernorm two axes', [('LayerNormalization', 'x,s,t', 'y',
                                 {'axis': 1})], [(2, 3, 4)],
         {'s': weights(3, 4) + 2, 't': weights(3, 4)}, 17)

    def chain(name, mean, square, tail, opset=13, axes=(-1,), shape=(2, 3, 6),
              outputs=('y',), **more):
        a = {'axes': list(axes)}
        case('layernorm chain ' + name,
             [('ReduceMean', 'x', 'm', a), ('Sub', 'x,m', 'd', {}), square,
              ('ReduceMean', 'q', 'v', a), ('Add', 'v,e', 'w', {}),
              ('Sqrt', 'w', 'r', {}), ('Div', 'd,r', 'n', {})] + tail,
             [shape], dict({'e': F(1e-5), 'two': F(2), 's': s, 't': t},
                           **more), opset, outputs)

    power, twice = ('Pow', 'd,two', 'q', {}), ('Mul', 'd,d', 'q', {})
    both = [('Mul', 'n,s', 'g', {}), ('Add', 'g,t', 'y', {})]
    chain('torch', 1, power, both)
    chain('product', 1, twice, both)
    chain('other way', 1, power, [('Mul', 's,n', 'g', {}),
                                  ('Add', 't,g', 'y', {})])
    chain('no scale', 1, power, [('Identity', 'n', 'y', {})])
    chain('shift alone', 1, power, [('Add', 'n,t', 'y', {})])
    chain('4-D scale', 1, power, both, s=s.reshape(1, 1, 6))
    chain('one scale', 1, power, both, s=F(1.5), t=F(.25))
    chain('two axes', 1, power, [('Identity', 'n', 'y', {})], axes=(1, 2))
    chain('channels', 1, power, [('Identity', 'n', 'y', {})], axes=(1,))
    chain('read inside', 1, power, both + [('Neg', 'v', 'z', {})],
          outputs=('y', 'z'))
    chain('deviation read', 1, power, both + [('Neg', 'd', 'z', {})],
          outputs=('y', 'z'))


def products(case, weights):
    w = {'w': weights(6, 4), 'b': weights(4)}
    for n, shape in (('3-D', (2, 3, 6)), ('4-D', (2, 3, 2, 6))):
        case(f'rows {n}', [('MatMul', 'x,w', 'm', {}), ('Add', 'm,b', 'y', {})],
             [shape], w)
    case('rows free', [('MatMul', 'x,w', 'm', {}), ('Add', 'b,m', 'y', {})],
         [(3, 5, 6)], w, declared=[(None, 5, 6)])
    case('rows free twice', [('MatMul', 'x,w', 'm', {}),
                             ('Add', 'b,m', 'y', {})], [(3, 5, 6)], w,
         declared=[(None, None, 6)])
    case('rows and another shape', [('MatMul', 'x,w', 'm', {}),
                                    ('Add', 'm,c', 'y', {})], [(2, 3, 6)],
         dict(w, c=weights(3, 4)))
    case('rows read twice', [('MatMul', 'x,w', 'm', {}),
                             ('Add', 'm,b', 'y', {}), ('Neg', 'm', 'z', {})],
         [(2, 3, 6)], w, outputs=('y', 'z'))
    case('matmul constant left', [('MatMul', 'w,x', 'y', {})], [(2, 4, 3)],
         {'w': weights(6, 4)})
    case('matmul by strips', [('Transpose', 'x', 't', {'perm': [2, 0, 1]}),
                              ('MatMul', 't,w', 'm', {}),
                              ('Transpose', 'm', 'y', {'perm': [1, 2, 0]})],
         [(2, 5, 3)], {'w': weights(3, 5, 4)})
    heads = [('Reshape', 'x,qkv', 'r', {}),
             ('Transpose', 'r', 't', {'perm': [2, 0, 3, 1, 4]}),
             ('Gather', 't,i0', 'q', {'axis': 0}),
             ('Gather', 't,i1', 'k', {'axis': 0}),
             ('Gather', 't,i2', 'w', {'axis': 0}),
             ('Transpose', 'k', 'kt', {'perm': [0, 1, 3, 2]}),
             ('MatMul', 'q,kt', 'a', {}), ('Mul', 'a,c', 'b', {}),
             ('Softmax', 'b', 's', {'axis': -1}), ('MatMul', 's,w', 'o', {}),
             ('Transpose', 'o', 'p', {'perm': [0, 2, 1, 3]}),
             ('Reshape', 'p,back', 'y', {})]
    k = {'i0': np.int64(0), 'i1': np.int64(1), 'i2': np.int64(2),
         'c': F(.5)}
    case('attention', heads, [(3, 5, 24)],
         dict(k, qkv=I(-1, 5, 3, 2, 4), back=I(-1, 5, 8)),
         declared=[(None, 5, 24)])
    case('attention of one', heads, [(3, 5, 24)],
         dict(k, qkv=I(1, 5, 3, 2, 4), back=I(1, 5, 8)),
         declared=[(1, 5, 24)], each=True)
    # batch second, heads merged with it, as nn.MultiheadAttention has it
    case('attention sequence first',
         [('Transpose', 'x', 'l', {'perm': [1, 0, 2]}),
          ('Shape', 'l', 's', {}), ('Gather', 's,one', 'n', {}),
          ('Mul', 'n,two', 'nh', {}), ('Unsqueeze', 'nh,zero', 'nh1', {}),
          ('Concat', 'five,nh1,four', 'to', {'axis': 0}),
          ('Reshape', 'l,to', 'r', {}),
          ('Transpose', 'r', 'q', {'perm': [1, 0, 2]}),
          ('Transpose', 'r', 'k', {'perm': [1, 2, 0]}),
          ('MatMul', 'q,k', 'a', {}), ('Softmax', 'a', 'w', {'axis': -1}),
          ('MatMul', 'w,q', 'o', {}),
          ('Transpose', 'o', 'p', {'perm': [1, 0, 2]}),
          ('Unsqueeze', 'n,zero', 'n1', {}),
          ('Concat', 'five,n1,eight', 'back', {'axis': 0}),
          ('Reshape', 'p,back', 'b', {}),
          ('Transpose', 'b', 'y', {'perm': [1, 0, 2]})], [(3, 5, 8)],
         {'one': np.int64(1), 'two': np.int64(2), 'zero': I(0), 'five': I(5),
          'four': I(4), 'eight': I(8)}, 13, declared=[(None, 5, 8)])


def spreads(case, weights):
    case('expand literal', [('Expand', 'x,s', 'y', {})], [(2, 1, 3)],
         {'s': I(2, 4, 3)})
    case('expand ranks', [('Expand', 'x,s', 'y', {})], [(4, 1)],
         {'s': I(2, 3, 1, 5)})
    case('expand ones', [('Expand', 'x,s', 'y', {})], [(2, 3)], {'s': I(1, 1)})
    case('expand of the batch', [('Expand', 'x,s', 'y', {})], [(1, 3)],
         {'s': I(4, 3)})
    case('expand constant to the batch',
         [('Shape', 'x', 's', {}), ('Gather', 's,i', 'n', {}),
          ('Concat', 'n,rest', 'to', {'axis': 0}),
          ('Expand', 'token,to', 't', {}),
          ('Concat', 't,x', 'y', {'axis': 1})], [(3, 4, 5)],
         {'i': I(0), 'rest': I(1, 5), 'token': weights(1, 1, 5)}, 13,
         declared=[(None, 4, 5)])
    case('expand as torch does',
         [('Shape', 'x', 's', {}), ('Gather', 's,i', 'n', {}),
          ('Concat', 'n,rest', 'to', {'axis': 0}), ('Shape', 'to', 'r', {}),
          ('ConstantOfShape', 'r', 'ones', {
              'value': helper.make_tensor('v', TensorProto.INT64, [1], [1])}),
          ('Mul', 'ones,minus', 'm', {}), ('Equal', 'to,m', 'q', {}),
          ('Where', 'q,ones,to', 'w', {}), ('Expand', 'token,w', 't', {}),
          ('Concat', 't,x', 'y', {'axis': 1})], [(3, 4, 5)],
         {'i': I(0), 'rest': I(-1, 5), 'token': weights(1, 1, 5),
          'minus': np.int64(-1)}, 13, declared=[(None, 4, 5)])
    case('expand zeros of the batch',
         [('Shape', 'x', 's', {}), ('Gather', 's,i', 'n', {}),
          ('Concat', 'n,rest', 'to', {'axis': 0}),
          ('ConstantOfShape', 'to', 'z', {}), ('Add', 'z,token', 't', {}),
          ('Concat', 't,x', 'y', {'axis': 1})], [(3, 4, 5)],
         {'i': I(0), 'rest': I(1, 5), 'token': weights(5)}, 13,
         declared=[(None, 4, 5)])
    case('tile to the batch',
         [('Shape', 'x', 's', {}), ('Gather', 's,i', 'n', {}),
          ('Concat', 'n,rest', 'r', {'axis': 0}), ('Tile', 'token,r', 't', {}),
          ('Concat', 't,x', 'y', {'axis': 1})], [(3, 4, 5)],
         {'i': I(0), 'rest': I(1, 1), 'token': weights(1, 1, 5)}, 13,
         declared=[(None, 4, 5)])
    case('tile of ones', [('Tile', 'x,r', 'y', {})], [(2, 1, 3)],
         {'r': I(1, 4, 1)})
    case('concat token of one', [('Concat', 'token,x', 'y', {'axis': 1})],
         [(3, 4, 5)], {'token': weights(1, 1, 5)}, declared=[(1, 4, 5)],
         each=True)
    case('where of a constant', [('Where', 'c,x,k', 'y', {})], [(2, 3)],
         {'c': np.array([True]), 'k': weights(1, 3)})
    for n, index in (('backwards', (2, 1, 0)), ('every second', (0, 2, 4)),
                     ('any', (3, 0, 1, 1, 4, 2)), ('negative', (-1, -2)),
                     ('one', (3,)), ('same', (2, 2, 2))):
        case(f'gather {n}', [('Gather', 'x,i', 'y', {'axis': 1})],
             [(2, 5, 3)], {'i': I(*index)})
    case('gather a table', [('Gather', 'x,i', 'y', {'axis': 1})], [(2, 5, 3)],
         {'i': np.array([[0, 2], [4, 1]])})
    case('gather rows', [('Gather', 'x,i', 'y', {'axis': 0})], [(4, 3)],
         {'i': I(3, 1)}, declared=[(4, 3)])
    case('gate', [('Conv', 'x,w', 'c', {}), ('GlobalAveragePool', 'c', 'p', {}),
                  ('Conv', 'p,v', 'q', {}), ('Sigmoid', 'q', 'g', {}),
                  ('Mul', 'c,g', 'm', {}), ('Conv', 'm,u', 'y', {})],
         [(2, 3, 4, 5)], {'w': weights(19, 3, 1, 1), 'v': weights(19, 19, 1, 1),
                          'u': weights(4, 19, 1, 1) / 4})
    case('gate first', [('GlobalAveragePool', 'x', 'p', {}),
                        ('Sub', 'p,x', 'y', {})], [(2, 3, 4, 5)])


def sizes(case):
    nearest = {'mode': 'nearest', 'nearest_mode': 'floor',
               'coordinate_transformation_mode': 'asymmetric'}
    for n, attributes in (('nearest', nearest), ('linear', {
            'mode': 'linear', 'coordinate_transformation_mode':
            'half_pixel'})):
        case(f'resize {n} to another picture',
             [('Shape', 'x', 'nc', {'end': 2}),
              ('Shape', 'z', 'hw', {'start': 2}),
              ('Concat', 'nc,hw', 'to', {'axis': 0}),
              ('Resize', 'x,,,to', 'y', attributes)],
             [(2, 3, 3, 4), (2, 3, 5, 8)], {}, 15,
             declared=[(None, 3, None, None), (None, 3, None, None)])
    case('resize in a pyramid',
         [('MaxPool', 'x', 'a', {'kernel_shape': [2, 2], 'strides': [2, 2]}),
          ('MaxPool', 'a', 'b', {'kernel_shape': [2, 2], 'strides': [2, 2],
                                 'ceil_mode': 1}),
          ('Relu', 'a', 'l', {}), ('Shape', 'l', 's', {}),
          ('Slice', 's,two,four', 'hw', {}), ('Shape', 'b', 't', {}),
          ('Slice', 't,zero,two', 'nc', {}),
          ('Concat', 'nc,hw', 'to', {'axis': 0}),
          ('Resize', 'b,,,to', 'u', nearest), ('Add', 'l,u', 'y', {})],
         [(2, 3, 11, 16)], {'zero': I(0), 'two': I(2), 'four': I(4)}, 13,
         declared=FREE)


def constants(case, weights):
    w = {'w': weights(3, 2, 3, 3), 'b': weights(3), 'k': weights(3, 1, 1) + 2,
         's': F(.75)}
    shape = [(2, 2, 4, 5)]
    for t in ('Mul', 'Add', 'Sub', 'Div'):
        for k in ('k', 's'):
            case(f'merged constant {t} {k}',
                 [('Conv', 'x,w,b', 'c', {}), (t, 'c,' + k, 'y', {})], shape, w)
            case(f'merged constant {k} {t}',
                 [('Conv', 'x,w', 'c', {}), (t, k + ',c', 'y', {})], shape, w)
    case('merged constant then more',
         [('Conv', 'x,w,b', 'c', {}), ('Mul', 'c,s', 'm', {}),
          ('Add', 'm,z', 'a', {}), ('Relu', 'a', 'y', {})],
         shape + [(2, 3, 2, 3)], w)
    case('merged constant of a column',
         [('Conv', 'x,w,b', 'c', {}), ('Mul', 'c,v', 'y', {})], shape,
         dict(w, v=weights(3)))
    case('merged constant of five axes',
         [('Conv', 'x,w,b', 'c', {}), ('Mul', 'c,v', 'y', {})], shape,
         dict(w, v=weights(1, 1, 3, 1, 1)))
    case('merged constant read before',
         [('Conv', 'x,w,b', 'c', {}), ('Mul', 'c,s', 'm', {}),
          ('Add', 'c,m', 'y', {})], shape, w)
    case('merged constant after an activation',
         [('Conv', 'x,w,b', 'c', {}), ('Relu', 'c', 'r', {}),
          ('Mul', 'r,s', 'y', {})], shape, w)
    case('merged constant of zero',
         [('Conv', 'x,w,b', 'c', {}), ('Mul', 'c,s', 'y', {})], shape,
         dict(w, s=F(0)))


def frames(case, weights):
    case('frames as pictures',
         [('Reshape', 'x,flat', 'f', {}), ('Conv', 'f,w', 'c', {}),
          ('Reshape', 'c,sets', 's', {}),
          ('ReduceMax', 's', 'y', {'axes': [1], 'keepdims': 0})],
         [(2, 3, 1, 4, 5)], {'flat': I(-1, 1, 4, 5), 'sets': I(-1, 3, 2, 4, 5),
                             'w': weights(2, 1, 1, 1)}, 13,
         declared=[(None, 3, 1, 4, 5)])
    case('frames of a free number',
         [('Conv', 'x,w', 'c', {}),
          ('ReduceMax', 'c', 'y', {'axes': [0], 'keepdims': 1})],
         [(3, 1, 4, 5)], {'w': weights(2, 1, 1, 1)}, 13,
         declared=[(None, 1, 4, 5)])
    case('strips of a pyramid',
         [('Reshape', 'x,s', 'r', {}),
          ('ReduceMean', 'r', 'a', {'axes': [-1], 'keepdims': 0}),
          ('ReduceMax', 'r', 'b', {'axes': [-1], 'keepdims': 0}),
          ('Add', 'a,b', 'y', {})], [(2, 3, 4, 6)], {'s': I(0, 3, 2, -1)})


def add(any_case, weights):
    def case(name, nodes, inputs, inits=None, opset=13, outputs=('y',),
             declared=None, **more):
        """The batch is free, so that each picture is tried alone too."""
        declared = declared or [(None, *s[1:]) for s in inputs]
        any_case(name, nodes, inputs, inits, opset, outputs, declared, **more)

    reductions(case)
    maps(case)
    norms(case, weights)
    products(case, weights)
    spreads(case, weights)
    sizes(case)
    frames(case, weights)
    constants(case, weights)
