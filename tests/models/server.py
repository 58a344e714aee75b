# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server on the loopback that has good days and bad ones. The first part
of a path says how it answers: /good/net.onnx, /stall/net.onnx.
"""
import http.server
import socket
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # ---- parts of answers

    def start(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header('Content-Length', str(length))
        if status < 300 and self.server.tag:
            self.send_header('ETag', self.server.tag)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), str(value))
        self.end_headers()

    def offset(self):
        """Where the client wants to go on; 0 when it wants all of it, or has
        a part of something else."""
        wanted = self.headers.get('Range')
        tag = self.headers.get('If-Range')
        if not wanted or (tag and tag != self.server.tag):
            return 0
        return int(wanted[len('bytes='):].split('-')[0])

    def start_body(self, data, ranges=True):
        """Headers of a good answer; the bytes that should follow."""
        at = self.offset() if ranges else 0
        if at >= len(data):
            self.start(416, 0, Content_Range='bytes */%d' % len(data))
            return b''
        if at:
            self.start(206, len(data) - at, Content_Range='bytes %d-%d/%d'
                       % (at, len(data) - 1, len(data)))
        else:
            self.start(200, len(data))
        return data[at:]

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def wait(self):
        """Says nothing until the client has gone."""
        self.wfile.flush()
        self.connection.settimeout(60)
        try:
            while self.connection.recv(1024):
                pass
        except OSError:
            pass
        self.close_connection = True

    def chunked(self, data):
        self.start(200, Transfer_Encoding='chunked')
        for i in range(0, len(data), 50000):
            piece = data[i:i + 50000]
            self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
        self.wfile.write(b'0\r\n\r\n')

    # ---- ways to answer

    def do_GET(self):
        # a proxy is asked with the whole address
        path = self.path
        if path.startswith('http://'):
            path = '/' + path.split('/', 3)[3]
        way = path.split('/')[1]
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
        try:
            getattr(self, 'way_' + way.replace('-', '_'))(self.server.data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def way_good(self, data):
        self.wfile.write(self.start_body(data))

    def way_chunked(self, data):
        self.chunked(data)

    def way_no_ranges(self, data):
        self.wfile.write(self.start_body(data, ranges=False))

    def way_drop_once(self, data):
        rest = self.start_body(data)
        self.wfile.write(rest if len(rest) < len(data) else rest[:100000])
        self.hang_up()

    def way_drop_twice(self, data):
        self.wfile.write(self.start_body(data)[:120000])
        self.hang_up()

    def way_truncated(self, data):
        """Never more than the first part."""
        rest = self.start_body(data)
        self.wfile.write(rest[:max(0, 100000 - (len(data) - len(rest)))])
        self.hang_up()

    def way_hang_up(self, data):
        self.hang_up()

    def way_stall(self, data):
        rest = self.start_body(data)
        self.wfile.write(rest if len(rest) < len(data) else rest[:100000])
        self.wait()

    def way_mute(self, data):
        self.wait()

    def way_slow(self, data):
        """A piece now and then: slower than any patience for the whole, but
        it comes."""
        rest = self.start_body(data)
        step = len(rest) // 10 + 1
        for i in range(0, len(rest), step):
            self.wfile.write(rest[i:i + step])
            self.wfile.flush()
            time.sleep(.3)

    def way_wrong(self, data):
        self.wfile.write(self.start_body(bytes(len(data))))

    def way_wrong_rest(self, data):
        """The first answer after a part is no good; then it is."""
        at = self.offset()
        self.wfile.write(self.start_body(bytes(len(data)) if at else data))

    def way_login(self, data):
        page = b'<html>Please log in</html>'
        self.start(200, len(page))
        self.wfile.write(page)

    def way_long(self, data):
        self.start(200, len(data) + 5)
        self.wfile.write(data + b'extra')

    def way_endless(self, data):
        self.chunked(data + bytes(10 ** 6))

    def way_ends_early(self, data):
        self.chunked(data[:100000])

    def way_empty(self, data):
        self.start(200, 0)

    def way_no_content(self, data):
        self.start(204)

    def way_other_range(self, data):
        if self.offset():
            self.start(206, len(data) - 5, Content_Range='bytes 5-%d/%d'
                       % (len(data) - 1, len(data)))
            self.wfile.write(data[5:])
        else:
            self.way_good(data)

    def way_other_total(self, data):
        at = self.offset()
        self.start(206, len(data) + 9 - at, Content_Range='bytes %d-%d/%d'
                   % (at, len(data) + 8, len(data) + 9))
        self.wfile.write(data[at:] + bytes(9))

    def way_not_found(self, data):
        self.start(404, 9)
        self.wfile.write(b'not there')

    def way_forbidden(self, data):
        self.start(403, 0)

    def way_busy(self, data):
        self.start(503, 0)

    def way_redirect(self, data):
        self.start(302, 0, Location='/good/elsewhere.onnx')

    def way_loop(self, data):
        self.start(302, 0, Location='/loop/again.onnx')

    def way_to_a_file(self, data):
        self.start(302, 0, Location='file:///etc/passwd')

    def way_not_http(self, data):
        self.wfile.write(b'SSH-2.0-Surprise\r\n')
        self.hang_up()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, data, tls=None):
        super().__init__(('127.0.0.1', 0), Handler)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.data = data
        self.tag = '"one"'
        self.requests = []
        self.lock = threading.Lock()
        self.url = '%s://127.0.0.1:%d' % ('https' if tls else 'http',
                                          self.server_port)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # whatever the client does, it is the client that is tested

    def take_requests(self):
        with self.lock:
            requests, self.requests = self.requests, []
        return requests
