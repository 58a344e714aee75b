#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare the shots of an episode with the cuts found by eye.

  shots.py TRUTH.shots.csv SHOTS.csv [--min-f X] [--json]
  shots.py --self-test

TRUTH.shots.csv  header first_frame,kind; one line per shot, frames from 0;
                 kind says how the shot begins: cut or fade
SHOTS.csv        header Start Frame,End Frame,Start Time (s),End Time (s);
                 frames from 0, the end exclusive

A cut is the first frame of every shot but the first. Cuts are paired one to
one, nearest first: a cut may be 1 frame off, a fade 8.

Exit status: 0, 1 when --min-f is not reached, 2 when a file cannot be used.
"""
import argparse
import csv
import json
import sys

TOLERANCE = {'cut': 1, 'fade': 8}


def read_truth(lines):
    """[(first frame, kind), ...] without the shot that begins at 0"""
    rows = csv.DictReader(lines)
    if rows.fieldnames != ['first_frame', 'kind']:
        raise ValueError('the header is %r' % rows.fieldnames)
    cuts = []
    for row in rows:
        if row['kind'] not in TOLERANCE:
            raise ValueError('line %d: kind %r' % (rows.line_num, row['kind']))
        cuts.append((int(row['first_frame']), row['kind']))
    frames = [f for f, _ in cuts]
    if frames[:1] != [0] or frames != sorted(set(frames)):
        raise ValueError('the frames must begin with 0 and rise')
    return cuts[1:]


def read_shots(lines):
    """[first frame, ...] without the shot that begins at the beginning"""
    rows = csv.DictReader(lines)
    want = ['Start Frame', 'End Frame', 'Start Time (s)', 'End Time (s)']
    if rows.fieldnames != want:
        raise ValueError('the header is %r, not %s'
                         % (rows.fieldnames, ','.join(want)))
    starts, end = [], 0
    for row in rows:
        try:
            start, stop = int(row['Start Frame']), int(row['End Frame'])
            float(row['Start Time (s)'])
            float(row['End Time (s)'])
        except (TypeError, ValueError):
            raise ValueError('line %d is not a shot' % rows.line_num)
        if start != end or stop <= start:
            raise ValueError('line %d: frames %d to %d do not follow on %d'
                             % (rows.line_num, start, stop, end))
        starts.append(start)
        end = stop
    return starts[1:]


def compare(truth, found):
    near = sorted((abs(f - g), i, j)
                  for i, (f, kind) in enumerate(truth)
                  for j, g in enumerate(found)
                  if abs(f - g) <= TOLERANCE[kind])
    pairs, used = {}, set()
    for _, i, j in near:
        if i not in pairs and j not in used:
            pairs[i] = j
            used.add(j)
    n = len(pairs)
    # a video of one shot, found as one shot, is right
    precision = n / len(found) if found else float(not truth)
    recall = n / len(truth) if truth else 1.0
    f = 2 * precision * recall / (precision + recall) if n or not truth \
        and not found else 0.0
    return {
        'precision': precision, 'recall': recall, 'f': f,
        'cuts': len(truth), 'found': len(found), 'right': n,
        'missed': [f for i, (f, _) in enumerate(truth) if i not in pairs],
        'false': [g for j, g in enumerate(found) if j not in used],
        'off': [(truth[i][0], found[j]) for i, j in sorted(pairs.items())
                if truth[i][0] != found[j]],
    }


def self_test():
    def case(truth, found, precision, recall, f, missed=[], false=[], off=[]):
        r = compare(truth, found)
        for key, want in (('precision', precision), ('recall', recall),
                          ('f', f)):
            assert abs(r[key] - want) < 1e-9, (key, r[key], want)
        assert (r['missed'], r['false'], r['off']) == (missed, false, off), r

    cuts = [(100, 'cut'), (200, 'cut'), (300, 'fade')]
    case(cuts, [100, 200, 300], 1, 1, 1)
    # a cut 1 off and a fade 8 off still count
    case(cuts, [101, 199, 292], 1, 1, 1,
         off=[(100, 101), (200, 199), (300, 292)])
    # a cut 2 off and a fade 9 off do not: 1 of 3 found, 1 of 3 right
    case(cuts, [102, 200, 309], 1 / 3, 1 / 3, 1 / 3,
         missed=[100, 300], false=[102, 309])
    # one too many and one missed: 2 of 3 and 2 of 3
    case(cuts, [100, 150, 200], 2 / 3, 2 / 3, 2 / 3, [300], [150])
    # two marks at one cut: only the nearest counts; F = 2 * 1/2 / (3/2)
    case([(100, 'cut')], [100, 101], 1 / 2, 1, 2 / 3, false=[101])
    # one mark between two cuts belongs to one of them
    case([(100, 'cut'), (102, 'cut')], [101], 1, 1 / 2, 2 / 3, [102],
         off=[(100, 101)])
    case(cuts, [], 0, 0, 0, [100, 200, 300])
    case([], [50], 0, 1, 0, false=[50])
    case([], [], 1, 1, 1)

    head = 'Start Frame,End Frame,Start Time (s),End Time (s)'
    assert read_truth(['first_frame,kind', '0,cut', '9,fade']) == [(9, 'fade')]
    assert read_shots([head, '0,9,0.0,0.36', '9,20,0.36,0.8']) == [9]
    for reader, text in ((read_truth, ['first_frame,kind', '5,cut']),
                         (read_truth, ['first_frame,kind', '0,wipe']),
                         (read_shots, [head, '0,9,0,1', '8,20,1,2']),
                         (read_shots, [head, '0,9,0']),
                         (read_shots, ['Start,End', '0,9'])):
        try:
            reader(text)
        except ValueError:
            continue
        raise AssertionError('accepted %r' % text)
    print('shots.py: self-test passed')


def main():
    p = argparse.ArgumentParser(
        description='Precision and recall of shot cuts.')
    p.add_argument('truth', nargs='?', metavar='TRUTH.shots.csv')
    p.add_argument('shots', nargs='?', metavar='SHOTS.csv')
    p.add_argument('--min-f', type=float, default=0.0, metavar='X')
    p.add_argument('--json', action='store_true')
    p.add_argument('--self-test', action='store_true')
    o = p.parse_args()
    if o.self_test:
        self_test()
        return 0
    if not o.shots:
        p.error('two files are needed')
    data = []
    for name, reader in ((o.truth, read_truth), (o.shots, read_shots)):
        try:
            with open(name, newline='', encoding='utf-8-sig') as f:
                data.append(reader(f))
        except (OSError, ValueError) as e:
            print('shots.py: %s: %s' % (name, e), file=sys.stderr)
            return 2
    r = compare(*data)
    if o.json:
        print(json.dumps(r, indent=1))
    else:
        print('cuts: precision %.4f  recall %.4f  F %.4f  (%d there, %d found,'
              ' %d right)' % (r['precision'], r['recall'], r['f'], r['cuts'],
                              r['found'], r['right']))
        for key in ('missed', 'false'):
            if r[key]:
                print('%s: %s' % (key, ' '.join(map(str, r[key]))))
        if r['off']:
            print('off: ' + ' '.join('%d->%d' % x for x in r['off']))
    if r['f'] < o.min_f:
        print('shots.py: f is %.4f, below %g' % (r['f'], o.min_f),
              file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
