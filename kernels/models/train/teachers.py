# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two networks that are learnt from, run by ONNX Runtime: YuNet (Wu et al.,
2023) and foamliu's MobileFaceNet."""
import os

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

from detector import PARTS, STRIDES

# ArcFace's template at 112x112 (Deng et al., 2019): eyes, nose, mouth corners
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                     [41.5493, 92.3655], [70.7299, 92.2041]], np.float32)

# of PyTorch's models of ImageNet, as the embedder's teacher wants its input
MEAN = np.array([.485, .456, .406], np.float32) * 255
DEVIATION = np.array([.229, .224, .225], np.float32) * 255


def session(model, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])


def nms(boxes, scores, overlap=.45):
    keep = []
    order = np.argsort(-scores, kind='stable')
    area = boxes[:, 2] * boxes[:, 3]
    while len(order):
        i, order = order[0], order[1:]
        keep.append(i)
        l = np.maximum(boxes[i, 0], boxes[order, 0])
        t = np.maximum(boxes[i, 1], boxes[order, 1])
        r = np.minimum(boxes[i, 0] + boxes[i, 2], boxes[order, 0] + boxes[order, 2])
        b = np.minimum(boxes[i, 1] + boxes[i, 3], boxes[order, 1] + boxes[order, 3])
        both = np.clip(r - l, 0, None) * np.clip(b - t, 0, None)
        order = order[both <= overlap * (area[i] + area[order] - both)]
    return np.array(keep, int)


def found_in(out, width, least):
    """Faces in the answers [cells, 16] to a picture of that width: [n, 15]."""
    height = len(out) * 1024 // 21 // width
    found, at = [], 0
    for s in STRIDES:
        n = height // s * (width // s)
        part, at = out[at:at + n], at + n
        score = np.sqrt(np.clip(part[:, 0], 0, 1) * np.clip(part[:, 1], 0, 1))
        k = np.nonzero(score >= least)[0]
        cell = np.stack([k % (width // s), k // (width // s)], 1)
        size = np.exp(part[k, 4:6]) * s
        corner = (cell + part[k, 2:4]) * s - size / 2
        marks = (part[k, 6:].reshape(-1, 5, 2) + cell[:, None]) * s
        found.append(np.concatenate([corner, size, marks.reshape(-1, 10),
                                     score[k, None]], 1))
    found = np.concatenate(found).astype(np.float32)
    return found[nms(found[:, :4], found[:, 14])]


class YuNet:
    def __init__(self, data, threads=1):
        self.net = session(os.path.join(data, 'models', 'yunet',
                                        'yunet_n_dynamic.onnx'), threads)
        self.input = self.net.get_inputs()[0].name
        self.names = [o.name for o in self.net.get_outputs()]

    def find(self, picture, least=.3):
        """Faces of a BGR picture: [n, 15] of left, top, width, height, five
        landmarks, score; in its pixels."""
        h, w = picture.shape[:2]
        padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.float32)
        padded[:h, :w] = picture
        out = dict(zip(self.names, self.net.run(
            None, {self.input: padded.transpose(2, 0, 1)[None]})))
        out = np.concatenate([np.concatenate(
            [out['%s_%d' % (k, s)].reshape(-1, n) for k, n in PARTS], 1)
            for s in STRIDES])
        return found_in(out, padded.shape[1], least)


class MobileFaceNet:
    def __init__(self, data, threads=1):
        model = onnx.load(os.path.join(data, 'models', 'mobilefacenet',
                                       'MobileFaceNet.onnx'))
        # Its last Reshape says [1, -1]: one picture at a time.
        for node in model.graph.node:
            if node.op_type == 'Constant':
                value = numpy_helper.to_array(node.attribute[0].t)
                if value.tolist() == [1, -1]:
                    node.attribute[0].t.CopyFrom(numpy_helper.from_array(
                        np.array([-1, 128], np.int64)))
        for io in list(model.graph.input) + list(model.graph.output):
            io.type.tensor_type.shape.dim[0].dim_param = 'batch'
        self.net = session(model.SerializeToString(), threads)
        self.input = self.net.get_inputs()[0].name

    def embed(self, pictures):
        """Unit vectors of uint8 RGB pictures [n, 112, 112, 3]."""
        x = (pictures.astype(np.float32) - MEAN) / DEVIATION
        v = self.net.run(None, {self.input: np.ascontiguousarray(
            x.transpose(0, 3, 1, 2))})[0]
        return v / np.linalg.norm(v, axis=1, keepdims=True)


def similarity(landmarks, target):
    """The similarity transform of least squares (Umeyama, 1991), as 2x3."""
    a, b = landmarks - landmarks.mean(0), target - target.mean(0)
    n = (a * a).sum()
    c = (a * b).sum() / n
    s = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / n
    m = np.array([[c, -s], [s, c]])
    return np.concatenate([m, (target.mean(0) - m @ landmarks.mean(0))[:, None]],
                          1).astype(np.float32)


def align(picture, landmarks, size=112):
    """The face at ArcFace's scale; a larger `size` shows more around it."""
    m = similarity(landmarks, TEMPLATE + (size - 112) / 2)
    shrink = np.sqrt(m[0, 0] ** 2 + m[1, 0] ** 2)
    if shrink < .5:  # so that no pixel of a large face is passed over
        sigma = .4 / shrink
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return cv2.warpAffine(picture, m, (size, size), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
