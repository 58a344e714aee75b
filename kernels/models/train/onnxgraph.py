# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes an ONNX file node by node: the weights as float16, each behind a Cast
to float32, so that any runtime computes in float32 and the file is half as big.
Bytes depend on the weights only."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13


class Graph:
    def __init__(self, name, input_name, shape):
        self.name = name
        self.nodes, self.weights, self.outputs = [], [], []
        self.input = helper.make_tensor_value_info(
            input_name, TensorProto.FLOAT, shape)
        self.count = 0

    def add(self, kind, *inputs, name=None, **attributes):
        self.count += 1
        out = name or 't%d' % self.count
        self.nodes.append(helper.make_node(kind, list(inputs), [out],
                                           name='n%d' % self.count, **attributes))
        return out

    def weight(self, tensor):
        self.count += 1
        name = 'w%d' % self.count
        half = tensor.detach().cpu().numpy().astype(np.float16)
        assert np.isfinite(half).all()
        self.weights.append(numpy_helper.from_array(half, name))
        return self.add('Cast', name, to=TensorProto.FLOAT)

    def constant(self, values, dtype):
        self.count += 1
        name = 'c%d' % self.count
        self.weights.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def conv(self, x, weight, bias, stride, pad, groups):
        k = weight.shape[2]
        return self.add('Conv', x, self.weight(weight), self.weight(bias),
                        kernel_shape=[k, k], strides=[stride] * 2,
                        pads=[pad] * 4, group=groups, dilations=[1, 1])

    def output(self, name, shape):
        self.outputs.append(helper.make_tensor_value_info(
            name, TensorProto.FLOAT, shape))

    def save(self, path, **metadata):
        graph = helper.make_graph(self.nodes, self.name, [self.input],
                                  self.outputs, self.weights)
        model = helper.make_model(
            graph, producer_name='gst-reid',
            opset_imports=[helper.make_opsetid('', OPSET)])
        model.ir_version = 8
        helper.set_model_props(model, {k: str(v) for k, v in metadata.items()})
        onnx.checker.check_model(model, full_check=True)
        with open(path, 'wb') as f:
            f.write(model.SerializeToString(deterministic=True))
