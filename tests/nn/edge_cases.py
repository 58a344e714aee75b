# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases for make_cases.py that a backend has got wrong, or easily could: what
it merges, absorbs or runs side by side."""

import numpy as np

UP = {'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric',
      'nearest_mode': 'floor'}


def ints(*v):
    return np.array(v, dtype=np.int64)


def add(case, weights):
    def conv(name, x, w, **attributes):
        case('conv ' + name, [('Conv', 'x,w,b', 'y', attributes)], [x],
             {'w': weights(*w), 'b': weights(w[0])})

    conv('1x1 padded below', (1, 8, 4, 5), (8, 8, 1, 1), pads=[0, 0, 1, 1])
    conv('1x1 padded on the right', (2, 17, 3, 4), (9, 17, 1, 1),
         pads=[0, 0, 0, 2])
    conv('depthwise padded far below', (1, 8, 4, 4), (8, 1, 3, 3), group=8,
         pads=[0, 1, 5, 4])
    conv('few channels padded far below', (1, 3, 4, 4), (8, 3, 3, 3),
         pads=[1, 0, 5, 4], strides=[2, 2])
    case('merged pad below 1x1',
         [('Pad', 'x,p', 'q', {}), ('Conv', 'q,w', 'y', {})], [(1, 8, 4, 5)],
         {'w': weights(8, 8, 1, 1), 'p': ints(0, 0, 0, 0, 0, 0, 1, 1)})
    wide = {'w': weights(16, 16, 1, 1), 'p': ints(0, 0, 0, 0, 0, 8, 0, 0)}
    case('merged pad of channels into a sum',
         [('Pad', 'x,p', 'q', {}), ('Conv', 'z,w', 'c', {}),
          ('Add', 'c,q', 'y', {})], [(1, 8, 4, 5), (1, 16, 4, 5)], wide)
    case('merged pad of channels beside its own input',
         [('Pad', 'x,p', 'q', {}), ('Conv', 'q,w', 'c', {}),
          ('Add', 'c,x', 'y', {})], [(1, 8, 4, 5)],
         dict(wide, w=weights(8, 16, 1, 1)))
    case('merged clip whose bounds cross',
         [('Conv', 'x,w,b', 'c', {'pads': [1, 1, 1, 1]}),
          ('Clip', 'c,lo,hi', 'y', {})], [(2, 2, 4, 5)],
         {'w': weights(3, 2, 3, 3), 'b': weights(3), 'lo': np.float32(5),
          'hi': np.float32(-1)})
    for opset in (11, 13):
        case(f'map Clip crossed {opset}', [('Clip', 'x,a,b', 'y', {})],
             [(2, 9)], {'a': np.float32(5), 'b': np.float32(-1)}, opset)

    # Heads side by side
    for widths in ((4, 10, 1), (8, 8), (16, 16), (1, 1, 4, 10), (4, 10),
                   (2, 2, 2)):
        nodes, inits, outs = [], {}, []
        for i, n in enumerate(widths):
            inits[f'p{i}'] = weights(n, 16, 1, 1) / 4
            inits[f'd{i}'] = weights(n, 1, 3, 3)
            outs.append(f'y{i}')
            nodes += [('Conv', f'x,p{i}', f'a{i}', {}),
                      ('Conv', f'a{i},d{i}', f'b{i}',
                       {'group': n, 'pads': [1, 1, 1, 1]}),
                      ('Transpose', f'b{i}', f'y{i}', {'perm': [0, 2, 3, 1]})]
        case('heads of ' + ' '.join(map(str, widths)), nodes, [(2, 16, 3, 4)],
             inits, 13, tuple(outs))
    inits = {'p0': weights(4, 16, 1, 1) / 4, 'd0': weights(4, 1, 3, 3),
             'p1': weights(4, 16, 1, 1) / 4, 'd1': weights(4, 1, 3, 3)}
    case('heads of which one is no head',
         [('Conv', 'x,p0', 'a0', {}),
          ('Conv', 'a0,d0', 'b0', {'group': 4, 'pads': [1, 1, 1, 1]}),
          ('Transpose', 'b0', 'y0', {'perm': [0, 2, 3, 1]}),
          ('Conv', 'x,p1', 'a1', {}),
          ('Conv', 'a1,d1', 'b1', {'group': 4, 'pads': [1, 1, 1, 1]}),
          ('Transpose', 'b1', 'y1', {'perm': [0, 2, 3, 1]}),
          ('Neg', 'x', 'y2', {})], [(1, 16, 3, 4)], inits, 13,
         ('y0', 'y1', 'y2'))

    # Sums of enlarged maps
    two = {'s': np.array([1, 1, 2, 2], np.float32)}
    case('sum of two doubled maps',
         [('Relu', 'x', 'a', {}), ('Sigmoid', 'x', 'b', {}),
          ('Resize', 'a,,s', 'c', UP), ('Resize', 'b,,s', 'd', UP),
          ('Add', 'c,d', 'y', {})], [(2, 8, 3, 4)], two)
    for name, ins in (('a doubled map', 'r,z'), ('and a doubled map', 'z,r')):
        case('sum with ' + name,
             [('Resize', 'x,,s', 'r', UP), ('Add', ins, 'y', {})],
             [(2, 8, 3, 4), (2, 8, 6, 8)], two)
    case('sum with a map that is not quite doubled',
         [('Resize', 'x,,s', 'r', UP), ('Add', 'r,z', 'y', {})],
         [(1, 8, 10, 10), (1, 8, 20, 20)],
         {'s': np.array([1, 1, 2.05, 2.05], np.float32)})
    case('sum with a map doubled by size',
         [('Resize', 'x,,,n', 'r', UP), ('Add', 'z,r', 'y', {})],
         [(1, 8, 3, 4), (1, 8, 6, 8)], {'n': ints(1, 8, 6, 8)})

    # Windows larger than the picture, and softmax after a dimension of one
    for t in ('MaxPool', 'AveragePool'):
        case(t.lower() + ' ceil larger than the picture',
             [(t, 'x', 'y', {'kernel_shape': [2, 2], 'strides': [2, 2],
                             'ceil_mode': 1})], [(1, 2, 1, 8)])
        case(t.lower() + ' ceil larger by less than a step',
             [(t, 'x', 'y', {'kernel_shape': [3, 5], 'strides': [2, 3],
                             'ceil_mode': 1})], [(2, 9, 2, 3)])
    case('softmax after a one', [('Softmax', 'x', 'y', {'axis': 1})],
         [(2, 1, 4, 5)], {}, 11)
    case('softmax default after a one', [('Softmax', 'x', 'y', {})],
         [(1, 1, 2, 3)], {}, 9)
    case('softmax over all', [('Softmax', 'x', 'y', {'axis': 0})], [(1, 3, 4)],
         {}, 11)
