#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare the identities of an episode with faces labelled by hand: B-cubed.

  bcubed.py TRUTH.faces.csv IDENTITIES.txt [--min-f X] [--min-coverage Y] [--json]
  bcubed.py --self-test

TRUTH.faces.csv   header frame,person,left,top,width,height; frames from 0;
                  the person "ignore" marks a face that nobody is judged on
IDENTITIES.txt    MOTChallenge lines frame,id,left,top,width,height,score,...;
                  frames from 1; a negative id is a face without an identity

In every frame that the truth labels, boxes are paired one to one, best IoU
first, down to an IoU of 0.4. Found boxes paired with an "ignore" are dropped,
and so are those paired with nothing (they are counted, as "unlabelled").

B-cubed looks at each paired face: its precision is the share of its identity
that is this person, its recall the share of this person that is in its
identity; both are averaged over the faces, F is their harmonic mean.
Coverage is the share of the labelled faces (not "ignore", at least 24 pixels
high) that were found and have an identity.

Exit status: 0, 1 when a --min is not reached, 2 when a file cannot be used.
"""
import argparse
import csv
import json
import sys
from collections import Counter, defaultdict

IGNORE = 'ignore'
MIN_IOU = 0.4
MIN_HEIGHT = 24.0


def iou(a, b):
    """Intersection over union of two (left, top, width, height) boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)


def read_truth(lines):
    """{frame: [(person, box), ...]}"""
    want = ['frame', 'person', 'left', 'top', 'width', 'height']
    rows = csv.DictReader(lines)
    if rows.fieldnames != want:
        raise ValueError('the header is %r, not %s'
                         % (rows.fieldnames, ','.join(want)))
    truth = defaultdict(list)
    for row in rows:
        try:
            box = tuple(float(row[k]) for k in want[2:])
            frame = int(row['frame'])
        except (TypeError, ValueError):
            raise ValueError('line %d is not a face' % rows.line_num)
        if not row['person'] or min(box[2:]) <= 0:
            raise ValueError('line %d is not a face' % rows.line_num)
        truth[frame].append((row['person'], box))
    return dict(truth)


def read_identities(lines):
    """{frame counted from 0: [(identity, box), ...]}"""
    found = defaultdict(list)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        part = [p.strip() for p in line.split(',')]
        try:
            frame, box = int(part[0]), tuple(float(p) for p in part[2:6])
            if len(box) < 4 or frame < 1:
                raise ValueError
        except (IndexError, ValueError):
            raise ValueError('line %d is not a MOTChallenge line' % number)
        found[frame - 1].append((part[1], box))
    return dict(found)


def pair(labelled, found):
    """Indices (i, j) of one frame's boxes that belong together."""
    order = []
    for i, (_, a) in enumerate(labelled):
        for j, (_, b) in enumerate(found):
            v = iou(a, b)
            if v >= MIN_IOU:
                order.append((-v, i, j))
    pairs, used_i, used_j = [], set(), set()
    for _, i, j in sorted(order):
        if i not in used_i and j not in used_j:
            used_i.add(i)
            used_j.add(j)
            pairs.append((i, j))
    return pairs


def bcubed(faces):
    """(precision, recall, F) of a list of (person, identity)."""
    if not faces:
        return 0.0, 0.0, 0.0
    both = Counter(faces)
    person = Counter(p for p, _ in faces)
    identity = Counter(i for _, i in faces)
    # n faces share (p, i), and each of them has the same precision and recall
    precision = sum(n * n / identity[i] for (_, i), n in both.items())
    recall = sum(n * n / person[p] for (p, _), n in both.items())
    precision /= len(faces)
    recall /= len(faces)
    return precision, recall, 2 * precision * recall / (precision + recall)


