#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drawn people and the networks that ship, with nothing else: no model is
named, and no folder of networks is given.

  rendered.py [TEST]                               the tests
  rendered.py --seeds 7,8,9 [--thresholds .4,.5]   what is measured, for
                                                   docs/benchmarks.md; also at
                                                   other thresholds

The networks were trained on seeds from 1000 on, so that nobody here was seen in
training. Re-identification must be able to fail: the same tracks are embedded
once more so that all faces get the same vector, and so that every picture gets
another one.
"""
import argparse
import os
import sys
import tempfile

import drawn
from harness import EPISODE, Finished, by_hand, check, command, drawn_video
from harness import equal, film_networks, gst_reid, main, networks_of, read_json
from harness import show_score, test

SEED = 7
FIRST_TRAINED_SEED = 1000
MIN_F = .95
SHIPPED = ['reid-detect-s', 'reid-embed-s']
EMBEDDERS = ('shipped', 'constant', 'random')
CAPS = 'video/x-raw,width=960,height=540,framerate=10/1'

_episodes = {}


class Episode:
    """Drawn, detected and tracked once, and embedded with each embedder."""

    def __init__(self, seed):
        check(seed < FIRST_TRAINED_SEED, 'seed %d was trained on', seed)
        path = os.path.abspath('seed-%d.json' % seed)
        line = [CAPS, '!', 'reiddetect', '!', 'reidtrack', '!',
                'tee', 'name=tracks']
        for name in EMBEDDERS:
            embedder = [] if name == 'shipped' else film_networks(name)[1]
            line += ['tracks.', '!', 'queue', '!', 'reidembed', *embedder, '!',
                     'reidcluster', 'location=' + self.folder(seed, name), '!',
                     'fakesink', 'sync=false']
        r = gst_reid(['reidtestsrc', 'people=6', 'shots=20', 'seed=%d' % seed,
                      'truth-location=' + path], line)
        check(r.code == 0, r)
        truth = drawn.read(path)
        self.faces = drawn.faces(truth)
        self.runs = {n: Finished(self.folder(seed, n)) for n in EMBEDDERS}
        self.scores = {n: run.score(self.faces)
                       for n, run in self.runs.items()}
        self.cuts = self.runs['shipped'].cuts(drawn.shots(truth))

    def at(self, threshold):
        """The run with the shipped networks, and its score, at another one."""
        out = self.runs['shipped'].out
        r = command([os.environ['GST_REID'], 'cluster', out, '--threshold',
                     threshold])
        check(r.code == 0, r)
        run = Finished(out)
        return run, run.score(self.faces)

    @staticmethod
    def folder(seed, name):
        return os.path.abspath('seed-%d-%s.reid' % (seed, name))


def episode():
    if SEED not in _episodes:
        _episodes[SEED] = Episode(SEED)
    return _episodes[SEED]


def score(embedder):
    r = episode().scores[embedder]
    show_score(embedder, r)
    return r


@test
def the_networks_are_those_that_ship():
    equal(networks_of(episode().runs['shipped'].out), SHIPPED)


@test
def six_people_in_twenty_shots():
    r = score('shipped')
    check(r['f'] >= MIN_F, 'F is %.4f, below %g', r['f'], MIN_F)


@test
def every_face_gets_a_person():
    r = score('shipped')
    check(r['coverage'] >= .98, '%d of %d faces', r['covered'], r['wanted'])


@test
def every_cut_is_found():
    r = episode().cuts
    equal((r['missed'], r['false'], r['cuts']), ([], [], 19))


@test
def a_constant_embedder_fails():
    check(score('constant')['f'] < .6)


@test
def a_random_embedder_fails():
    check(score('random')['f'] < .6)


# ---- a machine on which nothing was downloaded

def fresh(*args):
    return command([EPISODE, '--no-install', *args], env={
        'REID_NO_SHARED': '1', 'REID_MODEL_PATH': '',
        'XDG_DATA_HOME': os.getcwd(), 'XDG_DATA_DIRS': os.getcwd()})


@test
def a_video_needs_no_network():
    r = fresh(drawn_video(), '--out', 'fresh.reid')
    check(r.code == 0 and 'error' not in r.err, r)
    equal(networks_of('fresh.reid'), SHIPPED)
    equal(len(read_json('fresh.reid')['identities']), 2, 'people')


@test
def the_demonstration_needs_neither_video_nor_network():
    r = fresh()
    check(r.code == 0 and 'reidtestsrc' in r.out, r)
    equal(networks_of('demonstration.reid'), SHIPPED)
    data = read_json('demonstration.reid')
    equal((len(data['identities']), len(data['shots'])), (4, 6))


# ---- for the page

def show(seed, name, run, r):
    print('%4d  %-8s  %6d  %9.3f  %6.3f  %.3f  %8.3f'
          % (seed, name, run.people(), r['precision'], r['recall'], r['f'],
             r['coverage']), flush=True)


def measure(seeds, thresholds):
    with tempfile.TemporaryDirectory(prefix='reid-episode-') as scratch:
        by_hand(scratch)
        os.chdir(scratch)
        print('seed  embedder  people  precision  recall  F      coverage')
        for seed in seeds:
            e = Episode(seed)
            for name in EMBEDDERS:
                show(seed, name, e.runs[name], e.scores[name])
            for threshold in thresholds:
                show(seed, 'at ' + threshold, *e.at(threshold))
        os.chdir('/')


if __name__ == '__main__':
    if not any(a.startswith('-') for a in sys.argv):
        main()
        sys.exit()
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('--seeds', required=True)
    p.add_argument('--thresholds', default='')
    o = p.parse_args()
    measure([int(s) for s in o.seeds.split(',')],
            [t for t in o.thresholds.split(',') if t])
