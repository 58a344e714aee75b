#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""live.sh: a live test picture, and a file played in real time."""
import os
import re
import signal
import subprocess
import threading
import time

from harness import LIVE, Result, check, command, equal, film, film_in
from harness import gst_reid, main, read_json, take_signals, test

LINE = re.compile(r'^\d+:\d\d  person \d+ (came \((new|similarity 0\.\d\d|'
                  r'similarity 1\.00)\)|went)$')


def live(*args, **more):
    return command([LIVE, '--no-install', *args], **more)


def networks():
    return ['--detector', film() + '/detector.onnx',
            '--embedder', film() + '/colour.onnx']


def fails(r, code, word):
    check(r.code == code and len(r.errors()) == 1 and word in r.errors()[0],
          'not %d and "%s": %s', code, word, r)


class Played:
    """live.sh in the background; lines with the time at which they came."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [LIVE, '--no-install', *networks(), *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=open('live-err.txt', 'wb'), preexec_fn=take_signals)
        self.lines = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.decode().rstrip('\n')))

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def presence(self):
        return [(when, line) for when, line in list(self.lines)
                if ' person ' in line]

    def end(self):
        code = self.process.wait(timeout=120)
        self.reader.join()
        with open('live-err.txt') as f:
            self.result = Result(code, '\n'.join(x for _, x in self.lines),
                                 f.read())
        return time.monotonic()


@test
def wrong_arguments():
    fails(live(), 2, 'no source was named')
    fails(live('test', '--seconds', 'ten'), 2, '"ten"')
    fails(live('test', '--seconds', '0'), 2, '"0"')
    fails(live('test', 'test'), 2, 'more than one source')
    fails(live('test', '--frobnicate'), 2, '--frobnicate')
    fails(live('--record'), 2, '--record needs a value')
    fails(live('missing.mp4'), 3, 'there is no file missing.mp4')
    fails(live('/dev/video99'), 3, 'there is no camera /dev/video99')
    fails(live('.'), 3, 'is a folder')
    r = live('--help')
    equal((r.code, r.err), (0, ''))
    check('Usage: live.sh' in r.out and 'rtsp://' in r.out, r)


@test
def a_live_picture_without_people():
    start = time.monotonic()
    r = live(*networks(), 'test', '--seconds', '3')
    equal((r.code, r.errors()), (0, []))
    check(time.monotonic() - start >= 3, 'ended too early')
    check('Nobody was found.' in r.out and 'partial' not in r.out, r)
    check('is-live=true' in r.out, r)


@test
def a_file_in_real_time():
    p = Played(film_in('mkv'), '--out', 'live of film',
               '--record', 'live record.mkv')
    end = p.end()
    r = p.result
    equal((r.code, r.errors()), (0, []))
    lines = p.presence()
    for when, line in lines:
        check(LINE.match(line), line)
    # who came, and went, while the film still ran: 18.4 s of it
    early = [line for when, line in lines if when < end - 5]
    came = [line for line in early if 'came' in line]
    went = [line for line in early if 'went' in line]
    check(len(came) >= 8 and len(went) >= 6, '%s', early)
    spread = lines[-1][0] - lines[0][0]
    check(spread > 10, 'all within %.1f s', spread)
    # those who come back are known again
    check(any('similarity' in line for line in came), '%s', early)
    people = {re.search(r'person (\d+)', line).group(1) for _, line in lines}
    check(len(people) >= 6, 'people %s', sorted(people))
    check('The results are in live of film/' in r.out, r)
    data = read_json('live of film')
    check(not data['partial'] and len(data['identities']) >= 6, '%d people',
          len(data['identities']))
    # the recording is whole: it can be read to its end
    r = gst_reid(['filesrc', 'location=live record.mkv', '!', 'decodebin'],
                 ['fakesink', 'sync=false'])
    equal((r.code, r.err), (0, ''))
    check(os.path.getsize('live record.mkv') > 100000)


@test
def an_interrupt_keeps_the_archive_and_the_recording():
    p = Played(film_in('mkv'), '--out', 'stopped', '--record', 'stopped.mkv')
    end = time.monotonic() + 60
    while not p.presence() and time.monotonic() < end:
        time.sleep(.1)
    check(p.presence(), 'nobody came')
    p.interrupt()
    p.end()
    equal((p.result.code, p.result.errors()), (130, []))
    check('These results are partial.' in p.result.out, p.result)
    check(read_json('stopped')['partial'])
    r = gst_reid(['filesrc', 'location=stopped.mkv', '!', 'decodebin'],
                 ['fakesink', 'sync=false'])
    equal((r.code, r.err), (0, ''))


@test
def a_recording_that_cannot_be_written():
    fails(live(*networks(), 'test', '--seconds', '3', '--record',
               'nowhere/x.mkv'), 5, 'nowhere/x.mkv')


if __name__ == '__main__':
    main()