def compare(truth, found):
    faces = []
    wanted = covered = ignored = unlabelled = 0
    for frame in sorted(truth):
        labelled, boxes = truth[frame], found.get(frame, [])
        pairs = dict(pair(labelled, boxes))
        unlabelled += len(boxes) - len(pairs)
        for i, (person, box) in enumerate(labelled):
            identity = boxes[pairs[i]][0] if i in pairs else None
            if person == IGNORE:
                ignored += identity is not None
                continue
            if identity is not None and identity.startswith('-'):
                identity = None
            if box[3] >= MIN_HEIGHT:
                wanted += 1
                covered += identity is not None
            if identity is not None:
                faces.append((person, identity))
    people, identities = defaultdict(Counter), defaultdict(Counter)
    for person, identity in faces:
        people[person][identity] += 1
        identities[identity][person] += 1
    for labelled in truth.values():
        for person, _ in labelled:
            if person != IGNORE:
                people[person]  # also those of whom nothing was found
    precision, recall, f = bcubed(faces)
    return {
        'precision': precision, 'recall': recall, 'f': f,
        'coverage': covered / wanted if wanted else 0.0,
        'faces': len(faces), 'wanted': wanted, 'covered': covered,
        'ignored': ignored, 'unlabelled': unlabelled,
        'people': {p: dict(people[p].most_common()) for p in sorted(people)},
        'identities': {i: dict(identities[i].most_common()) for i in
                       sorted(identities, key=lambda i: (len(i), i))},
    }


def show(r):
    print('B-cubed precision %.4f  recall %.4f  F %.4f  over %d faces'
          % (r['precision'], r['recall'], r['f'], r['faces']))
    print('coverage %.4f (%d of %d labelled faces of %d px and more); '
          '%d on "ignore", %d unlabelled'
          % (r['coverage'], r['covered'], r['wanted'], MIN_HEIGHT,
             r['ignored'], r['unlabelled']))

    def table(title, groups, none, many):
        print(title)
        for key, n in groups.items():
            note = none if not n else many if len(n) > 1 else ''
            print('  %-8s %s%s' % (
                key, '  '.join('%s:%d' % x for x in n.items()), note))
    table('people -> identities (faces)', r['people'], '(not found)',
          '   <- split')
    table('identities -> people (faces)', r['identities'], '', '   <- mixed')


