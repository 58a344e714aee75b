#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input, bad output and bad luck, through episode.sh: one clear line, a
fitting exit code, and nothing half-written under a final name."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import time

from harness import EPISODE, LIVE, OUTPUTS, ROOT, Result, chain, check
from harness import command, convert, equal, film, film_in, film_networks, from_file, gst_reid
from harness import limit_files, main, note, read_json, remove, take_signals
from harness import test, wait_until


def networks():
    return ['--detector', film() + '/detector.onnx',
            '--embedder', film() + '/colour.onnx']


def episode(*args, **more):
    return command([EPISODE, '--no-install', *networks(), *args], **more)


def left_in(folder):
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else None


def fails(r, code, *words):
    """The exit code, and exactly one line that says what and why."""
    check(r.code == code, 'not %d: %s', code, r)
    errors = r.errors()
    check(len(errors) == 1, '%d lines of error: %s', len(errors), r)
    for word in words:
        check(word in errors[0], '"%s" is not in "%s"', word, errors[0])
    for noise in ('CRITICAL', 'GStreamer-', 'Traceback', 'line 1'):
        check(noise not in r.err, 'noise: %s', r.err)


def whole(folder):
    """All of the outputs, whole, and nothing else."""
    equal(left_in(folder), OUTPUTS, 'files')
    with open(folder + '/run.json') as f:
        run = json.load(f)
    for path in (d + '/' + n for d, _, names in os.walk(folder + '/faces')
                 for n in names):
        with open(path, 'rb') as f:
            data = f.read()
        check(data[:2] == b'\xff\xd8' and data[-2:] == b'\xff\xd9', path)
    return run, read_json(folder)


def no_half_files(folder):
    """Under their final names only whole files; the archive may be .part."""
    for name in left_in(folder) or []:
        path = os.path.join(folder, name)
        check('.tmp' not in name, 'a temporary file is left: %s', name)
        if name.endswith('.json'):
            with open(path) as f:
                json.load(f)


