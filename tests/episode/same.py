#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same input and networks give the same bytes: run again, with one thread
and two, and with batches of 1, 8 and 16."""
import os

from harness import Run, TEXTS, check, equal, film, film_networks, from_file
from harness import main, real_networks, shared, test

KINDS = [(threads, batch) for threads in (1, 2) for batch in (1, 8, 16)]


def texts(run):
    found = {}
    for name in TEXTS:
        with open(os.path.join(run.out, name), 'rb') as f:
            found[name] = f.read()
    return found


def pictures(run):
    found = {}
    for folder, _, names in os.walk(os.path.join(run.out, 'faces')):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as f:
                found[os.path.relpath(path, run.out)] = f.read()
    return found


def compare(source, networks, what, **more):
    first = Run(source, networks, '%s-first' % what, **more)
    want, faces = texts(first), pictures(first)
    check(first.people() > 1 and len(faces) > 5, 'too little to compare')
    runs = [('run again', {})]
    runs += [('%d threads, batches of %d' % k, dict(threads=k[0], batch=k[1]))
             for k in KINDS]
    for i, (kind, options) in enumerate(runs):
        got = Run(source, networks, '%s-%d' % (what, i), **more, **options)
        have = texts(got)
        differ = [n for n in TEXTS if have[n] != want[n]]
        equal(differ, [], kind)
        check(pictures(got) == faces, '%s: other pictures', kind)


@test
def the_film():
    compare(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
            film_networks(), 'film')


@test
def the_film_with_people_named_online():
    # no leaky queue and no clock: the same frames in every run
    compare(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
            film_networks(), 'online', cluster=['mode=online'])


@test
def a_video():
    compare(from_file(shared('videos/face_video_01.mp4')), real_networks(),
            'video')


if __name__ == '__main__':
    main()
