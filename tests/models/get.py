#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`gst-reid models get` against a web server that misbehaves. TAP on stdout.

    get.py GST-REID [CURL] [TEST...]

CURL is 0 where gst-reid was built without libcurl.
"""
import hashlib
import os
import pty
import random
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Server  # noqa: E402

REID = os.path.abspath(sys.argv[1])
DATA = random.Random(1).randbytes(300000)
SHA256 = hashlib.sha256(DATA).hexdigest()
FILE = 'net.onnx'
PART = '%s.%s.part' % (FILE, SHA256[:12])

tests = []


class Failed(Exception):
    pass


class Skip(Exception):
    """The reason must stand in tests/skips.allow."""


def test(function):
    tests.append(function)
    return function


def check(ok, what):
    if not ok:
        raise Failed(what)


def equal(got, want, what=''):
    check(got == want, '%s: %r instead of %r' % (what, got, want))


class Result:
    def __init__(self, process, out, err):
        self.code, self.out, self.err = process.returncode, out, err

    def __str__(self):
        return 'exit code %s\nout: %s\nerr: %s' % (self.code, self.out,
                                                   self.err)


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)


def write_index(way, name='net', **changes):
    """An index of one network, which the server answers for in some way."""
    keys = {'url': '%s/%s/%s' % (server.url, way, FILE), 'file': FILE,
            'sha256': SHA256, 'size': len(DATA), 'role': 'detector',
            'licence': 'MIT', 'author': 'Somebody',
            'licence-url': server.url + '/LICENSE'}
    keys.update(changes)
    write('index', '[%s]\n' % name + ''.join(
        '%s=%s\n' % (k.replace('_', '-'), v) for k, v in keys.items()
        if v is not None))


def add_to_index(way, **changes):
    with open('index') as f:
        before = f.read()
    write_index(way, **changes)
    with open('index') as f:
        after = f.read()
    write('index', before + after)


def start(*args, env=(), **how):
    how.setdefault('stdin', subprocess.DEVNULL)
    how.setdefault('stderr', subprocess.PIPE)
    return subprocess.Popen(
        [REID, 'models', *args], stdout=subprocess.PIPE, text=True,
        errors='replace', env={**os.environ, **dict(env)}, **how)


def models(*args, **how):
    process = start(*args, **how)
    out, err = process.communicate(timeout=300)
    return Result(process, out, err)


def get(*args, timeout=60, **how):
    """The timeout is short only where it is meant to run out: a busy machine
    takes its time."""
    return models('get', '--yes', '--timeout', str(timeout), '--dir', 'd',
                  *(args or ['net']), **how)


def left():
    return sorted(os.listdir('d')) if os.path.isdir('d') else []


def content(name):
    with open(os.path.join('d', name), 'rb') as f:
        return f.read()


def put(name, data):
    os.makedirs('d', exist_ok=True)
    with open(os.path.join('d', name), 'wb') as f:
        f.write(data)


def good(result, what=''):
    check(result.code == 0, '%s %s' % (what, result))
    check('error' not in result.err, '%s %s' % (what, result))
    equal(left(), [FILE], 'left in the folder')
    check(content(FILE) == DATA, 'the content is another')


def bad(result, code, *words, keeps=None):
    """One line of error that holds the words; nothing under the final name."""
    equal(result.code, code, str(result))
    lines = [line for line in result.err.splitlines()
             if line.startswith('gst-reid: error: ')]
    check(len(lines) == 1, 'not one line of error: %s' % result)
    for word in words:
        check(word in lines[0], '"%s" is not in: %s' % (word, lines[0]))
    names = [n for n in left() if not n.endswith('.etag')]
    equal(names, [] if keeps is None else [PART], 'left in the folder')
    if keeps is not None:
        equal(len(content(PART)), keeps, 'bytes kept')


# ---- what goes well

@test
def a_good_answer():
    write_index('good')
    r = get()
    good(r)
    for word in ('net: a face detector, 293.0 KiB', 'Somebody', 'MIT',
                 server.url + '/LICENSE', server.url + '/good/net.onnx',
                 'd/net.onnx'):
        check(word in r.out, '"%s" is not in %s' % (word, r))
    check('%' not in r.err, 'progress without a terminal: %s' % r)
    agent = server.take_requests()[0][1]['User-Agent']
    check(agent.startswith('gst-reid/'), agent)
    mode = stat.S_IMODE(os.stat('d/net.onnx').st_mode)
    umask = os.umask(0)
    os.umask(umask)
    equal(mode, 0o666 & ~umask, 'its permissions')


@test
def names_in_any_case_and_each_once():
    write_index('good', name='Net-One')
    good(get('NET-ONE', 'net-one'))
    equal(len(server.take_requests()), 1, 'requests')


@test
def once_more_is_no_download():
    write_index('good')
    good(get())
    server.take_requests()
    r = models('get', '--dir', 'd', 'net')  # nothing to accept
    good(r)
    check('is there already' in r.out, str(r))
    equal(server.take_requests(), [], 'requests')


@test
def an_answer_without_a_length():
    write_index('chunked')
    good(get())


@test
def a_redirect():
    write_index('redirect')
    good(get())
    equal([p for p, _ in server.take_requests()],
          ['/redirect/net.onnx', '/good/elsewhere.onnx'], 'asked for')


@test
def a_slow_answer():
    write_index('slow')
    began = time.monotonic()
    good(get(timeout=2))  # the whole takes longer
    check(time.monotonic() - began > 2, 'the server was not slow')


@test
def a_proxy():
    write_index('good', url='http://nowhere.invalid/good/net.onnx')
    good(get(env={'http_proxy': server.url}))
    equal(server.take_requests()[0][0], 'http://nowhere.invalid/good/net.onnx',
          'asked for')


@test
def the_users_data_folder_by_default():
    write_index('good')
    env = {'XDG_DATA_HOME': os.path.abspath('data'), 'REID_MODEL_PATH': ''}
    r = models('get', '-y', 'net', env=env)
    equal(r.code, 0, str(r))
    check('warning' not in r.err, str(r))
    with open('data/gst-reid/models/net.onnx', 'rb') as f:
        check(f.read() == DATA, 'the content is another')
    r = models(env=env)
    check(re.search(r'^ +net +detector +293.0 KiB +MIT +%s +.*/net.onnx$'
                    % SHA256[:12], r.out, re.M), str(r))


@test
def a_folder_that_is_not_searched():
    write_index('good')
    r = get(env={'REID_MODEL_PATH': ''})
    check('warning' in r.err and 'REID_MODEL_PATH' in r.err, str(r))
    os.remove('d/net.onnx')
    r = get(env={'REID_MODEL_PATH': os.path.abspath('d')})
    check(r.code == 0 and 'warning' not in r.err, str(r))


@test
def one_that_fails_keeps_nobody_from_the_others():
    write_index('not-found', name='gone', file='gone.onnx')
    add_to_index('good')
    r = get('gone', 'net')
    equal(r.code, 3, str(r))
    equal(left(), [FILE], 'left in the folder')


# ---- going on

@test
def a_part_is_completed():
    write_index('good')
    put(PART, DATA[:123456])
    put(PART + '.etag', b'"one"')
    good(get())
    requests = server.take_requests()
    equal(len(requests), 1, 'requests')
    equal(requests[0][1].get('Range'), 'bytes=123456-', 'Range')
    equal(requests[0][1].get('If-Range'), '"one"', 'If-Range')


@test
def a_part_of_another_revision():
    write_index('good')
    put(PART, bytes(123456))
    put(PART + '.etag', b'"two"')
    good(get())
    equal(len(server.take_requests()), 1, 'requests')


@test
def a_part_without_a_tag_that_turns_out_wrong():
    write_index('good')
    put(PART, bytes(123456))
    good(get())
    requests = server.take_requests()
    equal([r.get('Range') for _, r in requests], ['bytes=123456-', None],
          'Range')


@test
def a_tag_that_somebody_spoilt():
    write_index('good')
    put(PART, DATA[:1000])
    put(PART + '.etag', b'"one"\r\nX-Evil: yes')
    good(get())
    headers = server.take_requests()[0][1]
    check('X-Evil' not in headers and 'If-Range' not in headers, headers)


@test
def a_part_of_another_pin():
    write_index('good')
    put('%s.%s.part' % (FILE, '0' * 12), bytes(1000))
    r = get()
    equal(r.code, 0, str(r))
    equal(server.take_requests()[0][1].get('Range'), None, 'Range')
    check(content(FILE) == DATA, 'the content is another')


@test
def a_server_that_ignores_ranges():
    write_index('no-ranges')
    put(PART, DATA[:123456])
    good(get())
    equal(len(server.take_requests()), 1, 'requests')


@test
def a_server_that_sends_another_range():
    write_index('other-range')
    put(PART, DATA[:123456])
    good(get())
    equal(len(server.take_requests()), 2, 'requests')


@test
def a_server_that_has_less():
    write_index('truncated')
    put(PART, DATA[:200000])
    server.data = DATA[:150000]  # 416
    try:
        bad(get(), 3, '150000 bytes instead of 300000')
    finally:
        server.data = DATA


@test
def a_rest_that_is_wrong():
    write_index('wrong-rest')
    put(PART, DATA[:123456])
    good(get())
    equal(len(server.take_requests()), 2, 'requests')


@test
def a_whole_part_needs_no_server():
    write_index('good')
    put(PART, DATA)
    good(get())
    equal(server.take_requests(), [], 'requests')


@test
def a_part_that_is_too_long():
    write_index('good')
    put(PART, DATA + b'x')
    good(get())


@test
def a_connection_that_drops_midway():
    write_index('drop-once')
    good(get())
    requests = server.take_requests()
    equal([r.get('Range') for _, r in requests], [None, 'bytes=100000-'],
          'Range')
    equal(requests[1][1].get('If-Range'), '"one"', 'If-Range')


@test
def a_connection_that_drops_again_and_again():
    write_index('drop-twice')
    good(get())
    equal(len(server.take_requests()), 3, 'requests')


@test
def a_revision_that_changes_midway():
    write_index('drop-once')
    server.tag = 'W/"weak"'
    try:
        good(get())
        equal([r.get('If-Range') for _, r in server.take_requests()],
              [None, None], 'If-Range')
    finally:
        server.tag = '"one"'


@test
def a_truncated_answer_and_then_a_good_one():
    write_index('truncated')
    bad(get(), 3, '/truncated/net.onnx', 'the connection broke',
        '100000 of 300000 bytes are kept', 'the same command', keeps=100000)
    write_index('good')
    server.take_requests()
    good(get())
    equal(server.take_requests()[0][1].get('Range'), 'bytes=100000-', 'Range')


@test
def a_stall_and_then_a_good_one():
    write_index('stall')
    began = time.monotonic()
    bad(get(timeout=2), 3, 'nothing came for 2 s', '--timeout',
        '/stall/net.onnx', keeps=100000)
    check(time.monotonic() - began < 60, 'it took long')
    write_index('good')
    good(get())


@test
def an_interrupt_and_then_a_good_one():
    write_index('stall')
    for number in (signal.SIGINT, signal.SIGTERM):
        p = start('get', '--yes', '--dir', 'd', 'net')
        wait_for_part(100000)
        p.send_signal(number)
        began = time.monotonic()
        out, err = p.communicate(timeout=100)
        check(time.monotonic() - began < 30, 'it took long to stop')
        bad(Result(p, out, err), 130, 'interrupted', '100000 of 300000 bytes '
            'are kept', keeps=100000)
        # drop the part for the next signal, keep the last
        if number == signal.SIGINT:
            shutil.rmtree('d')
    write_index('good')
    good(get())


def wait_for_part(size):
    for _ in range(3000):
        try:
            if os.stat(os.path.join('d', PART)).st_size >= size:
                return
        except OSError:
            pass
        time.sleep(.02)
    raise Failed('no part of %d bytes' % size)


@test
def an_interrupt_skips_the_others():
    write_index('mute')
    add_to_index('good', name='other', file='other.onnx')
    p = start('get', '--yes', '--dir', 'd', 'net', 'other')
    for _ in range(1000):
        if server.requests:
            break
        time.sleep(.02)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=100)
    bad(Result(p, out, err), 130, 'interrupted')


@test
def two_at_once():
    write_index('stall')
    p = start('get', '--yes', '--dir', 'd', 'net')
    wait_for_part(100000)
    bad(get(), 5, 'by another process', 'd/net.onnx', keeps=100000)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=100)


# ---- what is refused

@test
def a_wrong_hash():
    write_index('wrong')
    bad(get(), 3, 'is not the file that is known', '/wrong/net.onnx', SHA256,
        hashlib.sha256(bytes(len(DATA))).hexdigest())


@test
def a_page_instead_of_the_file():
    write_index('login')
    bad(get(), 3, '26 bytes instead of 300000', 'login page')


@test
def a_length_that_is_too_much():
    write_index('long')
    bad(get(), 3, '300005 bytes instead of 300000')


@test
def an_answer_that_does_not_end():
    write_index('endless')
    bad(get(), 3, 'goes on after the 300000 bytes')


@test
def an_answer_that_ends_early():
    write_index('ends-early')
    bad(get(), 3, 'ended after 100000 of 300000', keeps=100000)


@test
def a_rest_of_another_total():
    write_index('other-total')
    put(PART, DATA[:1000])
    bad(get(), 3, '300009 bytes instead of 300000', keeps=1000)


@test
def empty_answers():
    write_index('empty')
    bad(get(), 3, '0 bytes instead of 300000')
    write_index('no-content')
    bad(get(), 3, 'status 204')


@test
def statuses():
    for way, words in (('not-found', ('404', SHA256, 'd/net.onnx')),
                       ('forbidden', ('403', 'browser')),
                       ('busy', ('503', 'later'))):
        write_index(way)
        bad(get(), 3, '/%s/net.onnx' % way, *words)


@test
def a_status_keeps_the_part():
    write_index('busy')
    put(PART, DATA[:1000])
    bad(get(), 3, '503', keeps=1000)


@test
def redirects_that_lead_nowhere():
    write_index('loop')
    bad(get(), 3, '/loop/net.onnx', 'another place')
    write_index('to-a-file')
    bad(get(), 3, '/to-a-file/net.onnx', 'another place')


@test
def no_answer():
    write_index('hang-up')
    bad(get(), 3, '/hang-up/net.onnx', 'the connection broke')
    write_index('mute')
    bad(get(timeout=2), 3, '/mute/net.onnx', 'nothing came for 2 s')
    write_index('not-http')
    bad(get(), 3, '/not-http/net.onnx')


@test
def no_server():
    with socket.socket() as s:  # a port that nobody listens at
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    write_index('good', url='http://127.0.0.1:%d/net.onnx' % port)
    bad(get(), 3, 'cannot be reached', 'https_proxy')
    write_index('good', url='http://nowhere.invalid/net.onnx')
    bad(get(), 3, 'cannot be reached', 'nowhere.invalid')


@test
def a_server_that_cannot_be_trusted():
    if not shutil.which('openssl'):
        raise Skip('needs openssl')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                    '-keyout', 'key', '-out', 'cert', '-days', '2', '-subj',
                    '/CN=127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain('cert', 'key')
    secure = Server(DATA, tls)
    write_index('good', url=secure.url + '/good/net.onnx')
    bad(get(), 3, 'ca-certificates', secure.url)
    equal(secure.take_requests(), [], 'requests')
    secure.shutdown()
    # and none that speaks no TLS at all
    write_index('good', url=server.url.replace('http:', 'https:') + '/good/n')
    bad(get(), 3, 'no connection that can be trusted')


# ---- the folder

@test
def another_file_of_that_name():
    write_index('good')
    put(FILE, b'my own network')
    r = get()
    equal(r.code, 5, str(r))
    check('is another file' in r.err and '--dir' in r.err, str(r))
    equal(content(FILE), b'my own network', 'its content')
    os.remove('d/net.onnx')
    os.symlink('/nowhere/at/all', 'd/net.onnx')
    r = get()
    equal(r.code, 5, str(r))
    check(os.path.islink('d/net.onnx'), 'the link is gone')
    equal(server.take_requests(), [], 'requests')


@test
def folders_that_cannot_be():
    write_index('good')
    write('file', '')
    r = models('get', '-y', '--dir', 'file/below', 'net')
    equal(r.code, 5, str(r))
    check('file/below' in r.err and '--dir' in r.err, str(r))
    os.mkdir('d')
    os.mkdir(os.path.join('d', PART))
    r = get()
    equal(r.code, 5, str(r))
    check(PART in r.err, str(r))


@test
def a_part_that_is_a_link():
    write_index('good')
    write('victim', 'precious')
    os.mkdir('d')
    os.symlink('../victim', os.path.join('d', PART))
    r = get()
    equal(r.code, 5, str(r))
    with open('victim') as f:
        equal(f.read(), 'precious', 'what the link leads to')


@test
def a_full_disk():
    write_index('good')

    def limit():
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    bad(get(preexec_fn=limit), 5, PART, 'make room', keeps=100000)
    good(get())


# ---- consent

def answer(text, *args):
    """With a terminal as stdin and stderr; what was printed on it."""
    ours, theirs = pty.openpty()
    p = start('get', '--dir', 'd', *args, 'net', stdin=theirs, stderr=theirs)
    os.close(theirs)
    if text:
        os.write(ours, text)
    out = p.stdout.read()
    shown = b''
    try:
        while True:
            piece = os.read(ours, 4096)
            if not piece:
                break
            shown += piece
    except OSError:
        pass
    p.wait()
    os.close(ours)
    p.stdout.close()
    return Result(p, out, shown.decode(errors='replace').replace('\r\n', '\n'))


@test
def nobody_to_ask():
    write_index('good')
    r = models('get', '--dir', 'd', 'net')
    bad(r, 2, '--yes')
    check('MIT' in r.out, str(r))
    equal(server.take_requests(), [], 'requests')


@test
def consent():
    write_index('good')
    for no in (b'n\n', b'\n', b'nay\n', b'\x04'):
        r = answer(no)
        equal(r.code, 1, str(r))
        check('not accepted' in r.err, str(r))
        equal(server.take_requests(), [], 'requests')
        equal(left(), [], 'left in the folder')
    r = answer(b'Yes\n')
    equal(r.code, 0, str(r))
    check(r.out.index('MIT') < r.out.index('Accept'), str(r))
    equal(left(), [FILE], 'left in the folder')


@test
def an_interrupt_at_the_question():
    write_index('good')
    ours, theirs = pty.openpty()
    p = start('get', '--dir', 'd', 'net', stdin=theirs)
    shown = ''
    while 'Accept' not in shown:
        shown += p.stdout.read(1)
    time.sleep(.2)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    equal(p.returncode, 130, 'exit code')
    equal(left(), [], 'left in the folder')


@test
def progress_on_a_terminal():
    write_index('slow')
    r = answer(b'', '--yes')
    equal(r.code, 0, str(r))
    check(re.search(r'net +\d+ % of 293.0 KiB', r.err), str(r))
    check(r.err.endswith('\r\033[K') or 'warning' in r.err, repr(r.err))


# ---- usage

@test
def usage():
    write_index('good')
    for args, words in (([], ('usage', 'net')), (['nobody'], ('"nobody"',
                                                              'net')),
                        (['--frobnicate', 'net'], ('frobnicate',)),
                        (['--timeout', '0', 'net'], ('timeout',)),
                        (['--timeout', 'x', 'net'], ('timeout',)),
                        (['--dir', '', 'net'], ('--dir',)),
                        (['--list', 'net'], ('--list',))):
        r = models('get', '--yes', *args)
        bad(r, 2, *words)
    r = models('get', '--help')
    check(r.code == 0 and '--yes' in r.out and '--dir' in r.out, str(r))
    equal(server.take_requests(), [], 'requests')


@test
def a_list():
    write_index('good')
    r = models('get', '--list')
    equal(r.code, 0, str(r))
    check(re.search(r'^ +net +detector +293.0 KiB +MIT +Somebody$', r.out,
                    re.M), str(r))


@test
def an_index_that_is_wrong():
    for key, value in (('url', None), ('url', 'ftp://x/y'),
                       ('file', '../x.onnx'), ('file', '.x.onnx'),
                       ('file', 'x.txt'), ('sha256', None),
                       ('sha256', SHA256[:-1]), ('sha256', 'g' * 64),
                       ('size', 0), ('size', -1), ('size', 'many'),
                       ('size', 10 ** 15), ('role', 'both'), ('licence', ''),
                       ('licence', None), ('untried', 'maybe')):
        write_index('good', **{key: value})
        bad(get(), 3, 'index: [net] %s must be' % key)
    write('index', 'no key file')
    bad(get(), 3, 'REID_MODEL_INDEX')
    os.remove('index')
    bad(get(), 3, 'REID_MODEL_INDEX', 'index')
    r = models()
    equal(r.code, 3, str(r))
    check('REID_MODEL_INDEX' in r.err, str(r))


@test
def a_hash_in_capitals():
    write_index('good', sha256=SHA256.upper())
    good(get())


@test
def untried():
    write_index('good', untried='true')
    r = get()
    check('never run' in r.out, str(r))
    r = models(env={'REID_MODEL_PATH': 'd'})
    check('never run' in r.out and re.search('^ +net +detector', r.out, re.M),
          str(r))


@test
def without_an_index_the_built_in_one():
    env = {'REID_MODEL_INDEX': ''}
    r = models('get', '--list', env=env)
    for name in ('yunet', 'ultralight-rfb', 'blazeface', 'mobilefacenet',
                 'sface'):
        check(re.search('^ +%s +' % name, r.out, re.M), str(r))
    r = models('get', '--yes', 'nobody', env=env)
    bad(r, 2, 'yunet, ', 'mobilefacenet')


def without_curl():
    write_index('good')
    bad(get(), 1, 'built without libcurl', server.url + '/good/net.onnx',
        'd/net.onnx')
    r = models()
    check(r.code == 0 and re.search('^ +net +detector', r.out, re.M), str(r))


def run_all(selected):
    status = 0
    for i, function in enumerate(selected, 1):
        name = function.__name__.replace('_', ' ')
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.environ['REID_MODEL_INDEX'] = os.path.join(folder, 'index')
        server.take_requests()
        try:
            function()
            print('ok %d - %s' % (i, name))
        except Skip as e:
            print('ok %d - %s # SKIP %s' % (i, name, e))
        except Exception as e:
            status = 1
            for line in ('%s: %s' % (type(e).__name__, e)).splitlines():
                print('# ' + line)
            print('not ok %d - %s' % (i, name))
        sys.stdout.flush()
        os.chdir('/')
        shutil.rmtree(folder, ignore_errors=True)
    print('1..%d' % len(selected))
    return status


for variable in ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy',
                 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'):
    os.environ.pop(variable, None)
os.environ['LC_ALL'] = 'C.UTF-8'
server = Server(DATA)
if len(sys.argv) > 2 and sys.argv[2] == '0':
    tests = [without_curl]
chosen = [t for t in tests if not sys.argv[3:]
          or any(word in t.__name__ for word in sys.argv[3:])]
sys.exit(run_all(chosen))
