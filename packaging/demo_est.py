"""The demo's flow for a client that is no BRSKI device: curl enrols with a password and renews."""

import base64
import hashlib
import subprocess

from stage import REGISTRAR, StageError

NAME = "router1.routers.example.com"
LABEL = "routers"
USER = "router1"


def run(command, what, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, **options)
    if done.returncode:
        raise StageError(f"{what}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def prepare(stage):
    """A label for routers, and a password that is good for one certificate of this one."""
    password = stage.owner / "router1.password"
    stage.ctl("labels", "add", LABEL, "--authenticate", "password", "--authenticate", "certificate",
              "--domain", "routers.example.com")
    password.touch(mode=0o600)
    password.write_text(run(["openssl", "rand", "-base64", "18"], "openssl rand").decode())
    stage.ctl("secrets", "add", USER, "--label", LABEL, "--name", NAME, "--password-file", password)
    return password


def ask(stage, client, operation, *options):
    """Sends the client's request as RFC 7030 4.2 says; the certificate is put beside it."""
    answer = run(
        ["curl", "-sS", "--fail-with-body", "--cacert", stage.owner / "pki" / "root.pem",
         "--resolve", f"{REGISTRAR}:{stage.port}:127.0.0.1", "-H", "Content-Type: application/pkcs10",
         "--data-binary", f"@{client / 'request.b64'}", *options,
         f"https://{REGISTRAR}:{stage.port}/.well-known/est/{LABEL}/{operation}"], operation)
    certificate = client / f"{operation}.pem"
    certificate.write_bytes(run(["openssl", "pkcs7", "-inform", "DER", "-print_certs"],
                                "openssl pkcs7", input=base64.b64decode(answer)))
    run(["openssl", "verify", "-x509_strict", "-CAfile", stage.owner / "pki" / "root.pem",
         "-untrusted", stage.owner / "pki" / "device-ca.pem", certificate], "openssl verify")
    return certificate


def make_request(client):
    run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", client / "key.pem", "-subj", f"/CN={NAME}", "-addext",
         f"subjectAltName=DNS:{NAME}", "-outform", "DER", "-out", client / "request.der"],
        "openssl req")
    (client / "request.b64").write_bytes(base64.encodebytes((client / "request.der").read_bytes()))


def fact(certificate, which):
    text = run(["openssl", "x509", "-in", certificate, "-noout", f"-{which}", "-nameopt", "RFC2253"],
               "openssl x509").decode()
    return text.strip().split("=", 1)[1]


def line_of(word, certificate, how):
    return (f'{word} serial={fact(certificate, "serial")} subject="{fact(certificate, "subject")}" '
            f'issuer="{fact(certificate, "issuer")}" with={how}')


def enrol_and_renew(stage, say):
    """Says what curl was given; raises StageError when it was not."""
    client = stage.out / USER
    client.mkdir()
    make_request(client)
    password = prepare(stage)
    login = client / "curlrc"
    login.touch(mode=0o600)
    login.write_text(f'user = "{USER}:{password.read_text().strip()}"\n')
    first = ask(stage, client, "simpleenroll", "--basic", "--config", login)
    say(line_of("enrolled", first, "password"))
    second = ask(stage, client, "simplereenroll", "--cert", first, "--key", client / "key.pem")
    if fact(second, "serial") == fact(first, "serial"):
        raise StageError("the renewed certificate is the one that was to be renewed")
    say(line_of("renewed", second, "certificate"))
    known = {row["id"] for row in stage.ctl_json("certificates", "list", "--name", NAME)}
    for certificate in (first, second):
        octets = run(["openssl", "x509", "-in", certificate, "-outform", "DER"], "openssl x509")
        if hashlib.sha256(octets).hexdigest() not in known:
            raise StageError(f"{certificate} is not in Gatehouse's store")
