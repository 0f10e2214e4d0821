"""The owner's token, seen with pkcs11-tool."""

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path

from certs import check_signature
from cryptography.hazmat.primitives import hashes
from wrong import Wrong, want

MODULE = os.environ.get("GATEHOUSE_PKCS11", "/usr/lib/softhsm/libsofthsm2.so")
LABEL = "gatehouse"
PIN = "GATEHOUSE_TOKEN_PIN"  # the variable in which pkcs11-tool finds it
CHALLENGE = b"who holds this key?"


class Token:
    """The token below the owner's folder, wherever the folder has been moved to."""

    def __init__(self, scene):
        self.tokens = scene.owner / "tokens"
        self.pin = (scene.owner / "pin").read_text().strip()
        self.objects = read_listing(self.run("--login", "--list-objects").stdout.decode())

    def run(self, *arguments):
        with tempfile.TemporaryDirectory() as scratch:
            configuration = Path(scratch) / "softhsm2.conf"
            configuration.write_text(f"directories.tokendir = {self.tokens}\n"
                                     "objectstore.backend = file\nlog.level = ERROR\n")
            env = dict(os.environ, SOFTHSM2_CONF=str(configuration), **{PIN: self.pin})
            run = subprocess.run(
                ["pkcs11-tool", "--module", MODULE, "--token-label", LABEL, "--pin", f"env:{PIN}",
                 *arguments], capture_output=True, env=env)
        want(run.returncode == 0, f"pkcs11-tool: {run.stderr.decode(errors='replace')[:200]}")
        return run

    def find(self, spki):
        """The identifier of the public key object that is this key; None when there is none."""
        for kind, facts in self.objects:
            if kind == "Public" and self.run("--read-object", "--type", "pubkey",
                                             "--id", facts["ID"]).stdout == spki:
                return facts["ID"]
        return None

    def private_access(self, identifier):
        """What the token says of the private key with that identifier."""
        for kind, facts in self.objects:
            if kind == "Private" and facts["ID"] == identifier:
                return set(facts.get("Access", "").split(", "))
        return set()

    def check_signing(self, identifier, key):
        """The private key with that identifier is that of the public key given."""
        want(identifier, "no such object in the token")
        with tempfile.TemporaryDirectory() as scratch:
            digest, signature = Path(scratch) / "digest", Path(scratch) / "signature"
            digest.write_bytes(hashlib.sha256(CHALLENGE).digest())
            self.run("--login", "--sign", "--id", identifier, "--mechanism", "ECDSA",
                     "--signature-format", "openssl", "--input-file", str(digest),
                     "--output-file", str(signature))
            check_signature(key, hashes.SHA256(), signature.read_bytes(), CHALLENGE)


def read_listing(text):
    """(kind, what is said of it) for each key object."""
    objects = []
    for line in text.splitlines():
        head = re.match(r"(Public|Private) Key Object", line)
        fact = re.match(r"\s+(\w+):\s+(.*)", line)
        if head:
            objects.append((head[1], {}))
        elif fact and objects:
            objects[-1][1][fact[1]] = fact[2].strip()
    if not objects:
        raise Wrong("the token shows no keys")
    return objects
