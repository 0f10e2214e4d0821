"""
A machine in the middle: ends TLS with a certificate of its own, and carries what it hears to the
registrar over a TLS connection of its own.  It has no pledge's key, so there it is nobody, or a
device of its own when it has one.

    intercepting_proxy.py PORT TARGET-PORT CERTIFICATE KEY [IDEVID IDEVID-KEY]
"""

import contextlib
import signal
import socket
import ssl
import sys
import threading


def carry(source, sink):
    """Until one of them has had enough."""
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            sink.sendall(octets)
    for wire in (source, sink):
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)


def meet(plain, target, inward, outward):
    try:
        victim = inward.wrap_socket(plain, server_side=True)
        registrar = outward.wrap_socket(socket.create_connection(("127.0.0.1", target)))
    except OSError:
        plain.close()
        return
    threading.Thread(target=carry, args=(registrar, victim), daemon=True).start()
    carry(victim, registrar)


def main(port, target, certificate, key, *identity):
    inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inward.load_cert_chain(certificate, key)
    outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    outward.check_hostname = False
    outward.verify_mode = ssl.CERT_NONE
    if identity:
        outward.load_cert_chain(*identity)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.create_server(("127.0.0.1", int(port))) as listener:
        print("listening", flush=True)
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=meet, args=(plain, int(target), inward, outward),
                             daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
