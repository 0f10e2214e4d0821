"""HTTP/1.1 by hand on Python's TLS: what a client may send, and all that it may not."""

import contextlib
import ssl
import socket
import time
from dataclasses import dataclass, field

HOST = "registrar.owner.example"
PATIENCE = 30  # seconds for one read
HEADER_END = b"\r\n\r\n"


class Hangup(ConnectionError):
    """The peer closed the connection before a whole answer had come."""


@dataclass
class Response:
    """An answer; header names are in lower case."""

    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def media_type(self):
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def retry_after(self):
        """Whole seconds; None when the header is missing or is no number of seconds."""
        value = self.headers.get("retry-after", "")
        return int(value) if value.isdigit() else None


def split_header(octets):
    """
    Start line, fields and what has come of the body; None while the header is not whole.  What is
    there more than once is joined (RFC 9110 5.3).
    """
    head, end, rest = octets.partition(HEADER_END)
    if not end:
        return None
    start, *lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return start, fields, rest


def header(method, path, fields):
    """The octets of a request's header."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode() + HEADER_END


def drip(wire, octets, pause=0.2, limit=PATIENCE):
    """
    Sends octet by octet over a socket, never idle for long.  True when the peer cuts the
    connection; False when all was taken, or nothing happened within the limit.
    """
    wire.settimeout(pause)
    end = time.monotonic() + limit
    for octet in octets:
        try:
            wire.sendall(bytes([octet]))
            if wire.recv(1) == b"":
                return True
        except TimeoutError:
            if time.monotonic() > end:
                return False
        except OSError:
            return True
    return False


class Wire:
    """
    One connection.  `identity` is a pair of PEM files (certificates, key).  Without `anchors` the
    server is believed for the time being, as a pledge does (RFC 8995 5.1); with them, PEM text, it
    must lead to them and have the name; `partial`: one that signed nobody's certificate, not even
    its own, is good as an anchor, too.  `name` is what SNI says; None: no SNI.
    """

    def __init__(self, port, identity=None, tls=None, anchors=None, limit=PATIENCE, name=HOST,
                 address="127.0.0.1", partial=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if anchors is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(cadata=anchors)
            if partial:
                context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if tls is not None:
            version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls]
            context.minimum_version = context.maximum_version = version
        if identity is not None:
            context.load_cert_chain(*map(str, identity))
        plain = socket.create_connection((address, port), timeout=limit)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name)
        except OSError:
            plain.close()
            raise
        self.limit = limit
        self.ahead = b""  # came with the answer before it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def server_certificate(self):
        """DER of the certificate that the server showed on this very connection."""
        return self.socket.getpeercert(binary_form=True)

    @property
    def tls_version(self):
        return self.socket.version()

    def send(self, octets):
        self.socket.sendall(octets)

    def finish_sending(self):
        """Says that nothing more will come, and still listens."""
        with contextlib.suppress(OSError):
            self.socket.unwrap()

    def _more(self):
        try:
            octets = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError(f"no answer within {self.limit} s") from None
        if not octets:
            raise Hangup("closed by the peer")
        return octets

    def receive(self):
        """The next answer; Hangup when the connection ends before it is whole."""
        while (parts := split_header(self.ahead)) is None:
            self.ahead += self._more()
        start, fields, body = parts
        length = int(fields.get("content-length", "0"))
        while len(body) < length:
            body += self._more()
        self.ahead = body[length:]
        return Response(int(start.split()[1]), fields, body[:length])

    def request(self, method, path, body=None, **fields):
        """One exchange.  Fields are named with "_" for "-"; None leaves a usual one out."""
        usual = {"host": HOST}
        if body is not None:
            usual["content-length"] = len(body)
        usual.update({name.replace("_", "-"): value for name, value in fields.items()})
        usual = {name: value for name, value in usual.items() if value is not None}
        self.send(header(method, path, usual) + (body or b""))
        return self.receive()

    def is_closed(self):
        """Whether the peer has closed, or does so while we wait."""
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
