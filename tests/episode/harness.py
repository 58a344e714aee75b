# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of whole episodes share: TAP on stdout, a run of a command,
and the film that make-film draws.

Meson names the programs: GST_REID, MAKE_FILM and REID_BUILD. A script that is
run by hand takes those of REID_BUILD, or else of the folder build.
"""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TRUTH = os.path.join(HERE, 'truth')
EPISODE = os.path.join(ROOT, 'pipelines', 'episode.sh')
LIVE = os.path.join(ROOT, 'pipelines', 'live.sh')
TEXTS = ('episode.json', 'tracks.txt', 'identities.txt', 'shots.csv',
         'presence.csv')
# What a run may leave under its final name; see docs/formats.md.
OUTPUTS = sorted(TEXTS + ('episode.h5', 'run.json', 'faces'))

sys.path.insert(0, HERE)
import bcubed  # noqa: E402
import shots  # noqa: E402

_tests = []


class Skip(Exception):
    """The reason must stand in tests/skips.allow."""


class Failed(Exception):
    pass


def test(function):
    _tests.append(function)
    return function


def check(ok, text='', *values):
    if not ok:
        raise Failed(text % values if values else str(text))


def equal(got, want, what=''):
    check(got == want, '%s%r instead of %r' % (what and what + ': ', got, want))


def note(text, *values):
    for line in (text % values if values else str(text)).splitlines():
        print('# ' + line)


def by_hand(scratch):
    """What Meson sets; nothing of this machine's networks is seen."""
    build = os.path.abspath(os.environ.get('REID_BUILD')
                            or os.path.join(ROOT, 'build'))
    os.environ.update({
        'REID_BUILD': build,
        'GST_PLUGIN_PATH': build + '/gst',
        'GST_REGISTRY': build + '/registry.bin',
        'GST_REID': build + '/pipelines/gst-reid',
        'MAKE_FILM': build + '/tests/episode/make-film',
        'REID_MODEL_PATH': '', 'XDG_DATA_HOME': scratch,
        'XDG_DATA_DIRS': scratch})


def main():
    """Runs the tests whose name holds the first argument, or all."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ''
    number = bad = 0
    os.environ['LC_ALL'] = 'C.UTF-8'
    with tempfile.TemporaryDirectory(prefix='reid-episode-') as scratch:
        if 'GST_REID' not in os.environ:
            by_hand(scratch)
        os.chdir(scratch)
        os.chmod(scratch, 0o755)
        for function in _tests:
            if wanted not in function.__name__:
                continue
            number += 1
            state, skip = 'ok', ''
            try:
                function()
            except Skip as reason:
                skip = ' # SKIP %s' % reason
            except Failed as failed:
                state = 'not ok'
                note(failed)
            except Exception as error:  # the others still run
                state = 'not ok'
                note('%s: %s' % (type(error).__name__, error))
            bad += state != 'ok'
            print('%s %d - %s%s' % (state, number, function.__name__, skip),
                  flush=True)
        os.chdir('/')
    print('1..%d' % number)
    sys.exit(1 if bad else 0)


# ---- shared data

def shared(name):
    root = os.environ.get('REID_SHARED') or os.path.join(ROOT, '..', 'shared')
    path = os.path.join(root, name)
    if os.environ.get('REID_NO_SHARED') or not os.path.exists(path):
        raise Skip('needs ../shared: ' + name)
    return os.path.abspath(path)


def real_networks():
    """Arguments for reiddetect and reidembed."""
    return (['model=' + shared('models/yunet/yunet_n_dynamic.onnx')],
            ['model=' + shared('models/mobilefacenet/MobileFaceNet.onnx')])


# ---- the film

def film():
    """The folder with the film, its truth and the networks for it."""
    path = os.path.abspath('film')
    if not os.path.isdir(path):
        os.mkdir(path)
        subprocess.run([os.environ['MAKE_FILM'], path], check=True)
    return path


def film_networks(embedder='colour'):
    return (['model=%s/detector.onnx' % film(), 'inference-size=320'],
            ['model=%s/%s.onnx' % (film(), embedder)])


def convert(source, *elements):
    """A file made of another one by GStreamer's own elements."""
    location = [e for e in elements if e.startswith('location=')][-1]
    path = location[len('location='):]
    r = command([os.environ['GST_REID'], 'run', '--quiet', '--',
                 *source, '!', *elements])
    if r.code != 0 or not os.path.getsize(path):
        raise Failed('cannot make %s: %s' % (path, r.err))
    return os.path.abspath(path)


