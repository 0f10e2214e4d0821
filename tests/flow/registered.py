"""What tests of the registration with clouds do over and over, on a Scene."""

import base64
import json
import subprocess

from forms import CMS
from pledge import Pledge, binary, openssl
from scene import until
from stage import REGISTRAR
from wire import Wire

OWNER = "owner-inc"
CLOUD_NAME = "maker-cloud"


def registrar_url(scene):
    return f"https://{REGISTRAR}:{scene.port}/.well-known/brski/requestvoucher"


def est_domain(scene, host=REGISTRAR):
    return f"https://{host}:{scene.port}"


def sell_to_us(scene, *serials, order=None):
    """The manufacturer's sales channel attributes these devices to us."""
    who = f"owner:{OWNER}" + (f"/{order}" if order else "")
    path = scene.folder / "cloud-devices"
    rows = path.read_text() if path.exists() else ""
    path.write_text(rows + "".join(f"{serial} {who}\n" for serial in serials))


def restart_cloud(scene, *options, vouchers=True):
    """The cloud registrar with its registration resource."""
    if "cloud" in scene.programs:
        scene.stop_one("cloud")
    if not (scene.folder / "cloud-devices").exists():
        (scene.folder / "cloud-devices").write_text("")
    masa = ["--masa-state", scene.folder / "cloud-masa"] if vouchers else []
    return scene.start_cloud(*scene.registration_options(), *masa, *options)


def secret_file(scene, name, secret):
    path = scene.folder / name
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return path


def add_cloud(scene, *options, name=CLOUD_NAME, token=True, mode="redirect"):
    """We register with it; how that ended."""
    where = (["--mode", "redirect", "--registrar-url", registrar_url(scene)] if mode == "redirect"
             else ["--mode", "voucher", "--est-domain", est_domain(scene)])
    if token:
        where += ["--token-file", secret_file(scene, "token", scene.cloud_token(OWNER))]
    scene.ctl("clouds", "add", name, "--manufacturer", "maker", "--url", scene.registration_url,
              "--anchor", scene.maker / "ca.pem", "--network", "127.0.0.0/8", "--owner", OWNER,
              *where, *options)


def cloud(scene, name=CLOUD_NAME):
    return scene.ctl_json("clouds", "show", name)["cloud"]


def timeline(scene, name=CLOUD_NAME):
    return scene.ctl_json("clouds", "show", name)["timeline"]


def events(scene, event, name=CLOUD_NAME):
    return [entry for entry in timeline(scene, name) if entry["event"] == event]


def reaches(scene, state="registered", name=CLOUD_NAME, **more):
    """Waits until the cloud is in that state, without a problem."""
    def there():
        now = cloud(scene, name)
        wanted = {"state": state, **{key.replace("_", "-"): value for key, value in more.items()}}
        return now if all(now.get(key) == value for key, value in wanted.items()) \
            and "problem" not in now else None
    return until(there, f"{name} is {state}")


def in_trouble(scene, problem, name=CLOUD_NAME):
    """Waits until the cloud has that problem; the event that tells of it."""
    until(lambda: cloud(scene, name).get("problem") == problem, f"{name}: {problem}")
    event = next(entry for entry in reversed(timeline(scene, name))
                 if entry.get("problem") == problem)
    assert event["hint"] and event["detail"], event
    return event


def was_in_trouble(scene, problem, name=CLOUD_NAME):
    """Waits for the event that tells of a problem, which may have passed since."""
    def find():
        return [entry for entry in timeline(scene, name) if entry.get("problem") == problem]
    event = until(find, f"{problem} in the timeline of {name}")[-1]
    assert event["hint"] and event["detail"], event
    return event


def alarms(scene):
    return {(alarm["about"], alarm["problem"]): alarm for alarm in scene.status()["alarms"]}


def knock(scene, serial, form=CMS):
    """The independent pledge before the cloud registrar."""
    pledge = Pledge(scene.cloud_port, scene.maker / "pledges" / serial,
                    scene.maker / "masa-anchors.pem", scene.folder / "knocking" / serial, form=form)
    return pledge.post_request(pledge.voucher_request())


def voucher_of(scene, serial):
    """What the cloud's voucher for the device says."""
    answer = knock(scene, serial)
    assert answer.status == 200, answer
    content = openssl("cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any",
                      "-partial_chain", "-CAfile", scene.maker / "masa-anchors.pem",
                      octets=answer.body)
    return json.loads(content)["ietf-voucher:voucher"]


def shown_certificate(scene, name=REGISTRAR):
    """DER of what a client sees that asks for this name."""
    with Wire(scene.port, name=name) as wire:
        return wire.server_certificate


def is_found(scene, voucher, name=REGISTRAR, by_key=True):
    """
    As a pledge judges it: what TLS shows leads to what the voucher pins, or has its key; `by_key`
    False: as one that has the pinned certificate as its library's anchor.
    """
    shown = shown_certificate(scene, name)
    folder = scene.folder / "judged"
    folder.mkdir(exist_ok=True)
    pinned, server = folder / "pinned.pem", folder / "server.pem"
    for path, der in ((pinned, base64.b64decode(voucher["pinned-domain-cert"])), (server, shown)):
        path.write_bytes(openssl("x509", "-inform", "DER", octets=der))
    leads = openssl("verify", "-partial_chain", "-no-CApath", "-no-CAstore", "-trusted", pinned,
                    server, check=False) is not None
    keys = [openssl("x509", "-in", path, "-noout", "-pubkey") for path in (pinned, server)]
    return leads or (by_key and keys[0] == keys[1])


def sha256(der):
    return openssl("dgst", "-sha256", "-r", octets=der).split()[0].decode()


def pinned_sha256(voucher):
    return sha256(base64.b64decode(voucher["pinned-domain-cert"]))


def certificate_of(scene, name):
    """DER of a certificate in the owner's folder, base64 as vouchers have it."""
    return binary(openssl("x509", "-in", scene.owner / "pki" / f"{name}.pem", "-outform", "DER"))


def registrations(scene, status=None):
    """What the cloud was sent as a registration, one dict a request."""
    return [entry for entry in scene.requests_seen("cloud")
            if entry["path"].endswith("/registration") and status in (None, entry["status"])]


def delete_key(scene, label):
    """The token loses a key."""
    env = scene.env({"PIN": (scene.owner / "pin").read_text().strip()})
    subprocess.run(["pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--token-label",
                    "gatehouse", "--login", "--pin", "env:PIN", "--delete-object", "--type",
                    "privkey", "--label", label], env=env, check=True, capture_output=True,
                   timeout=60)
