# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peer of bench-nn: the same networks, sizes, batches and thread counts on
ONNX Runtime's CPU provider.

    ort.py [--threads 1,2] [--runs 200] [MODEL HEIGHT WIDTH BATCH]...
"""

import argparse
import os
import statistics
import time

import numpy
import onnx
import onnxruntime

SHARED = os.environ.get("REID_SHARED") or os.path.join(
    os.path.dirname(__file__), "..", "..", "..", "shared")
DEFAULTS = [
    ("yunet/yunet_n_dynamic.onnx", 384, 640, 1),
    ("mobilefacenet/MobileFaceNet.onnx", 112, 112, 1),
    ("mobilefacenet/MobileFaceNet.onnx", 112, 112, 8),
    ("mobilefacenet/MobileFaceNet.onnx", 112, 112, 16),
    ("ultralight/version-RFB-320.onnx", 240, 320, 1),
    ("ultralight/version-slim-320.onnx", 240, 320, 1),
    ("blazeface/blazeface.onnx", 128, 128, 1),
]


def batched(path, batch):
    """The file's bytes with the batch size in place of a fixed 1."""
    model = onnx.load(path)
    if batch == 1:
        return model.SerializeToString()
    for value in list(model.graph.input) + list(model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    del model.graph.value_info[:]
    constants = {}
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = node.attribute[0].t
    for tensor in model.graph.initializer:
        constants[tensor.name] = tensor
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[1] in constants:
            tensor = constants[node.input[1]]
            shape = onnx.numpy_helper.to_array(tensor).copy()
            if len(shape) and shape[0] == 1:
                shape[0] = batch
                tensor.CopyFrom(onnx.numpy_helper.from_array(
                    shape, tensor.name))
    return model.SerializeToString()


def measure(path, height, width, batch, threads, runs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        batched(path, batch), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    noise = numpy.random.default_rng(1)
    x = noise.random((batch, 3, height, width), dtype=numpy.float32)
    for _ in range(3):
        session.run(None, {name: x})
    times = []
    cpu = time.process_time()
    for _ in range(max(runs // batch, 4)):
        begin = time.perf_counter()
        session.run(None, {name: x})
        times.append(time.perf_counter() - begin)
    cpu = (time.process_time() - cpu) / len(times)
    return statistics.median(times), min(times), cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("model", nargs="*")
    arguments = parser.parse_args()
    given = arguments.model
    jobs = [(given[i], int(given[i + 1]), int(given[i + 2]),
             int(given[i + 3])) for i in range(0, len(given), 4)]
    if not jobs:
        jobs = [(os.path.join(SHARED, "models", file), *rest)
                for file, *rest in DEFAULTS]
    print("ONNX Runtime", onnxruntime.__version__)
    for path, height, width, batch in jobs:
        if not os.path.exists(path):
            print(f"{path}: not there, needs ../shared")
            continue
        for threads in map(int, arguments.threads.split(",")):
            median, best, cpu = measure(
                path, height, width, batch, threads, arguments.runs)
            print(f"{os.path.basename(path)} {width}x{height}  "
                  f"threads {threads:2}  batch {batch:3}  "
                  f"{median * 1e3:8.3f} ms/run  (best {best * 1e3:8.3f})  "
                  f"{cpu * 1e3:8.3f} ms CPU/run  "
                  f"{batch / median:8.1f} pictures/s")


if __name__ == "__main__":
    main()