def within_permissions():
    """Root, but without root's right to pass over permissions: another user
    might not even be let into the folder that this tree was cloned to."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
            raise OSError(ctypes.get_errno(), 'prctl')


# ---- arguments

@test
def wrong_arguments():
    video = film_in('mkv')
    for args, word in (
            ([''], 'no video was named'),
            (['--', ''], 'no video was named'),
            ([video, video], 'more than one video'),
            (['--', video, video], 'more than one video'),
            (['--frobnicate', video], '--frobnicate'),
            (['--out'], '--out needs a value'),
            (['--out=', video], '--out needs a value'),
            ([video, '--threshold'], '--threshold needs a value'),
            ([video, '--threshold', 'high'], '"high"'),
            ([video, '--threshold', '1.5'], '"1.5"'),
            ([video, '--threshold', '-1'], '"-1"'),
            ([video, '--threshold', '0,4'], '"0,4"'),
            ([video, '--interval', '0'], '"0"'),
            ([video, '--interval', '010'], '"010"'),
            ([video, '--interval', '2.5'], '"2.5"'),
            ([video, '--interval=-3'], '"-3"'),
            ([video, '--interval', '99999999999999999999'], '--interval')):
        fails(episode(*args), 2, word)
    equal(left_in('film.reid'), None)


@test
def help_is_no_error():
    r = episode('--help')
    equal((r.code, r.err), (0, ''))
    for word in ('Usage: episode.sh', '--out', '--no-install', 'Exit codes'):
        check(word in r.out, word)


@test
def packages_that_are_missing():
    """A dpkg-query that knows nothing of some packages."""
    os.mkdir('bin')
    with open('bin/dpkg-query', 'w') as f:
        f.write('#!/bin/sh\nfor p; do case $p in -*) ;; libdnnl-dev) echo "$p '
                'deinstall ok config-files";; libhdf5-dev) ;; *) echo "$p '
                'install ok installed";; esac; done\nexit 1\n')
    for name in ('apt-get', 'sudo'):
        with open('bin/' + name, 'w') as f:
            f.write('#!/bin/sh\ntouch %s/called\nexit 1\n' % os.getcwd())
    for name in os.listdir('bin'):
        os.chmod('bin/' + name, 0o755)
    path = {'PATH': '%s/bin:%s' % (os.getcwd(), os.environ['PATH'])}
    line = 'apt-get install -y --no-install-recommends libdnnl-dev libhdf5-dev'
    fails(episode(film_in('mkv'), env=path), 1, 'as root, run: ' + line)
    check(not os.path.exists('called'), '--no-install called apt-get')
    # allowed to, and refused
    r = command([EPISODE, *networks(), film_in('mkv')], env=path)
    fails(r, 1, line)
    check('Installing what is missing: ' in r.err and os.path.exists('called'),
          r)
    # nobody in particular, and nobody there to type a password
    remove('called')
    with open('bin/id', 'w') as f:
        f.write('#!/bin/sh\necho 65534\n')
    os.chmod('bin/id', 0o755)
    r = command([EPISODE, film_in('mkv')], env=path)
    fails(r, 1, 'as root, run: ' + line)
    check('Installing' not in r.err, r)
    equal(left_in('film.reid'), None)


# ---- input

@test
def inputs_that_are_not_there():
    fails(episode('missing.mp4'), 3, 'there is no file missing.mp4')
    fails(episode('--', '-missing.mp4'), 3, 'there is no file -missing.mp4')
    os.mkdir('a folder.mp4')
    fails(episode('a folder.mp4'), 3, 'a folder.mp4 is a folder')
    os.mkfifo('pipe.mp4')
    fails(episode('pipe.mp4'), 3, 'pipe.mp4 is not an ordinary file')
    os.symlink('nowhere', 'link.mp4')
    fails(episode('link.mp4'), 3, 'there is no file link.mp4')


@test
def an_input_that_may_not_be_read():
    with open('secret.mp4', 'w') as f:
        f.write('secret')
    os.chmod('secret.mp4', 0)
    reachable = os.path.abspath('secret.mp4')
    prepare = within_permissions if os.getuid() == 0 else None
    fails(command([EPISODE, '--no-install', reachable], prepare=prepare,
                  cwd='/'), 3, 'permission denied')
    # where no script looks first
    r = gst_reid(from_file(reachable), chain(film_networks()),
                 prepare=prepare)
    fails(r, 3, reachable)


@test
def inputs_that_are_no_video():
    with open('letter.mp4', 'w') as f:
        f.write('Dear reader,\nthis is no video.\n' * 100)
    with open('noise.mp4', 'wb') as f:
        f.write(bytes((i * i * 2654435761 >> 13) & 255 for i in range(65536)))
    open('nothing.mp4', 'w').close()
    for name in ('letter.mp4', 'noise.mp4', 'nothing.mp4'):
        fails(episode(name), 4, name + ' holds no video')
        equal(left_in(name[:-4] + '.reid'), None, 'left of ' + name)


@test
def sound_only():
    sound = ['audiotestsrc', 'num-buffers=100']
    convert(sound, 'wavenc', '!', 'filesink', 'location=sound.wav')
    convert(sound, 'vorbisenc', '!', 'oggmux', '!',
            'filesink', 'location=sound.ogg')
    for name in ('sound.wav', 'sound.ogg'):
        r = episode(name)
        fails(r, 4, name + ' holds no video')
        check('warning' not in r.err, r)
        equal(left_in('sound.reid'), None)


@test
def no_decoder():
    r = episode(film_in('mkv'), '--out', 'undecoded', env={
        'GST_PLUGIN_FEATURE_RANK': 'jpegdec:NONE,avdec_mjpeg:NONE'})
    fails(r, 4, 'there is no plugin for "JPEG decoder"')
    equal(left_in('undecoded'), None)


@test
def networks_that_are_not_there():
    video = film_in('mkv')
    fails(episode(video, '--embedder', 'nobody', '--out', 'x'), 3, '"nobody"')
    fails(episode(video, '--detector', './nothing.onnx', '--out', 'x'), 3,
          './nothing.onnx')
    with open('broken.onnx', 'w') as f:
        f.write('no network')
    fails(episode(video, '--detector', 'broken.onnx', '--out', 'x'), 1,
          'broken.onnx')
    equal(left_in('x'), None)


@test
def nobody_in_it():
    r = episode(film() + '/empty.y4m')
    equal(r.code, 0)
    check('Nobody was found.' in r.out, r)
    equal(r.errors(), [])
    run, data = whole('empty.reid')
    equal((data['frames'], data['identities'], data['partial']),
          (40, [], False))


# ---- videos that were cut short

def half(path, name):
    with open(path, 'rb') as f:
        data = f.read()
    with open(name, 'wb') as f:
        f.write(data[:len(data) // 2])
    return name


@test
def a_video_cut_short_before_its_index():
    # the index of an MP4 stands at its end, where there is none any more
    fails(episode(half(film_in('mov'), 'half.mp4'), '--out', 'half'), 4,
          'half.mp4 holds no video')
    equal(left_in('half'), None)


@test
def a_video_cut_short_behind_its_index():
    for kind in ('fast.mov', 'mkv'):
        name = 'half.' + kind
        r = episode(half(film_in(kind), name), '--out', 'out of ' + name)
        equal((r.code, r.errors()), (0, []))
        check('warning: %s says that it lasts 0:18' % name in r.err
              and 'cut short' in r.err, r)
        check('These results are partial.' in r.out, r)
        run, data = whole('out of ' + name)
        equal((run['partial'], data['partial']), (True, True))
        check(4 <= len(data['identities']) <= 5, '%d people',
              len(data['identities']))
        check(180 < data['frames'] < 280, '%d frames', data['frames'])


@test
def a_whole_video_is_not_partial():
    for kind in ('mkv', 'mov', 'fast.mov'):
        r = episode(film_in(kind), '--out', 'all of ' + kind)
        equal((r.code, r.errors()), (0, []))
        check('partial' not in r.out and 'warning' not in r.err, r)
        run, data = whole('all of ' + kind)
        equal((run['partial'], data['partial']), (False, False))
        equal((data['frames'], len(data['identities'])), (460, 7))


# ---- output

@test
def a_folder_that_holds_something_else():
    os.mkdir('diary')
    with open('diary/diary.txt', 'w') as f:
        f.write('dear')
    fails(episode(film_in('mkv'), '--out', 'diary'), 5, 'diary')
    equal(left_in('diary'), ['diary.txt'])
    with open('diary/diary.txt') as f:
        equal(f.read(), 'dear')
    # the folder of the video itself
    os.mkdir('videos')
    shutil.copy(film_in('mkv'), 'videos/film.mkv')
    fails(episode('videos/film.mkv', '--out', 'videos'), 5, 'film.mkv')
    equal(left_in('videos'), ['film.mkv'])


@test
def an_earlier_run_is_replaced():
    r = episode(film() + '/empty.y4m', '--out', 'again')
    equal(r.code, 0)
    r = episode(film_in('mkv'), '--out', 'again')
    equal((r.code, r.errors()), (0, []))
    run, data = whole('again')
    equal(len(data['identities']), 7)
    check(left_in('again/faces') == ['00%d' % i for i in range(1, 8)],
          left_in('again/faces'))


@test
def a_run_that_fails_at_its_start_leaves_the_earlier_one():
    r = episode(film_in('mkv'), '--interval', '4', '--out', 'kept')
    equal((r.code, r.errors()), (0, []))
    _, before = whole('kept')
    with open('no video.mp4', 'w') as f:
        f.write('Dear reader,\n' * 100)
    convert(['audiotestsrc', 'num-buffers=50'], 'wavenc', '!', 'filesink',
            'location=hum.wav')
    for code, args in ((3, ('--embedder', 'nosuch', film_in('mkv'))),
                       (3, ('--detector', 'nosuch', film_in('mkv'))),
                       (4, ('no video.mp4',)), (4, ('hum.wav',))):
        fails(episode('--out', 'kept', *args), code)
        equal(whole('kept')[1], before)
    os.mkdir('empty folder')
    fails(episode('--out', 'empty folder', 'no video.mp4'), 4)
    equal(left_in('empty folder'), [])


@test
def two_videos_of_one_stem():
    short = half(film_in('mkv'), 'short')
    for season in ('s1', 's2'):
        os.makedirs(season)
        shutil.copy(short, season + '/e01.mkv')
    shutil.copy(short, 's2/e01.xyz')
    equal(episode('--interval', '9', 's1/e01.mkv').code, 0)
    before = whole('e01.reid')
    for other in ('s2/e01.mkv', 's2/e01.xyz'):
        fails(episode('--interval', '9', other), 5, 'e01.reid', '--out',
              os.path.realpath('s1/e01.mkv'))
        equal(whole('e01.reid'), before)
    # the same by another name, and the other one where that was said
    os.symlink('s1', 'link')
    equal(episode('--interval', '9', 'link/e01.mkv').code, 0)
    r = episode('--interval', '9', '--out', 'e01.reid', 's2/e01.mkv')
    equal((r.code, r.errors()), (0, []))
    fails(episode('--interval', '9', 's1/e01.mkv'), 5, 's2/e01.mkv')


@test
def a_folder_that_cannot_be_made():
    with open('file', 'w') as f:
        f.write('a file')
    for out in ('file', 'file/below', 'file/below/it'):
        fails(episode(film_in('mkv'), '--out', out), 5, 'file')
    with open('file') as f:
        equal(f.read(), 'a file')
    fails(episode(film_in('mkv'), '--out', '/proc/reid'), 5, '/proc/reid')


@test
def a_folder_that_may_not_be_written():
    prepare = within_permissions if os.getuid() == 0 else None
    os.mkdir('locked', 0o555)
    video, nets = film_in('mkv'), film_networks()
    for out in ('locked/x', 'locked'):
        r = gst_reid(from_file(video), chain(nets, cluster=[
            'location=%s/%s' % (os.getcwd(), out)]), prepare=prepare)
        fails(r, 5, 'locked')
    equal(left_in('locked'), [])


@test
def a_disk_that_is_full():
    # at the first byte, at the first pages, and when the outputs are written
    for size in (0, 20000, 300000):
        r = gst_reid(from_file(film_in('mkv')),
                     chain(film_networks(),
                           cluster=['location=full%d' % size]),
                     prepare=limit_files(size))
        fails(r, 5)
        no_half_files('full%d' % size)
        for name in left_in('full%d' % size) or []:
            check(name == 'episode.h5.part', 'left: %s', name)


@test
def a_small_disk():
    """A real one, where the kernel allows to mount it."""
    os.mkdir('disk')
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs',
                       'disk'], stderr=subprocess.DEVNULL).returncode != 0:
        note('no tmpfs can be mounted here: a limit of file size stands in')
        return
    try:
        fails(episode(film_in('mkv'), '--out', 'disk/x'), 5, 'disk/x')
        no_half_files('disk/x')
    finally:
        subprocess.run(['umount', 'disk'], check=True)


# ---- names

@test
def odd_names():
    names = ['with space.mkv', 'it\'s "quoted".mkv', 'back\\slash.mkv',
             'Über ☃ 電影.mkv', 'wow! really!.mkv', '$HOME `id` %s %n.mkv',
             '-dash.mkv', 'a=b,c;d.mkv', '..mkv', 'no-suffix', 'two\nlines.mkv',
             '(odd) [names] {of} <files> | & #.mkv', '.hidden', '\ttab.mkv',
             'ends in\\', '\'ends\' "in"\tÜ\\\\', '\\']
    for name in names:
        shutil.copy(half(film_in('mkv'), 'short'), name)
    for name in names:
        # each with its default folder, and detections on every fourth frame
        r = episode('--interval', '4', '--', name)
        equal((r.code, r.errors()), (0, []), name)
        stem = name.rsplit('.', 1)[0] or name
        whole(stem + '.reid')
        remove(stem + '.reid')


@test
def odd_names_in_errors():
    for name in ('it\'s "not" there.mp4', 'n\no.mp4', 'wow!.mp4', '50%s%n.mp4'):
        fails(episode(name), 3, name.replace('\n', ' '))
    fails(episode('-v'), 2, '"-v"')
    with open('-dash.mkv', 'w') as f:
        f.write('')
    fails(episode('-dash.mkv'), 2, 'say ./-dash.mkv')


@test
def the_line_that_is_printed_can_be_run():
    os.mkdir('a "b" c\'d')
    video = 'a "b" c\'d/film!.mkv'
    shutil.copy(half(film_in('mkv'), 'short'), video)
    r = episode(video, '--out', 'x "y" z\'s!')
    equal(r.code, 0)
    line = r.out.split('\n\n')[0]
    check('gst-launch-1.0' in line, line)
    want = open('x "y" z\'s!/tracks.txt').read()
    remove('x "y" z\'s!')
    r = command(['bash', '-c', line], env={'GST_PLUGIN_PATH': ''})
    equal(r.code, 0)
    equal(open('x "y" z\'s!/tracks.txt').read(), want)


@test
def a_folder_whose_name_ends_in_a_backslash():
    r = episode('--interval', '9', '--out', 'results of\\', film_in('mkv'))
    equal((r.code, r.errors()), (0, []))
    whole('results of\\')


@test
def a_script_behind_a_link():
    os.mkdir('links')
    os.symlink(EPISODE, 'links/ep')
    os.symlink('ep', 'links/again')
    r = command(['links/again', '--help'])
    equal((r.code, r.err), (0, ''))
    check('Usage: again' in r.out, r)
    r = command(['links/ep', '--no-install', 'missing.mp4'])
    fails(r, 3, 'there is no file missing.mp4')
    for script in (LIVE, os.path.join(ROOT, 'tests', 'run.sh')):
        remove('links/ep')
        os.symlink(script, 'links/ep')
        r = command(['links/ep', '--help'])
        equal((r.code, r.err), (0, ''))


@test
def the_command_that_is_named_can_be_run():
    r = episode('--interval', '9', '--out', 'it\'s named', film_in('mkv'))
    equal(r.code, 0)
    line = r.out.rstrip('\n').splitlines()[-1]
    check(line.endswith(' --threshold 0.5') and 'it\'' in line, line)
    r = command(['bash', '-c', line], env={'PATH': '/usr/bin:/bin'})
    equal((r.code, r.errors()), (0, []))
    check('people in' in r.out, r)


@test
def a_recording_that_cannot_be_written():
    r = command([LIVE, '--no-install', *networks(), '--seconds', '2',
                 '--record', '/nonexist/x.mkv', 'test'])
    fails(r, 5, '/nonexist/x.mkv')
    check('the input' not in r.err, r)


# ---- Ctrl-C

def interrupt(args, when, times=1, pause=.3):
    """Ctrl-C at a terminal: the whole group gets it."""
    with open('out.txt', 'wb') as out, open('err.txt', 'wb') as err:
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=err, preexec_fn=take_signals)
    try:
        wait_until(lambda: when() or p.poll() is not None, 'it to get going')
        check(p.poll() is None, 'it ended by itself: %s',
              open('err.txt').read())
        for i in range(times):
            os.killpg(p.pid, signal.SIGINT)
            time.sleep(pause)
        code = p.wait(timeout=60)
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
    with open('out.txt') as out, open('err.txt') as err:
        return Result(code, out.read(), err.read())


def slow_line(out):
    """The film, held back so that it takes minutes."""
    line = chain(film_networks(), cluster=['location=' + out])
    return [os.environ['GST_REID'], 'run', '--', *from_file(film_in('mkv')),
            '!', 'identity', 'sleep-time=20000', '!', *line]


def progress(n):
    def seen():
        with open('err.txt') as f:
            text = f.read()
        return text.count('realtime') >= n
    return seen


@test
def an_interrupt_keeps_what_was_processed():
    r = interrupt(slow_line('stopped'), progress(1))
    equal((r.code, r.errors()), (130, []))
    check('interrupted; keeping what was processed' in r.err, r)
    check('These results are partial.' in r.out, r)
    check('warning' not in r.err, r)
    run, data = whole('stopped')
    equal((run['partial'], data['partial']), (True, True))
    check(0 < data['frames'] < 460, '%d frames', data['frames'])
    check(len(data['identities']) >= 1)


@test
def an_interrupt_of_the_script():
    # the film twelve times over takes a while, and its length is not known
    with open(film() + '/film.y4m', 'rb') as f:
        head, body = f.readline(), f.read()
    with open('long.y4m', 'wb') as f:
        f.write(head)
        for i in range(12):
            f.write(body)
    r = interrupt([EPISODE, '--no-install', *networks(), 'long.y4m'],
                  progress(1))
    remove('long.y4m')
    equal((r.code, r.errors()), (130, []))
    check('These results are partial.' in r.out
          and 'The results are in long.reid/' in r.out, r)
    run, data = whole('long.reid')
    check(data['partial'] and data['frames'] < 12 * 460)


@test
def a_second_interrupt_stops_at_once():
    r = interrupt(slow_line('twice'), progress(1), times=2, pause=.02)
    equal((r.code, r.errors()), (130, []))
    no_half_files('twice')
    if left_in('twice') == OUTPUTS:
        check(read_json('twice')['partial'])
    else:
        equal(left_in('twice'), ['episode.h5.part'])


@test
def a_term_signal_is_an_interrupt():
    p = subprocess.Popen(slow_line('terminated'), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL,
                         stderr=open('err.txt', 'wb'))
    wait_until(progress(1), 'it to get going')
    p.terminate()
    equal(p.wait(timeout=60), 130)
    check(whole('terminated')[1]['partial'])


@test
def a_kill_leaves_a_readable_archive():
    p = subprocess.Popen(slow_line('killed'), stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL,
                         stderr=open('err.txt', 'wb'))
    wait_until(lambda: os.path.exists('killed/episode.h5.part')
               and os.path.getsize('killed/episode.h5.part') > 20000,
               'something to be committed')
    p.kill()
    p.wait()
    equal(left_in('killed'), ['episode.h5.part'])
    r = command([os.environ['GST_REID'], 'info', 'killed'])
    equal((r.code, r.errors()), (0, []))
    check('partial' in r.out, r)
    # and the next run takes the folder
    equal(episode(film_in('mkv'), '--out', 'killed').code, 0)
    whole('killed')


if __name__ == '__main__':
    main()
