"""The owner's keys and store."""

import json
import os
import re
import subprocess
from pathlib import Path

from plan import once
from hsm import Token
from wrong import Wrong, want, want_equal

ROOT = Path(__file__).resolve().parents[2]
ACCESS = {"sensitive", "always sensitive", "never extractable", "local"}
# Private keys as they lie in files: PEM of any kind, and DER or base64 of PKCS#8 (RFC 5958),
# SEC 1 (RFC 5915) and PKCS#1 (RFC 8017), by what stands at their beginning.
PRIVATE_KEYS = re.compile(
    rb"PRIVATE KEY-----"
    rb"|\x02\x01[\x00\x01]\x30[\x05-\x40]\x06[\x03-\x09]"
    rb"(?:\x2a\x86\x48\xce\x3d\x02\x01|\x2a\x86\x48\x86\xf7\x0d\x01\x01|\x2b\x65[\x6e-\x71])"
    rb"|\x30.\x02\x01\x01\x04[\x20\x30\x42]|\x30\x81.\x02\x01\x01\x04[\x20\x30\x42]"
    rb"|\x30\x82..\x02\x01\x00\x02\x82..\x00"
    rb"|AgEAMBMGByqGSM49AgEG|AgEAMA0GCSqGSIb3DQEBAQ|AgEAMAUGAytl", re.S)


def owners_keys(scene):
    """The certificates whose keys must be in the token, by what they are for."""
    signers = {pledge.registrars_request.signer_certificate().spki:
               pledge.registrars_request.signer_certificate() for pledge in scene.pledges}
    want_equal("number of keys that signed requests", len(signers), 1)
    return {"TLS server": scene.pledges[0].seen_registrar, "voucher requests":
            next(iter(signers.values())), "root": scene.root, "registrar CA": scene.registrar_ca,
            "device CA": scene.device_ca}


@once("the keys of TLS server, voucher requests, root, registrar CA and device CA are in the token")
def keys_are_in_token(scene):
    token = Token(scene)
    for use, certificate in owners_keys(scene).items():
        want(token.find(certificate.spki), f"{use}: no object of the token has this public key")


@once("those private keys are sensitive, never extractable, and were made in the token")
def keys_are_locked_in(scene):
    token = Token(scene)
    for use, certificate in owners_keys(scene).items():
        access = token.private_access(token.find(certificate.spki))
        want(ACCESS <= access, f"{use}: {', '.join(sorted(access)) or 'no private key'}")


@once("what the token signs with them verifies with the certificates")
def keys_sign(scene):
    token = Token(scene)
    for use, certificate in owners_keys(scene).items():
        try:
            token.check_signing(token.find(certificate.spki), certificate.key)
        except Wrong as wrong:
            raise Wrong(f"{use}: {wrong}") from None


@once("no file of the owner holds a private key")
def no_key_in_files(scene):
    for path in sorted(scene.owner.rglob("*")):
        if path.is_file():
            found = PRIVATE_KEYS.search(path.read_bytes())
            want(found is None, f"{path.relative_to(scene.folder)}"
                                f"{f', at octet {found.start()}' if found else ''}")


@once("nobody but the owner may read the PINs and the store")
def files_are_private(scene):
    for path in (scene.owner / "pin", scene.owner / "so-pin", scene.owner / "store" / "data.mdb"):
        want(path.stat().st_mode & 0o077 == 0, f"{path.name} has mode {path.stat().st_mode:o}")


@once("gatehousectl store check finds a store without faults, with an audit entry for each step")
def store(scene):
    bins = Path(os.environ.get("GATEHOUSE_BIN", ROOT / "build" / "release" / "bin"))
    run = subprocess.run([str(bins / "gatehousectl"), "store", "check", "--store",
                          str(scene.owner / "store"), "--json"], capture_output=True, text=True)
    want(run.returncode == 0, f"it ended with {run.returncode}: {run.stderr.strip()[:200]}")
    report = json.loads(run.stdout)
    want_equal("findings", report["findings"], [])
    # voucher, audit log, certificate and the pledge's two reports: five steps of each
    want(report["audit-entries"] >= 5 * len(scene.pledges),
         f"{report['audit-entries']} audit entries for {len(scene.pledges)} pledges")
