"""Proxies of a network: HTTP CONNECT and SOCKS 5.  Every name leads to this machine."""

import base64
import contextlib
import socket
import socketserver
import struct
import threading

from wire import split_header


class Proxy:
    """Relays connections; `asked` has what for.  `credentials`: "user:password" that it wants."""

    def __init__(self, credentials=None, answer=None):
        self.credentials = credentials
        self.answer = answer  # octets to say instead of what is right
        self.asked = []
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError, EOFError):
                    proxy.serve(self.request)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @staticmethod
    def exactly(wire, count):
        octets = b""
        while len(octets) < count:
            more = wire.recv(count - len(octets))
            if not more:
                raise EOFError
            octets += more
        return octets

    def relay(self, wire, port):
        with socket.create_connection(("127.0.0.1", port)) as target:
            threading.Thread(target=self.pump, args=(target, wire), daemon=True).start()
            self.pump(wire, target)

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)


class HttpProxy(Proxy):
    scheme = "http"

    def serve(self, wire):
        octets = b""
        while (parts := split_header(octets)) is None:
            octets += wire.recv(65536)
        start, fields, _ = parts
        method, target, _ = start.split()
        self.asked.append((method, target))
        given = fields.get("proxy-authorization", "").partition("Basic ")[2]
        if self.answer is not None:
            wire.sendall(self.answer)
        elif self.credentials not in (None, base64.b64decode(given).decode()):
            wire.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n"
                         b"Content-Length: 4\r\n\r\nlost")
        else:
            wire.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.relay(wire, int(target.rpartition(":")[2]))


class SocksProxy(Proxy):
    scheme = "socks5"

    def serve(self, wire):
        if self.answer is not None:
            wire.recv(65536)
            wire.sendall(self.answer)
            wire.shutdown(socket.SHUT_WR)
            wire.recv(65536)
            return
        _, count = self.exactly(wire, 2)
        methods = self.exactly(wire, count)
        method = 2 if self.credentials else 0
        if method not in methods:
            wire.sendall(b"\x05\xff")
            return
        wire.sendall(bytes([5, method]))
        if method == 2 and not self.log_in(wire):
            return
        _, command, _, kind = self.exactly(wire, 4)
        if kind == 3:
            host = self.exactly(wire, self.exactly(wire, 1)[0]).decode()
        else:
            host = socket.inet_ntop({1: socket.AF_INET, 4: socket.AF_INET6}[kind],
                                    self.exactly(wire, {1: 4, 4: 16}[kind]))
        port, = struct.unpack("!H", self.exactly(wire, 2))
        self.asked.append((command, f"{host}:{port}"))
        wire.sendall(b"\x05\x00\x00\x03\x05proxy\x00\x00")
        self.relay(wire, port)

    def log_in(self, wire):
        _, length = self.exactly(wire, 2)
        user = self.exactly(wire, length).decode()
        password = self.exactly(wire, self.exactly(wire, 1)[0]).decode()
        good = f"{user}:{password}" == self.credentials
        wire.sendall(b"\x01\x00" if good else b"\x01\x01")
        return good
