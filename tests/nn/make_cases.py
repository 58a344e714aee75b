#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes op-cases.txt: small networks, and what ONNX Runtime makes of them.

    python3 make_cases.py > op-cases.txt        (needs onnx, onnxruntime, numpy)

One case is a few lines: `case NAME`, `model BASE64`, one `in DIMS` per input
and one `out DIMS BASE64` (f32, little endian) per output. Inputs are not
stored: element i of input k is ((i * 7919 + k * 104729 + 13) % 2003 - 1001)
/ 512, which is exact in f32."""

import base64
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import edge_cases
import export_cases
import layer_cases

cases = []
rng = np.random.default_rng(7)


def values(shape, k):
    n = int(np.prod(shape))
    i = np.arange(n, dtype=np.int64)
    v = (i * 7919 + k * 104729 + 13) % 2003 - 1001
    return (v.astype(np.float32) / np.float32(512)).reshape(shape)


def weights(*shape):
    return (rng.integers(-64, 65, shape) / 64).astype(np.float32)


def case(name, nodes, inputs, inits=None, opset=13, outputs=('y',),
         declared=None, each=False):
    """nodes: (type, inputs, outputs, attributes); inputs: shapes to run with;
    declared: shapes to write into the file (None = free), default the same;
    each: the file is for one picture, and ONNX Runtime is given one by one."""
    ops = [helper.make_node(t, i.split(',') if i else [], o.split(','), **a)
           for t, i, o, a in nodes]
    names = ['x', 'z', 'v', 'u'][:len(inputs)]
    vi = [helper.make_tensor_value_info(
        n, TensorProto.FLOAT, (declared or inputs)[k])
        for k, n in enumerate(names)]
    vo = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None)
          for o in outputs]
    ini = [v if isinstance(v, onnx.TensorProto)
           else numpy_helper.from_array(np.asarray(v), k)
           for k, v in (inits or {}).items()]
    graph = helper.make_graph(ops, 'g', vi, vo, ini)
    model = helper.make_model(graph, opset_imports=[
        helper.make_opsetid('', opset)], producer_name='')
    model.ir_version = 8
    data = model.SerializeToString()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = \
        ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(data, options,
                                       providers=['CPUExecutionProvider'])
        given = {n: values(s, k) for k, (n, s) in
                 enumerate(zip(names, inputs))}
        if each:
            out = [np.concatenate(o) for o in zip(*(
                session.run(None, {n: v[i:i + 1] for n, v in given.items()})
                for i in range(inputs[0][0])))]
        else:
            out = session.run(None, given)
    except Exception as e:
        sys.exit(f'{name}: {e}')
    lines = [f'case {name}', 'model ' + base64.b64encode(data).decode()]
    lines += ['in ' + ' '.join(map(str, s)) for s in inputs]
    for o in out:
        o = np.ascontiguousarray(o, dtype='<f4')
        lines.append('out ' + ' '.join(map(str, o.shape)) + ' = '
                     + base64.b64encode(o.tobytes()).decode())
    cases.append('\n'.join(lines))


def conv(name, x, w, bias=True, opset=13, **attributes):
    inits = {'w': weights(*w)}
    if bias:
        inits['b'] = weights(w[0])
    case('conv ' + name, [('Conv', 'x,w,b' if bias else 'x,w', 'y',
                           attributes)], [x], inits, opset)


# Convolution
conv('1x1', (2, 3, 4, 5), (4, 3, 1, 1))
conv('no bias', (1, 3, 4, 5), (2, 3, 1, 1), bias=False)
conv('3x3 pads', (1, 2, 5, 6), (3, 2, 3, 3), pads=[1, 1, 1, 1])
conv('3x3 no pads', (1, 2, 5, 6), (3, 2, 3, 3))
conv('stride 2', (2, 3, 7, 8), (4, 3, 3, 3), pads=[1, 1, 1, 1],
     strides=[2, 2])
conv('unequal strides', (1, 2, 7, 9), (2, 2, 3, 3), strides=[3, 2])
conv('asymmetric pads', (1, 2, 6, 6), (2, 2, 5, 5), pads=[1, 1, 2, 2],
     strides=[2, 2])
conv('pads larger than the kernel', (1, 1, 3, 3), (1, 1, 2, 2),
     pads=[3, 2, 1, 4])
conv('dilation 2', (1, 2, 8, 8), (2, 2, 3, 3), dilations=[2, 2],
     pads=[2, 2, 2, 2])
conv('dilation 3 and 1', (1, 2, 9, 6), (2, 2, 3, 3), dilations=[3, 1])
conv('dilation 5, all pad', (1, 1, 4, 4), (1, 1, 3, 3), dilations=[5, 5],
     pads=[5, 5, 5, 5])
conv('dilation 2 stride 2', (1, 2, 9, 9), (2, 2, 3, 3), dilations=[2, 2],
     strides=[2, 2], pads=[1, 2, 1, 2])
conv('groups 2', (1, 4, 5, 5), (6, 2, 3, 3), group=2, pads=[1, 1, 1, 1])
conv('depthwise', (2, 8, 5, 5), (8, 1, 3, 3), group=8, pads=[1, 1, 1, 1])
conv('depthwise 17 channels', (1, 17, 4, 4), (17, 1, 3, 3), group=17,
     pads=[1, 1, 1, 1])
conv('depthwise stride 2', (1, 4, 7, 7), (4, 1, 3, 3), group=4,
     strides=[2, 2], pads=[0, 0, 2, 2])
conv('depthwise multiplier', (1, 3, 5, 5), (6, 1, 3, 3), group=3,
     pads=[1, 1, 1, 1])
conv('depthwise over all', (1, 5, 4, 4), (5, 1, 4, 4), group=5)
conv('1x7', (1, 2, 3, 9), (2, 2, 1, 7), pads=[0, 3, 0, 3])
conv('7x1', (1, 2, 9, 3), (2, 2, 7, 1), pads=[3, 0, 3, 0])
conv('2x2', (1, 3, 5, 5), (2, 3, 2, 2), strides=[2, 2])
conv('1x1 stride 2', (1, 3, 5, 7), (4, 3, 1, 1), strides=[2, 2])
conv('1x1 padded', (1, 2, 3, 3), (2, 2, 1, 1), pads=[1, 1, 1, 1])
conv('33 channels', (1, 33, 3, 3), (17, 33, 1, 1))
conv('one pixel', (1, 4, 1, 1), (3, 4, 3, 3), pads=[1, 1, 1, 1])
for how in ('SAME_UPPER', 'SAME_LOWER', 'VALID'):
    conv('auto_pad ' + how, (1, 2, 6, 7), (2, 2, 4, 3), auto_pad=how,
         strides=[2, 2])
    conv('auto_pad stride 1 ' + how, (1, 2, 5, 5), (2, 2, 2, 4),
         auto_pad=how)
conv('auto_pad NOTSET', (1, 1, 4, 4), (1, 1, 3, 3), auto_pad='NOTSET',
     pads=[1, 0, 1, 0])
conv('kernel_shape given', (1, 1, 4, 4), (1, 1, 3, 3), kernel_shape=[3, 3],
     opset=9)
conv('opset 21', (1, 1, 4, 4), (1, 1, 3, 3), opset=21)
case('conv half weights', [('Cast', 'h', 'w', {'to': 1}),
                           ('Conv', 'x,w', 'y', {})], [(1, 1, 3, 3)],
     {'h': weights(2, 1, 2, 2).astype(np.float16)})

# Convolution with what the engine merges into it
W = {'w': weights(3, 2, 3, 3), 'b': weights(3)}
P = {'pads': [1, 1, 1, 1]}
X = [(2, 2, 4, 5)]


def merged(name, more, inits=None, inputs=X, opset=13, outputs=('y',)):
    case('merged ' + name, [('Conv', 'x,w,b', 'c', P)] + more, inputs,
         dict(W, **(inits or {})), opset, outputs)


BN = {'s': weights(3) + 1.5, 't': weights(3), 'm': weights(3),
      'q': abs(weights(3)) + .1}
merged('relu', [('Relu', 'c', 'y', {})])
merged('relu6', [('Clip', 'c,lo,hi', 'y', {})],
       {'lo': np.float32(0), 'hi': np.float32(6)})
merged('clip', [('Clip', 'c,lo,hi', 'y', {})],
       {'lo': np.float32(-.5), 'hi': np.float32(.75)})
merged('leaky relu', [('LeakyRelu', 'c', 'y', {'alpha': .2})])
merged('prelu', [('PRelu', 'c,k', 'y', {})], {'k': weights(3, 1, 1)})
merged('prelu one slope', [('PRelu', 'c,k', 'y', {})],
       {'k': weights(1, 1, 1)})
merged('sigmoid', [('Sigmoid', 'c', 'y', {})])
merged('tanh', [('Tanh', 'c', 'y', {})])
merged('swish', [('Sigmoid', 'c', 'g', {}), ('Mul', 'c,g', 'y', {})])
merged('swish other way', [('Sigmoid', 'c', 'g', {}),
                           ('Mul', 'g,c', 'y', {})])
merged('batch norm', [('BatchNormalization', 'c,s,t,m,q', 'y',
                       {'epsilon': .01})], BN)
merged('batch norm relu', [('BatchNormalization', 'c,s,t,m,q', 'n', {}),
                           ('Relu', 'n', 'y', {})], BN)
merged('two batch norms', [('BatchNormalization', 'c,s,t,m,q', 'n', {}),
                           ('BatchNormalization', 'n,s,t,m,q', 'y', {})], BN)
merged('identity between', [('Identity', 'c', 'i', {}),
                            ('Relu', 'i', 'y', {})])
merged('dropout between', [('Dropout', 'c', 'i', {}), ('Relu', 'i', 'y', {})])
merged('residual', [('Add', 'c,z', 'y', {})], inputs=X + [(2, 3, 4, 5)])
merged('residual relu', [('Add', 'z,c', 'a', {}), ('Relu', 'a', 'y', {})],
       inputs=X + [(2, 3, 4, 5)])
merged('residual prelu', [('Add', 'c,z', 'a', {}),
                          ('PRelu', 'a,k', 'y', {})],
       {'k': weights(3, 1, 1)}, X + [(2, 3, 4, 5)])
merged('residual that comes later',
       [('Abs', 'z', 'l', {}), ('Add', 'c,l', 'a', {}),
        ('LeakyRelu', 'a', 'y', {'alpha': .3})], inputs=X + [(2, 3, 4, 5)])
merged('residual of two convolutions',
       [('Conv', 'x,w2', 'd', P), ('Add', 'c,d', 'a', {}),
        ('Relu', 'a', 'y', {})], {'w2': weights(3, 2, 3, 3)})
merged('sum with itself', [('Add', 'c,c', 'y', {})])
merged('broadcast is no residual', [('Add', 'c,z', 'y', {})],
       inputs=X + [(2, 3, 1, 1)])
merged('two readers', [('Relu', 'c', 'r', {}), ('Neg', 'c', 'n', {}),
                       ('Concat', 'r,n', 'y', {'axis': 1})])
NORM = ('BatchNormalization', 'a,s,t,m,q', 'n', {})
merged('residual, and a norm of it',
       [('Add', 'c,z', 'a', {}), NORM, ('Concat', 'a,n', 'y', {'axis': 1})],
       BN, X + [(2, 3, 4, 5)])
merged('residual, and two norms of it',
       [('Add', 'c,z', 'a', {}), NORM,
        ('BatchNormalization', 'a,t,s,m,q', 'o', {}),
        ('Concat', 'o,n', 'y', {'axis': 1})], BN, X + [(2, 3, 4, 5)])
merged('residual, and nothing but its norm',
       [('Add', 'c,z', 'a', {}), NORM, ('Neg', 'n', 'y', {})], BN,
       X + [(2, 3, 4, 5)])
merged('residual prelu, and a norm of it',
       [('Add', 'c,z', 'd', {}), ('PRelu', 'd,k', 'a', {}), NORM,
        ('Concat', 'a,n', 'y', {'axis': 1})],
       dict(BN, k=np.float32([.5, -.25, .75]).reshape(3, 1, 1)),
       X + [(2, 3, 4, 5)])
merged('no residual, and a norm of it',
       [('Identity', 'c', 'a', {}), NORM,
        ('Concat', 'a,n', 'y', {'axis': 1})], BN)
merged('norm of a relu', [('Relu', 'c', 'a', {}), NORM,
                          ('Neg', 'n', 'y', {})], BN)
merged('an output and a reader', [('Relu', 'c', 'y', {})],
       outputs=('c', 'y'))
merged('two outputs of one value', [('Relu', 'c', 'y', {}),
                                    ('Identity', 'y', 'y2', {})],
       outputs=('y', 'y2'))
case('merged pad', [('Pad', 'x,p', 'q', {}), ('Conv', 'q,w,b', 'y', P)], X,
     dict(W, p=np.array([0, 0, 1, 0, 0, 0, 2, 1])))
case('merged pad of another value',
     [('Pad', 'x,p,v', 'q', {}), ('Conv', 'q,w,b', 'y', P)], X,
     dict(W, p=np.array([0, 0, 1, 0, 0, 0, 2, 1]), v=np.float32(.5)))
case('merged pad of channels',
     [('Pad', 'x,p', 'q', {}), ('Conv', 'q,w,b', 'y', P)], [(1, 1, 4, 5)],
     dict(W, p=np.array([0, 1, 0, 0, 0, 0, 0, 0])))
case('merged pad before max pool',
     [('Pad', 'x,p', 'q', {}), ('MaxPool', 'q', 'y', {'kernel_shape': [2, 2]})],
     X, {'p': np.array([0, 0, 1, 1, 0, 0, 1, 1])})
case('merged batch norm before a padded convolution',
     [('BatchNormalization', 'x,s2,t2,m2,q2', 'n', {}),
      ('Conv', 'n,w,b', 'y', P)], X,
     dict(W, s2=weights(2) + 2, t2=weights(2), m2=weights(2),
          q2=abs(weights(2)) + .5))
case('merged shared weights',
     [('Conv', 'x,w,b', 'c', P), ('BatchNormalization', 'c,s,t,m,q', 'n', {}),
      ('Conv', 'x,w,b', 'd', P), ('Concat', 'n,d', 'y', {'axis': 1})], X,
     dict(W, **BN))
merged('mean of channels', [('GlobalAveragePool', 'c', 'p', {}),
                            ('Sigmoid', 'p', 'g', {}),
                            ('Mul', 'c,g', 'y', {})])

# Inner products
for opset in (9, 13):
    case(f'gemm {opset}', [('Gemm', 'x,w,b', 'y', {})], [(3, 5)],
         {'w': weights(5, 4), 'b': weights(4)}, opset)
case('gemm transB', [('Gemm', 'x,w,b', 'y', {'transB': 1})], [(2, 5)],
     {'w': weights(4, 5), 'b': weights(4)})
case('gemm alpha beta', [('Gemm', 'x,w,b', 'y',
                          {'transB': 1, 'alpha': .5, 'beta': -2.0})],
     [(2, 5)], {'w': weights(4, 5), 'b': weights(1, 4)})
case('gemm one bias', [('Gemm', 'x,w,b', 'y', {})], [(2, 3)],
     {'w': weights(3, 4), 'b': weights(1)})
case('gemm no bias', [('Gemm', 'x,w', 'y', {})], [(2, 3)],
     {'w': weights(3, 4)}, 11)
case('gemm long', [('Gemm', 'x,w,b', 'y', {'transB': 1})], [(2, 600)],
     {'w': weights(3, 600) / 8, 'b': weights(3)})
case('gemm relu', [('Gemm', 'x,w,b', 'g', {}), ('Relu', 'g', 'y', {})],
     [(3, 5)], {'w': weights(5, 4), 'b': weights(4)})
case('matmul weights', [('MatMul', 'x,w', 'y', {})], [(3, 5)],
     {'w': weights(5, 4)})
case('matmul 3-D weights', [('MatMul', 'x,w', 'y', {})], [(2, 3, 5)],
     {'w': weights(5, 4)})
case('matmul both', [('MatMul', 'x,z', 'y', {})], [(2, 3, 4), (2, 4, 5)])
case('matmul broadcast', [('MatMul', 'x,z', 'y', {})],
     [(2, 1, 3, 4), (1, 3, 4, 2)])
case('matmul ranks', [('MatMul', 'x,z', 'y', {})], [(4, 3), (2, 3, 2)])

# Pooling
for t in ('MaxPool', 'AveragePool'):
    n = t.lower()

    def pool(name, x, opset=13, **attributes):
        case(f'{n} {name}', [(t, 'x', 'y', attributes)], [x], {}, opset)
    pool('2x2', (2, 3, 4, 6), kernel_shape=[2, 2], strides=[2, 2])
    pool('odd', (1, 2, 5, 7), kernel_shape=[2, 2], strides=[2, 2])
    pool('3x3 pads', (1, 2, 5, 5), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    pool('asymmetric', (1, 2, 6, 6), kernel_shape=[3, 3], strides=[2, 2],
         pads=[0, 1, 1, 0])
    pool('3x2', (1, 2, 6, 6), kernel_shape=[3, 2], strides=[1, 3])
    pool('ceil', (1, 2, 6, 7), kernel_shape=[3, 3], strides=[2, 2],
         ceil_mode=1)
    pool('ceil pads', (1, 2, 6, 6), kernel_shape=[3, 3], strides=[2, 2],
         pads=[1, 1, 1, 1], ceil_mode=1)
    pool('ceil that ends in the pad', (1, 1, 4, 4), kernel_shape=[2, 2],
         strides=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1)
    pool('auto_pad', (1, 1, 5, 6), kernel_shape=[3, 3], strides=[2, 2],
         auto_pad='SAME_UPPER')
    pool('auto_pad lower', (1, 1, 5, 6), kernel_shape=[2, 2],
         strides=[2, 2], auto_pad='SAME_LOWER')
    pool('opset 10', (1, 2, 4, 4), 10, kernel_shape=[2, 2], strides=[2, 2])
pool('counting pads', (1, 2, 5, 5), kernel_shape=[3, 3], pads=[1, 1, 1, 1],
     count_include_pad=1)
pool('counting pads ceil', (1, 2, 6, 6), 19, kernel_shape=[3, 3],
     strides=[2, 2], pads=[1, 1, 0, 0], ceil_mode=1, count_include_pad=1)
case('globalaveragepool', [('GlobalAveragePool', 'x', 'y', {})],
     [(2, 3, 4, 5)])
case('reducemean attribute', [('ReduceMean', 'x', 'y',
                               {'axes': [2, 3], 'keepdims': 1})],
     [(2, 3, 4, 5)], {}, 13)
case('reducemean input', [('ReduceMean', 'x,a', 'y', {'keepdims': 0})],
     [(2, 3, 4, 5)], {'a': np.array([-1, -2])}, 18)

# Normalisation and maps
S2 = {'s': weights(3) + 2, 't': weights(3), 'm': weights(3),
      'q': abs(weights(3)) + .25}
for opset in (9, 14, 15):
    case(f'batchnorm {opset}', [('BatchNormalization', 'x,s,t,m,q', 'y',
                                 {'epsilon': .001})], [(2, 3, 4, 5)], S2,
         opset)
case('batchnorm 2-D', [('BatchNormalization', 'x,s,t,m,q', 'y', {})],
     [(4, 3)], S2)
for t in ('Relu', 'Sigmoid', 'Tanh', 'Exp', 'Neg', 'Abs'):
    case('map ' + t, [(t, 'x', 'y', {})], [(2, 3, 5)])
case('map Sqrt', [('Abs', 'x', 'a', {}), ('Sqrt', 'a', 'y', {})], [(2, 9)])
case('map wide Sigmoid', [('Mul', 'x,k', 'a', {}), ('Sigmoid', 'a', 'y', {})],
     [(1, 40)], {'k': np.float32(60)})
case('map LeakyRelu', [('LeakyRelu', 'x', 'y', {})], [(2, 9)], {}, 9)
case('map LeakyRelu alpha', [('LeakyRelu', 'x', 'y', {'alpha': -.5})],
     [(2, 9)], {}, 16)
case('map Clip attributes', [('Clip', 'x', 'y', {'min': -1.0, 'max': .5})],
     [(2, 9)], {}, 9)
case('map Clip one attribute', [('Clip', 'x', 'y', {'min': .25})], [(2, 9)],
     {}, 6 + 3)
case('map Clip inputs', [('Clip', 'x,a,b', 'y', {})], [(2, 9)],
     {'a': np.float32(-.25), 'b': np.float32(1)}, 11)
case('map Clip only max', [('Clip', 'x,,b', 'y', {})], [(2, 9)],
     {'b': np.float32(.5)}, 13)
case('map Clip only min', [('Clip', 'x,a', 'y', {})], [(2, 9)],
     {'a': np.float32(0)}, 13)
case('map Clip nothing', [('Clip', 'x', 'y', {})], [(2, 9)])
case('map Clip constants', [('Constant', '', 'a', {'value_float': 0.0}),
                            ('Constant', '', 'b', {'value_float': 6.0}),
                            ('Clip', 'x,a,b', 'y', {})], [(2, 9)], {}, 12)
case('prelu channels', [('PRelu', 'x,k', 'y', {})], [(2, 3, 4)],
     {'k': weights(3, 1)})
case('prelu one', [('PRelu', 'x,k', 'y', {})], [(2, 3, 4)],
     {'k': weights(1)})
case('prelu 2-D', [('PRelu', 'x,k', 'y', {})], [(2, 3)], {'k': weights(3)}, 9)
case('prelu 4-D slopes', [('PRelu', 'x,k', 'y', {})], [(2, 3, 2, 2)],
     {'k': weights(1, 3, 1, 1)}, 16)
for opset, axis in ((9, 1), (9, 2), (11, -1), (13, 1), (13, -1), (13, 0)):
    case(f'softmax {opset} axis {axis}', [('Softmax', 'x', 'y',
                                          {'axis': axis})], [(2, 3, 4)], {},
         opset)
case('softmax default 9', [('Softmax', 'x', 'y', {})], [(2, 3, 2, 2)], {}, 9)
case('softmax default 13', [('Softmax', 'x', 'y', {})], [(2, 3, 2, 2)])
case('softmax trailing ones', [('Softmax', 'x', 'y', {'axis': 1})],
     [(2, 5, 1, 1)], {}, 11)
case('softmax large', [('Mul', 'x,k', 'a', {}), ('Softmax', 'a', 'y', {})],
     [(2, 7)], {'k': np.float32(200)})

# Two inputs
for t in ('Add', 'Sub', 'Mul', 'Div'):
    case(f'binary {t}', [(t, 'x,z', 'y', {})], [(2, 3, 4), (2, 3, 4)])
    case(f'binary {t} scalar', [(t, 'x,k', 'y', {})], [(2, 5)],
         {'k': np.float32(1.75)})
    case(f'binary scalar {t}', [(t, 'k,x', 'y', {})], [(2, 5)],
         {'k': np.float32(1.75)})
    case(f'binary {t} channels', [(t, 'x,k', 'y', {})], [(2, 3, 2, 2)],
         {'k': weights(3, 1, 1) + 3})
for n, a, b in (('rank', (2, 3, 4), (4,)), ('both', (2, 1, 4), (1, 3, 1)),
                ('first', (1, 1), (2, 3)), ('middle', (2, 3, 4), (2, 1, 4)),
                ('last', (3, 4, 5), (3, 4, 1)), ('higher', (4,), (2, 3, 4)),
                ('picture', (2, 3, 2, 2), (2, 1, 2, 2)),
                ('gate', (2, 3, 2, 2), (2, 3, 1, 1))):
    case(f'broadcast {n}', [('Mul', 'x,z', 'y', {})], [a, b])
case('binary Pow', [('Abs', 'x', 'a', {}), ('Pow', 'a,k', 'y', {})],
     [(2, 9)], {'k': np.float32(1.5)})
case('binary Pow 2', [('Pow', 'x,k', 'y', {})], [(2, 9)],
     {'k': np.float32(2)})
for t in ('Min', 'Max', 'Sum'):
    case(f'many {t}', [(t, 'x,z,v', 'y', {})], [(2, 3), (2, 3), (2, 3)])
    case(f'many {t} of one', [(t, 'x', 'y', {})], [(2, 3)])

# Moves
for axis in (0, 1, 2, -1):
    b = [2, 3, 4]
    b[axis] = 2
    case(f'concat axis {axis}', [('Concat', 'x,z', 'y', {'axis': axis})],
         [(2, 3, 4), tuple(b)])
case('concat four', [('Concat', 'x,z,v,u', 'y', {'axis': 1})],
     [(2, 1, 3), (2, 2, 3), (2, 3, 3), (2, 1, 3)])
case('concat many', [('Concat', ','.join(['x'] * 9), 'y', {'axis': 1})],
     [(1, 2, 3)])
case('concat constant', [('Concat', 'x,k', 'y', {'axis': 1})], [(1, 2, 3)],
     {'k': weights(1, 1, 3)})
I = lambda *v: np.array(v, dtype=np.int64)


def cut(name, shape, opset=13, **k):
    if opset < 10:
        case('slice ' + name, [('Slice', 'x', 'y',
                                {n: list(v) for n, v in k.items()})],
             [shape], {}, opset)
    else:
        names = ['starts', 'ends', 'axes', 'steps']
        case('slice ' + name,
             [('Slice', ','.join(['x'] + [n if n in k else '' for n in names]
                                 ).rstrip(','), 'y', {})], [shape],
             {n: I(*v) for n, v in k.items()}, opset)


cut('attributes', (2, 5, 4), 9, starts=[1], ends=[3], axes=[1])
cut('attributes no axes', (2, 5, 4), 9, starts=[0, 1], ends=[2, 9])
cut('to the end', (2, 5, 4), 9, starts=[2], ends=[2**63 - 1], axes=[2])
cut('inputs', (2, 5, 4), starts=[1, 1], ends=[3, 4], axes=[1, 2])
cut('negative', (2, 5, 4), starts=[-3], ends=[-1], axes=[-2])
cut('steps', (2, 9, 4), starts=[1, 0], ends=[9, 4], axes=[1, 2],
    steps=[3, 2])
cut('backwards', (2, 5, 4), starts=[-1], ends=[-2**62], axes=[1],
    steps=[-1])
cut('backwards by 2', (1, 7), starts=[5], ends=[0], axes=[1], steps=[-2])
cut('beyond', (1, 4), starts=[-99], ends=[99], axes=[1])
cut('rows of the batch', (4, 3), starts=[1], ends=[3], axes=[0])
case('split attribute', [('Split', 'x', 'y,w', {'axis': 1, 'split': [1, 3]})],
     [(2, 4, 3)], {}, 11, ('y', 'w'))
case('split input', [('Split', 'x,s', 'y,w', {'axis': -1})], [(2, 4)],
     {'s': I(3, 1)}, 13, ('y', 'w'))
case('split equal', [('Split', 'x', 'y,w', {'axis': 1})], [(2, 4)], {}, 13,
     ('y', 'w'))
case('split 18', [('Split', 'x', 'y,w', {'axis': 1, 'num_outputs': 2})],
     [(2, 5)], {}, 18, ('y', 'w'))
case('pad attributes', [('Pad', 'x', 'y', {'pads': [0, 0, 1, 2, 0, 0, 3, 0],
                                           'value': 1.5})],
     [(1, 2, 2, 3)], {}, 9)
case('pad inputs', [('Pad', 'x,p,v', 'y', {'mode': 'constant'})],
     [(1, 2, 2, 3)], {'p': I(0, 1, 0, 1, 0, 2, 1, 0), 'v': np.float32(-1)}, 13)
case('pad axes', [('Pad', 'x,p,,a', 'y', {})], [(1, 2, 2, 3)],
     {'p': I(1, 2, 3, 0), 'a': I(-1, 2)}, 18)
case('pad of the batch', [('Pad', 'x,p', 'y', {})], [(2, 3)],
     {'p': I(1, 0, 0, 1)})
for perm in ([0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0], [1, 0, 2, 3]):
    case(f'transpose {perm}'.replace(',', ''),
         [('Transpose', 'x', 'y', {'perm': perm})], [(2, 3, 2, 4)])
case('transpose default', [('Transpose', 'x', 'y', {})], [(2, 3, 4)])
for n, to in (('flat', (-1,)), ('copy', (0, -1)), ('literal', (4, 6)),
              ('rank 5', (2, 1, 3, 2, 2)), ('copy two', (0, 0, 2, 2))):
    case(f'reshape {n}', [('Reshape', 'x,s', 'y', {})], [(2, 3, 4)],
         {'s': I(*to)})
case('reshape one row', [('Reshape', 'x,s', 'y', {})], [(1, 3, 4)],
     {'s': I(1, -1)})
case('reshape allowzero', [('Reshape', 'x,s', 'y', {'allowzero': 1})],
     [(2, 3, 4)], {'s': I(2, -1)}, 14)
for axis in (0, 1, 2, 3, -1):
    case(f'flatten {axis}', [('Flatten', 'x', 'y', {'axis': axis})],
         [(2, 3, 4)])
case('squeeze attribute', [('Squeeze', 'x', 'y', {'axes': [2, 3]})],
     [(2, 3, 1, 1)], {}, 11)
case('squeeze input', [('Squeeze', 'x,a', 'y', {})], [(2, 3, 1, 1)],
     {'a': I(-1)}, 13)
case('squeeze all', [('Squeeze', 'x', 'y', {})], [(2, 1, 3, 1)])
case('unsqueeze attribute', [('Unsqueeze', 'x', 'y', {'axes': [1, 3]})],
     [(2, 3)], {}, 11)
case('unsqueeze input', [('Unsqueeze', 'x,a', 'y', {})], [(2, 3)],
     {'a': I(-1, 0)}, 13)

# Resize
F = lambda *v: np.array(v, dtype=np.float32)


def resize(name, shape, scales=None, sizes=None, opset=13, **a):
    if opset == 10:
        case('resize ' + name, [('Resize', 'x,s', 'y', a)], [shape],
             {'s': F(*scales)}, 10)
        return
    inits = {'r': F()}
    if sizes:
        inits['n'] = I(*sizes)
        ins = 'x,r,e,n' if opset < 13 else 'x,,,n'
        if opset < 13:
            inits['e'] = F()
    else:
        inits['s'] = F(*scales)
        ins = 'x,r,s' if opset < 13 else 'x,,s'
    case('resize ' + name, [('Resize', ins, 'y', a)], [shape], inits, opset)


A, N, L = 'asymmetric', 'nearest', 'linear'
resize('10 nearest', (1, 2, 3, 4), (1, 1, 2, 2), opset=10, mode=N)
resize('10 linear', (1, 2, 3, 4), (1, 1, 2, 3), opset=10, mode=L)
resize('11 asymmetric floor', (2, 2, 3, 4), (1, 1, 2, 2), opset=11, mode=N,
       coordinate_transformation_mode=A, nearest_mode='floor')
resize('11 sizes', (1, 2, 3, 4), sizes=(1, 2, 6, 8), opset=11, mode=N,
       coordinate_transformation_mode=A, nearest_mode='floor')
resize('13 by 3 and 2', (1, 1, 2, 3), (1, 1, 3, 2), mode=N,
       coordinate_transformation_mode=A, nearest_mode='floor')
resize('13 by 1.5', (1, 1, 4, 4), (1, 1, 1.5, 1.5), mode=N,
       coordinate_transformation_mode=A, nearest_mode='floor')
resize('13 half pixel nearest', (1, 2, 3, 4), (1, 1, 2, 2), mode=N)
resize('13 half pixel nearest down', (1, 1, 7, 9), (1, 1, .5, .5), mode=N)
resize('13 half pixel nearest sizes', (1, 1, 5, 7), sizes=(1, 1, 8, 3),
       mode=N)
resize('13 linear half pixel', (1, 2, 3, 4), (1, 1, 2, 2), mode=L)
resize('13 linear down', (1, 1, 6, 8), (1, 1, .5, .75), mode=L)
resize('13 linear sizes', (1, 1, 3, 5), sizes=(1, 1, 7, 4), mode=L)
resize('13 linear pytorch', (1, 1, 3, 4), (1, 1, 2, 2), mode=L,
       coordinate_transformation_mode='pytorch_half_pixel')
resize('13 linear asymmetric', (1, 1, 3, 4), (1, 1, 2, 2), mode=L,
       coordinate_transformation_mode=A)
resize('13 linear corners', (1, 1, 3, 4), (1, 1, 2, 2), mode=L,
       coordinate_transformation_mode='align_corners')
resize('13 corners sizes', (1, 1, 4, 4), sizes=(1, 1, 7, 1), mode=L,
       coordinate_transformation_mode='align_corners')
case('resize 18 axes', [('Resize', 'x,,s', 'y', {
    'axes': [3, 2], 'mode': N, 'nearest_mode': 'floor',
    'coordinate_transformation_mode': A})], [(1, 2, 3, 4)],
    {'s': F(3, 2)}, 18)
case('upsample 9', [('Upsample', 'x,s', 'y', {'mode': N})], [(1, 2, 2, 3)],
     {'s': F(1, 1, 2, 2)}, 9)
case('upsample 9 linear', [('Upsample', 'x,s', 'y', {'mode': L})],
     [(1, 2, 2, 3)], {'s': F(1, 1, 2, 2)}, 9)
case('upsample 7', [('Upsample', 'x', 'y', {
    'mode': N, 'scales': [1.0, 1.0, 2.0, 3.0]})], [(1, 2, 2, 3)], {}, 7)

# Chains of sizes that exporters leave
DYN = [(None, 3, None, None)]
case('sizes batch, -1, literal',
     [('Transpose', 'x', 't', {'perm': [0, 2, 3, 1]}),
      ('Shape', 'x', 's', {}), ('Gather', 's,zero', 'n', {'axis': 0}),
      ('Unsqueeze', 'n', 'n1', {'axes': [0]}),
      ('Concat', 'n1,rest', 'to', {'axis': 0}),
      ('Reshape', 't,to', 'y', {})], [(2, 3, 4, 5)],
     {'zero': np.int64(0), 'rest': I(-1, 3)}, 11, declared=DYN)
case('sizes of a fixed picture',
     [('Shape', 'x', 's', {}), ('Slice', 's,one,four', 'tail', {}),
      ('Concat', 'minus,tail', 'to', {'axis': 0}),
      ('Reshape', 'x,to', 'y', {})], [(2, 3, 4, 5)],
     {'one': I(1), 'four': I(4), 'minus': I(-1)}, 13)
case('sizes multiplied',
     [('Shape', 'x', 's', {}), ('Gather', 's,i2', 'h', {}),
      ('Gather', 's,i3', 'w', {}), ('Mul', 'h,w', 'a', {}),
      ('Unsqueeze', 'a,zero', 'a1', {}),
      ('Concat', 'head,a1', 'to', {'axis': 0}),
      ('Reshape', 'x,to', 'y', {})], [(2, 3, 4, 5)],
     {'i2': np.int64(2), 'i3': np.int64(-1), 'zero': I(0),
      'head': I(0, 3)}, 13)
case('sizes of two free axes',
     [('Shape', 'x', 's', {}), ('Gather', 's,i', 'hw', {}),
      ('Concat', 'head,hw', 'to', {'axis': 0}),
      ('Reshape', 'x,to', 'y', {})], [(2, 3, 4, 5)],
     {'i': I(2, 3), 'head': I(-1, 1, 3)}, 13, declared=DYN)
case('sizes by 15 start end',
     [('Shape', 'x', 's', {'start': 0, 'end': 2}),
      ('Concat', 's,rest', 'to', {'axis': 0}),
      ('Reshape', 'x,to', 'y', {})], [(2, 3, 4, 5)], {'rest': I(-1)}, 15,
     declared=DYN)
case('sizes cast and floored',
     [('Shape', 'x', 's', {}), ('Slice', 's,two,four', 'hw', {}),
      ('Cast', 'hw', 'f', {'to': 1}), ('Mul', 'f,k', 'm', {}),
      ('Floor', 'm', 'fl', {}), ('Cast', 'fl', 'i', {'to': 7}),
      ('Concat', 'nc,i', 'to', {'axis': 0}),
      ('Resize', 'x,,,to', 'y', {
          'mode': N, 'coordinate_transformation_mode': A,
          'nearest_mode': 'floor'})], [(1, 2, 3, 4)],
     {'two': I(2), 'four': I(4), 'k': np.float32(2), 'nc': I(1, 2)}, 13)
case('sizes of pads',
     [('ConstantOfShape', 'four', 'zeros', {
         'value': helper.make_tensor('v', TensorProto.INT64, [1], [0])}),
      ('Concat', 'given,zeros', 'all', {'axis': 0}),
      ('Reshape', 'all,pairs', 'r', {}),
      ('Slice', 'r,last,end,axis,back', 'f', {}),
      ('Transpose', 'f', 't', {'perm': [1, 0]}),
      ('Reshape', 't,flat', 'p', {}), ('Cast', 'p', 'p64', {'to': 7}),
      ('Pad', 'x,p64', 'y', {'mode': 'constant'})], [(1, 2, 3, 4)],
     {'four': I(4), 'given': I(1, 2, 0, 3), 'pairs': I(-1, 2),
      'last': I(-1), 'end': I(-2**62), 'axis': I(0), 'back': I(-1),
      'flat': I(-1)}, 13)
case('sizes range', [('Range', 'a,b,c', 'r', {}), ('Cast', 'r', 'f', {'to': 1}),
                     ('Add', 'x,f', 'y', {})], [(2, 4)],
     {'a': np.int64(1), 'b': np.int64(9), 'c': np.int64(2)}, 13)
case('sizes gather of computed', [('Gather', 'x,i', 'y', {'axis': 1})],
     [(2, 3, 4)], {'i': np.int64(1)})
case('sizes gather a run', [('Gather', 'x,i', 'y', {'axis': 2})],
     [(2, 3, 4)], {'i': I(1, 2)})
case('constants folded', [('Mul', 'a,b', 'c', {}), ('Exp', 'c', 'd', {}),
                          ('Transpose', 'd', 'e', {}),
                          ('Add', 'x,e', 'y', {})], [(2, 3)],
     {'a': weights(3, 2), 'b': weights(1, 2)})
case('constants as output', [('Mul', 'a,b', 'c', {}),
                             ('Relu', 'x', 'y', {})], [(2, 3)],
     {'a': weights(3, 2), 'b': weights(1, 2)}, outputs=('c', 'y', 'x'))
case('constants typed data',
     [('Add', 'x,a', 's', {}), ('Reshape', 's,i', 'y', {})], [(2, 3)],
     {'a': helper.make_tensor('a', TensorProto.FLOAT, [3], [1, 2, .5]),
      'i': helper.make_tensor('i', TensorProto.INT64, [2], [3, -1])}, 13)
case('constants double', [('Cast', 'a', 'f', {'to': 1}),
                          ('Add', 'x,f', 'y', {})], [(2, 3)],
     {'a': np.array([1.5, -2.25, .1])})
case('constants node', [('Constant', '', 'a', {
    'value': numpy_helper.from_array(weights(3))}),
    ('Add', 'x,a', 'b', {}),
    ('Constant', '', 's', {'value_ints': [3, 2]}),
    ('Reshape', 'b,s', 'y', {})], [(2, 3)])

edge_cases.add(case, weights)
layer_cases.add(case, weights)
export_cases.add(case, weights)

print('# Made by make_cases.py with onnx', onnx.__version__, 'and onnxruntime',
      ort.__version__)
print('\n'.join(cases))