def film_in(kind):
    """The film as a file with an index and a length of its own."""
    muxer = {'mkv': ['matroskamux'], 'mov': ['qtmux'],
             'fast.mov': ['qtmux', 'faststart=true']}[kind]
    path = os.path.abspath('film.' + kind)
    if not os.path.exists(path):
        convert(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
                'jpegenc', 'quality=90', '!', *muxer, '!',
                'filesink', 'location=' + path)
    return path


# ---- drawn people

def drawn_video():
    """Two of them in two shots, as a file."""
    path = os.path.abspath('drawn.mkv')
    if not os.path.exists(path):
        convert(['reidtestsrc', 'people=2', 'shots=2', 'seed=7'],
                'video/x-raw,width=640,height=360,framerate=12/1', '!',
                'jpegenc', 'quality=95', '!', 'matroskamux', '!',
                'filesink', 'location=' + path)
    return path


# ---- runs

class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def errors(self):
        return [line for line in self.err.splitlines() if 'error:' in line]

    def __str__(self):
        return 'exit code %s\n%s%s' % (self.code, self.out, self.err)


def command(args, timeout=240, prepare=None, **more):
    environ = dict(os.environ, **more.pop('env', {}))
    p = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=environ, preexec_fn=prepare, **more)
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise Failed('%s did not end in %g s' % (args[0], timeout))
    return Result(p.returncode, out.decode(errors='replace'),
                  err.decode(errors='replace'))


def chain(networks, track=(), cluster=(), threads=None, batch=None):
    detect, embed = list(networks[0]), list(networks[1])
    if threads is not None:
        detect.append('threads=%d' % threads)
        embed.append('threads=%d' % threads)
    if batch is not None:
        embed.append('batch-size=%d' % batch)
    return ['reiddetect', *detect, '!', 'reidtrack', *track, '!', 'reidembed',
            *embed, '!', 'reidcluster', *cluster, '!',
            'fakesink', 'sync=false']


def from_file(path):
    return ['filesrc', 'location=' + path, '!', 'decodebin', '!',
            'videoflip', 'video-direction=auto']


def gst_reid(source, elements, options=('--quiet',), **more):
    return command([os.environ['GST_REID'], 'run', *options, '--', *source,
                    '!', *elements], **more)


def read_truth(truth, reader):
    if not isinstance(truth, str):
        return truth  # it was read already
    with open(truth, newline='') as f:
        return reader(f)


class Finished:
    """What a run left."""

    def __init__(self, out):
        self.out = os.path.abspath(out)
        self.json = read_json(self.out)

    def people(self):
        return len(self.json['identities'])

    def score(self, truth):
        labelled = read_truth(truth, bcubed.read_truth)
        with open(os.path.join(self.out, 'identities.txt')) as f:
            return bcubed.compare(labelled, bcubed.read_identities(f))

    def cuts(self, truth):
        labelled = read_truth(truth, shots.read_truth)
        with open(os.path.join(self.out, 'shots.csv'), newline='') as f:
            return shots.compare(labelled, shots.read_shots(f))


class Run(Finished):
    """A run from its beginning to its end."""

    def __init__(self, source, networks, out, cluster=(), **more):
        result = gst_reid(source, chain(networks, cluster=[
            'location=' + os.path.abspath(out), *cluster], **more))
        check(result.code == 0, result)
        self.text = result.out
        super().__init__(out)


def read_json(folder):
    with open(os.path.join(folder, 'episode.json')) as f:
        return json.load(f)


def networks_of(folder):
    """The names of the detector and the embedder of a run."""
    with open(os.path.join(folder, 'run.json')) as f:
        elements = json.load(f)['elements']
    return [elements[e]['model-name'] for e in ('reiddetect', 'reidembed')]


def show_score(what, r):
    note('%s: B-cubed precision %.4f recall %.4f F %.4f, coverage %.4f', what,
         r['precision'], r['recall'], r['f'], r['coverage'])


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


# ---- the same answer every time

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


def same_bytes(source, networks, what, **more):
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


# ---- for runs that must fail

def limit_files(size):
    """As on a disk that is full: no file grows beyond this."""
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return prepare


def take_signals():
    """A group of its own, as a terminal makes it, with Ctrl-C in force."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, 'waited %g s for %s' % (seconds, what))
        time.sleep(.05)