def self_test():
    def near(a, b):
        assert abs(a - b) < 1e-9, (a, b)

    def check(text, want):
        """text such as 'A1 A1 B2': faces of persons A, B in identities."""
        got = bcubed([(w[0], w[1:]) for w in text.split()])
        for a, b in zip(got, want):
            near(a, b)

    check('A7 A7 B3 B3', (1, 1, 1))
    # A split 3 + 1: recall (3 * 3/4 + 1/4) / 4 = 5/8; F = 2 * 5/8 / (13/8)
    check('A1 A1 A1 A2', (1, 5 / 8, 10 / 13))
    # two people in one identity: every face has precision 2/4
    check('A1 A1 B1 B1', (1 / 2, 1, 2 / 3))
    # both faults: precision (3 * 1 + 1/3 + 2 * 2/3) / 6 = 7/9,
    # recall (3 * 3/4 + 1/4 + 2 * 1) / 6 = 3/4, F = (7/6) / (55/36) = 42/55
    check('A1 A1 A1 A2 B2 B2', (7 / 9, 3 / 4, 42 / 55))
    # every face alone: precision 1, recall 1/4 each
    check('A1 A2 A3 A4', (1, 1 / 4, 2 / 5))
    check('', (0, 0, 0))

    near(iou((0, 0, 10, 10), (0, 0, 10, 10)), 1)
    near(iou((0, 0, 10, 10), (4, 0, 10, 10)), 60 / 140)
    near(iou((0, 0, 10, 10), (10, 0, 10, 10)), 0)

    # the pair of best overlap goes first: found 0 lies between both, but
    # nearer to the second, so the first gets nothing from it
    a, b = ('A', (0, 0, 10, 10)), ('B', (5, 0, 10, 10))
    assert pair([a, b], [('1', (4, 0, 10, 10))]) == [(1, 0)]
    # 4 px off is an IoU of 0.43 and a pair, 5 px off one of 0.33 and none
    assert pair([a], [('1', (4, 0, 10, 10))]) == [(0, 0)]
    assert pair([a], [('1', (5, 0, 10, 10))]) == []

    truth = read_truth([
        'frame,person,left,top,width,height',
        '0,A,0,0,30,30', '0,B,100,0,30,30', '0,ignore,200,0,30,30',
        '5,A,0,0,30,30', '5,B,100,0,20,20', '10,C,0,0,30,30'])
    found = read_identities([
        '1,1,0,0,30,30,0.9,-1,-1,-1',      # A
        '1,2,100,0,30,30,0.9,-1,-1,-1',    # B
        '1,2,200,0,30,30,0.9,-1,-1,-1',    # the one to ignore
        '1,3,300,0,30,30,0.9,-1,-1,-1',    # nobody
        '2,9,0,0,30,30,0.9,-1,-1,-1',      # a frame without labels
        '6,2,0,0,30,30,0.9,-1,-1,-1',      # A in B's identity
        '6,2,100,0,20,20,0.9,-1,-1,-1',    # B, too small for the coverage
        '11,-1,0,0,30,30,0.9,-1,-1,-1'])   # C without an identity
    r = compare(truth, found)
    # faces A1 B2 A2 B2: precision (1 + 2/3 + 1/3 + 2/3) / 4 = 2/3,
    # recall (1/2 + 1 + 1/2 + 1) / 4 = 3/4, F = 1 / (17/12) = 12/17
    near(r['precision'], 2 / 3)
    near(r['recall'], 3 / 4)
    near(r['f'], 12 / 17)
    # of A B A C (30 px high) A B A are there
    assert (r['covered'], r['wanted']) == (3, 4)
    assert (r['faces'], r['ignored'], r['unlabelled']) == (4, 1, 1)
    assert r['people'] == {'A': {'1': 1, '2': 1}, 'B': {'2': 2}, 'C': {}}
    assert r['identities'] == {'1': {'A': 1}, '2': {'B': 2, 'A': 1}}
    near(compare(truth, {})['f'], 0)

    for reader, text in ((read_truth, ['frame,who', '0,A']),
                         (read_truth, ['frame,person,left,top,width,height',
                                       '0,A,1,2,3']),
                         (read_identities, ['0,1,0,0,9,9,1,-1,-1,-1']),
                         (read_identities, ['1,1,0,0']),
                         (read_identities, ['one,1,0,0,9,9'])):
        try:
            reader(text)
        except ValueError:
            continue
        raise AssertionError('accepted %r' % text)
    print('bcubed.py: self-test passed')


def main():
    p = argparse.ArgumentParser(
        description='B-cubed of identities against faces labelled by hand.')
    p.add_argument('truth', nargs='?', metavar='TRUTH.faces.csv')
    p.add_argument('identities', nargs='?', metavar='IDENTITIES.txt')
    p.add_argument('--min-f', type=float, default=0.0, metavar='X')
    p.add_argument('--min-coverage', type=float, default=0.0, metavar='Y')
    p.add_argument('--json', action='store_true')
    p.add_argument('--self-test', action='store_true')
    o = p.parse_args()
    if o.self_test:
        self_test()
        return 0
    if not o.identities:
        p.error('two files are needed')
    data = []
    for name, reader in ((o.truth, read_truth),
                         (o.identities, read_identities)):
        try:
            with open(name, newline='', encoding='utf-8-sig') as f:
                data.append(reader(f))
        except (OSError, ValueError) as e:
            print('bcubed.py: %s: %s' % (name, e), file=sys.stderr)
            return 2
    r = compare(*data)
    if o.json:
        print(json.dumps(r, indent=1))
    else:
        show(r)
    bad = [(k, r[k], m) for k, m in (('f', o.min_f),
                                     ('coverage', o.min_coverage))
           if r[k] < m]
    for key, value, least in bad:
        print('bcubed.py: %s is %.4f, below %g' % (key, value, least),
              file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
