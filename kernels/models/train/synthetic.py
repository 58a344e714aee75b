# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drawn episodes and their truth, from the project's own reidtestsrc."""
import json
import os
import subprocess
import tempfile

import numpy as np

# Seeds below are for tests: nobody in them was ever trained on.
FIRST_SEED = 1000


def episode(seed, people, shots, width, height, rate, frames=-1):
    """Yields (BGR picture, faces): per face its person, box and landmarks in
    pixels, visible share, yaw, and the frame's light."""
    assert seed >= FIRST_SEED
    with tempfile.TemporaryDirectory() as folder:
        truth = os.path.join(folder, 'truth.json')
        line = ('gst-launch-1.0 -q reidtestsrc people=%d shots=%d seed=%d '
                'num-buffers=%d truth-location=%s ! video/x-raw,format=BGR,'
                'width=%d,height=%d,framerate=%s ! filesink location=%s'
                % (people, shots, seed, frames, truth, width, height, rate,
                   os.path.join(folder, 'raw')))
        subprocess.run(line.split(), check=True)
        with open(truth) as f:
            truth = json.load(f)
        raw = np.memmap(os.path.join(folder, 'raw'), np.uint8, 'r')
        stride = -(-width * 3 // 4) * 4
        raw = raw.reshape(-1, height, stride)[:, :, :width * 3]
        size = np.array([width, height], np.float32)
        for frame in truth['frames']:
            faces = [{'person': f['person'], 'visible': f['visible'],
                      'yaw': f['pose'][0], 'light': frame['light'],
                      'box': np.array(f['box'], np.float32) * np.tile(size, 2),
                      'landmarks': np.array(f['landmarks'],
                                            np.float32).reshape(5, 2) * size}
                     for f in frame['faces']]
            yield (np.ascontiguousarray(raw[frame['frame']])
                   .reshape(height, width, 3), faces)
