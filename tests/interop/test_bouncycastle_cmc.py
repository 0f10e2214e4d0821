"""Full CMC of Bouncy Castle's making (CmcClient.java), over Java's own TLS."""

from pathlib import Path

import pytest

from house import PASSWORD, REGISTRAR, Client, name_of, needs, run
from test_bouncycastle import JARS

CLIENT = "Bouncy Castle"
SOURCE = Path(__file__).with_name("CmcClient.java")
LABEL = "cmc"


@pytest.fixture(scope="module", name="classes")
def fixture_classes(house, tmp_path_factory):
    """Where CmcClient is compiled; the house serves Full CMC from now on."""
    compiler = needs("javac", "openjdk-17-jdk-headless")
    for jar in JARS:
        if not Path(jar).exists():
            pytest.skip(f"{jar} is not there (Debian's libbcpkix-java)")
    folder = tmp_path_factory.mktemp("classes")
    run(compiler, "-Werror", "-classpath", ":".join(JARS), "-d", folder, SOURCE)
    house.add_label(LABEL, "--full-cmc", "yes")
    house.add_label("cmc-held", "--full-cmc", "yes", "--approval", "yes")
    house.ctl("secrets", "add", "knowing", "--label", LABEL, "--password-file", house.password,
              "--cmc", "--unlimited")
    return folder


@pytest.fixture(name="java")
def fixture_java(house, classes, tmp_path):
    """Runs CmcClient: the words of its line."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 {REGISTRAR}\n")

    def call(form, client, label=LABEL, login=True, **options):
        options = {"server": f"{REGISTRAR}:{house.port}", "root": house.root, "label": label,
                   "name": client.name, "out": client.certificate, "key": client.key, **options}
        if login:
            options.update(user=house.user(label), password=PASSWORD)
        words = [f"{name.replace('_', '-')}={value}" for name, value in options.items()]
        done = run("java", f"-Djdk.net.hosts.file={hosts}", "-classpath",
                   ":".join([str(classes), *JARS]), "CmcClient", form, *words)
        return done.stdout.decode().split()
    return call


@pytest.fixture(name="client")
def fixture_client(tmp_path, request):
    return Client(tmp_path, name_of(request, "bc"))


ISSUED = "200 status 0 about 1 certificate".split()


@pytest.mark.parametrize("form", ["pkcs10", "crmf"])
def test_fullcmc(house, java, client, row, form):
    assert java(form, client) == ISSUED
    house.must_verify(client)
    row(f"fullcmc with a request in {'PKCS#10' if form == 'pkcs10' else 'CRMF'}, signed by its key",
        "success, a certificate")


def test_fullcmc_renewal(house, java, client, tmp_path, row):
    assert java("pkcs10", client) == ISSUED
    (tmp_path / "next").mkdir()
    fresh = Client(tmp_path / "next", client.name)
    own = {"certificate": client.certificate, "own_key": client.key}
    assert java("crmf", fresh, login=False, **own) == ISSUED
    house.must_verify(fresh)
    row("fullcmc with the certificate that is to be replaced", "success, a new certificate")


def test_fullcmc_identity_proof(house, java, client, row):
    proof = {"identification": "knowing", "login": False}
    said = java("pkcs10", client, secret="something else", **proof)
    assert said == "403 status 2 about 1 failure 7 nothing".split()
    assert java("pkcs10", client, secret=PASSWORD, **proof) == ISSUED
    house.must_verify(client)
    row("fullcmc with an identity proof in place of a password",
        "success, a certificate; with another secret badIdentity")


def test_fullcmc_refusal(java, client, row):
    client.name = "boss.example.com"
    assert java("crmf", client) == "403 status 2 about 1 failure 2 nothing".split()
    row("fullcmc for a name outside the label's domains", "failed, badRequest")


def test_fullcmc_approval(house, java, client, row):
    *said, token, nothing = java("pkcs10", client, label="cmc-held")
    assert (said, nothing) == ("202 status 3 about 1 token".split(), "nothing")
    order, = house.ctl_json("orders", "list", "--state", "waiting")
    house.ctl("orders", "approve", order["id"])
    assert java("query", client, label="cmc-held", token=token) == ISSUED
    house.must_verify(client)
    row("fullcmc where an administrator decides, asked after with its token",
        "pending; success, a certificate")
