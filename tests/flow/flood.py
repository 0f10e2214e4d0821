"""
A stranger's flood: from one address, as many connections as it can keep open, each of them a
nuisance of its own kind, until it is told to stop.

    flood.py ADDRESS PORT CONNECTIONS CERTIFICATE KEY

Says "flooding" once it is at it, and from time to time how many connections it has made.
"""

import contextlib
import itertools
import signal
import socket
import ssl
import sys
import threading

LIMIT = 5  # seconds for one nuisance
enough = threading.Event()
made = itertools.count(1)
WORD = 50  # connections from one word about them to the next


def tls(plain, identity):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity:
        context.load_cert_chain(*identity)
    return context.wrap_socket(plain)


def ask(wire, request):
    wire.sendall(request)
    while wire.recv(65536):
        pass


POST = (b"POST /.well-known/brski/requestvoucher HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/voucher-cms+json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s")
JUNK = POST % (60000, b"j" * 60000)
ENROL = (b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
         b"Content-Type: application/pkcs10\r\nContent-Length: 4\r\n\r\nMAA=")
NUISANCES = (
    lambda plain, identity: enough.wait(LIMIT),  # says nothing
    lambda plain, identity: plain.sendall(b"\x16\x03\x01\x02\x00" + b"\0" * 400),
    lambda plain, identity: ask(tls(plain, None), JUNK),
    lambda plain, identity: ask(tls(plain, identity), JUNK),
    lambda plain, identity: ask(tls(plain, identity), ENROL),
    lambda plain, identity: ask(tls(plain, None), b"GET /.well-known/est/cacerts HTTP/1.1\r\n"
                                b"Host: x\r\nConnection: close\r\n\r\n"),
    lambda plain, identity: (tls(plain, identity).sendall(JUNK[:300]), enough.wait(LIMIT)),
)


def be_a_nuisance(address, port, identity, number):
    for kind in itertools.islice(itertools.cycle(NUISANCES), number, None):
        if enough.is_set():
            return
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), LIMIT, (address, 0)) as plain:
                count = next(made)
                if count % WORD == 0:
                    print("connections", count, flush=True)
                kind(plain, identity)


def main(address, port, connections, *identity):
    signal.signal(signal.SIGTERM, lambda *_: enough.set())
    threads = [threading.Thread(target=be_a_nuisance, daemon=True,
                                args=(address, int(port), identity, number))
               for number in range(int(connections))]
    for thread in threads:
        thread.start()
    print("flooding", flush=True)
    enough.wait()
    for thread in threads:
        thread.join(LIMIT)


if __name__ == "__main__":
    main(*sys.argv[1:])
