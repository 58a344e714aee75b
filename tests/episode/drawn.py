#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The truth of a drawn episode, as bcubed.py and shots.py take it.

  drawn.py TRUTH.json FACES.csv SHOTS.csv
  drawn.py --self-test

TRUTH.json is what `reidtestsrc truth-location=` writes, see docs/formats.md.
Who is to be judged: faces of which at least .7 is seen, in at least half of
the light. The others are labelled "ignore": a face behind another, or in a
fade, may be found or not. However far a head is turned, it is judged.
"""
import csv
import json
import sys

from bcubed import IGNORE

MIN_VISIBLE = .7
MIN_LIGHT = .5


def faces(truth):
    """{frame: [(person, box in pixels), ...]}, as bcubed.read_truth()"""
    size = (truth['width'], truth['height'])
    labelled = {}
    for frame in truth['frames']:
        lit = frame['light'] >= MIN_LIGHT
        labelled[frame['frame']] = [
            ('P%02d' % f['person'] if lit and f['visible'] >= MIN_VISIBLE
             else IGNORE,
             tuple(v * size[i % 2] for i, v in enumerate(f['box'])))
            for f in frame['faces']]
    return labelled


def shots(truth):
    """[(first frame, kind), ...], as shots.read_truth()"""
    return [(s['first_frame'], s['change']) for s in truth['shots'][1:]]


def read(path):
    with open(path, encoding='utf-8') as f:
        truth = json.load(f)
    if truth['format_version'] != 1 or truth['partial']:
        raise ValueError('%s is partial, or of another version' % path)
    return truth


def write(truth, faces_path, shots_path):
    with open(faces_path, 'w', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        out.writerow(['frame', 'person', 'left', 'top', 'width', 'height'])
        for frame, labelled in sorted(faces(truth).items()):
            for person, box in labelled:
                out.writerow([frame, person, *('%.2f' % v for v in box)])
    with open(shots_path, 'w', newline='') as f:
        out = csv.writer(f, lineterminator='\n')
        out.writerows([['first_frame', 'kind'], [0, 'cut'], *shots(truth)])


def self_test():
    def face(person, visible):
        return {'person': person, 'visible': visible, 'pose': [70, 0, 0],
                'box': [.25, .5, .125, .25]}

    truth = {'width': 400, 'height': 200, 'frames': [
        {'frame': 3, 'light': 1, 'faces': [face(0, .7), face(11, .69)]},
        {'frame': 4, 'light': .49, 'faces': [face(0, 1)]},
        {'frame': 5, 'light': 1, 'faces': []}],
        'shots': [{'shot': 0, 'first_frame': 0, 'change': 'none'},
                  {'shot': 1, 'first_frame': 4, 'change': 'fade'}]}
    box = (100, 100, 50, 50)
    assert faces(truth) == {3: [('P00', box), ('ignore', box)],
                            4: [('ignore', box)], 5: []}, faces(truth)
    assert shots(truth) == [(4, 'fade')], shots(truth)
    print('drawn.py: self-test passed')


def main():
    if sys.argv[1:] == ['--self-test']:
        self_test()
    elif len(sys.argv) == 4:
        write(read(sys.argv[1]), *sys.argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
