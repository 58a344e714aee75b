#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole episode whose truth is known exactly: the film that film.c draws."""
from harness import check, equal, film, film_networks, main, show_score
from harness import Run, test

_runs = {}


def run(embedder):
    if embedder not in _runs:
        _runs[embedder] = Run(
            ['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
            film_networks(embedder), 'out-' + embedder)
    return _runs[embedder]


def score(embedder):
    r = run(embedder).score(film() + '/film.faces.csv')
    show_score(embedder, r)
    return r


@test
def seven_people():
    equal(run('colour').people(), 7)


@test
def each_is_one_identity():
    r = score('colour')
    check(r['f'] >= .999, 'F is %.4f: %s', r['f'], r['people'])


@test
def every_face_is_found():
    r = score('colour')
    equal((r['covered'], r['unlabelled']), (r['wanted'], 0))


@test
def every_cut_is_found():
    r = run('colour').cuts(film() + '/film.shots.csv')
    equal((r['missed'], r['false'], r['off']), ([], [], []))


@test
def those_who_pass_each_other_stay_themselves():
    # one track each, though nobody is seen while they pass
    r = score('colour')
    tracks = [t for i in run('colour').json['identities'] for t in i['tracks']
              if t['shot'] == 2]
    equal(len(tracks), 2, 'tracks in the third shot')
    equal({len(r['people'][p]) for p in ('P01', 'P02')}, {1})


@test
def the_table_names_all():
    lines = run('colour').text.splitlines()
    equal(len(lines), 8, 'lines of the table')
    check(lines[0].split()[0] == 'person', lines[0])
    equal([line.split()[0] for line in lines[1:]], list('1234567'))


@test
def a_constant_embedder_fails():
    r = score('constant')
    check(run('constant').people() != 7 and r['f'] < .6, 'F is %.4f', r['f'])


@test
def a_random_embedder_fails():
    r = score('random')
    check(run('random').people() > 14 and r['f'] < .6, 'F is %.4f', r['f'])


@test
def a_threshold_of_one_makes_each_track_a_person():
    r = Run(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
            film_networks(), 'out-one', cluster=['threshold=1'])
    equal(r.people(), 20)


@test
def fewer_detections_find_the_same_people():
    r = Run(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
            (film_networks()[0] + ['inference-interval=3'],
             film_networks()[1]), 'out-third')
    equal(r.people(), 7)
    score = r.score(film() + '/film.faces.csv')
    show_score('every third frame', score)
    check(score['f'] >= .999, 'F is %.4f', score['f'])


@test
def pixels_that_are_not_square():
    """The film's first shot, with pixels a third wider than high."""
    with open(film() + '/film.y4m', 'rb') as f:
        head = f.readline().replace(b' A1:1 ', b' A4:3 ')
        body = f.read(50 * (320 * 192 * 3 // 2 + len(b'FRAME\n')))
    with open('wide.y4m', 'wb') as f:
        f.write(head + body)
    r = Run(['filesrc', 'location=wide.y4m', '!', 'decodebin'],
            film_networks(), 'out-wide')
    equal((r.json['width'], r.json['height']), (427, 192), 'display size')
    equal(r.people(), 2)
    # of the picture as shown, like all boxes; the faces stand at 90 and 230
    middles = [c['face'][0] + c['face'][2] / 2 for i in r.json['identities']
               for t in i['tracks'] for c in t['chips']]
    check(all(min(abs(m - 90 * 4 / 3), abs(m - 230 * 4 / 3)) < 12
              for m in middles), 'faces at %s' % middles)
    heights = [c['face'][3] for i in r.json['identities']
               for t in i['tracks'] for c in t['chips']]
    check(all(40 < h < 55 for h in heights), 'heights of %s' % heights)


if __name__ == '__main__':
    main()
