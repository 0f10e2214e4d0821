"""Bouncy Castle's EST client (EstClient.java) on its own TLS."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from house import PASSWORD, REGISTRAR, Client, name_of, needs, run

CLIENT = "Bouncy Castle"
JARS = [f"/usr/share/java/{name}.jar" for name in ("bcprov", "bcutil", "bcpkix", "bctls")]
SOURCE = Path(__file__).with_name("EstClient.java")


@pytest.fixture(scope="session", name="classes")
def fixture_classes(tmp_path_factory):
    """Where EstClient is compiled."""
    compiler = needs("javac", "openjdk-17-jdk-headless")
    for jar in JARS:
        if not Path(jar).exists():
            pytest.skip(f"{jar} is not there (Debian's libbcpkix-java and libbctls-java)")
    folder = tmp_path_factory.mktemp("classes")
    run(compiler, "-Werror", "-classpath", ":".join(JARS), "-d", folder, SOURCE)
    return folder


@pytest.fixture(name="java")
def fixture_java(house, classes, tmp_path):
    """Runs EstClient: the words of its line."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 {REGISTRAR}\n")

    def call(operation, label="routers", **options):
        options = {"server": f"{REGISTRAR}:{house.port}", "root": house.root, "label": label,
                   **options}
        words = [f"{name.replace('_', '-')}={value}" for name, value in options.items()
                 if value is not None]
        done = run("java", f"-Djdk.net.hosts.file={hosts}", "-classpath",
                   ":".join([str(classes), *JARS]), "EstClient", operation, *words)
        return done.stdout.decode().split()
    return call


@pytest.fixture(name="client")
def fixture_client(tmp_path, request):
    return Client(tmp_path, name_of(request, "bc"))


def files(client):
    return {"name": client.name, "out": client.certificate, "key_out": client.key}


def login(house, label="routers", password=PASSWORD):
    return {"user": house.user(label), "password": password, "label": label}


def enrolled(house, client, said):
    assert said == ["certificates", "1"], said
    house.must_verify(client)
    return house.serial_of(client)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_cacerts(house, java, client, row, version):
    word, count = java("cacerts", out=client.certificate, tls=f"TLSv{version}")
    assert word == "certificates" and int(count) >= 3
    run("openssl", "verify", "-CAfile", client.certificate, house.device_ca)
    row(f"cacerts over TLS {version}", "all CA certificates")


def test_csrattrs(java, row):
    word, *oids = java("csrattrs")
    assert word == "attributes" and "1.2.840.10045.4.3.2" in oids  # ecdsa-with-SHA256
    assert "1.2.840.113549.1.9.7" in java("csrattrs", label="tied")
    row("csrattrs", "read")


def test_password(house, java, client, row):
    enrolled(house, client, java("simpleenroll", **files(client), **login(house)))
    row("simpleenroll with a password (Basic)", "a certificate")


def test_wrong_password(house, java, client, row):
    said = java("simpleenroll", **files(client), **login(house, password="wrong"))
    assert said[:2] == ["refused", "401"]
    row("simpleenroll with a wrong password", "401")


def test_certificate_of_another_ca(house, java, client, row):
    own = {"certificate": house.partner.certificate, "own_key": house.partner.key,
           "label": "partners"}
    enrolled(house, client, java("simpleenroll", **files(client), **own))
    row("simpleenroll with a certificate of a third party's CA", "a certificate")


def test_bound(house, java, client, row):
    said = java("simpleenroll", **files(client), **login(house, "tied"))
    assert said[:2] == ["refused", "400"]
    said = java("bound", **files(client), **login(house, "tied"), tls="TLSv1.2")
    enrolled(house, client, said)
    row("simpleenroll tied to its TLS 1.2 connection (tls-unique), where that is required",
        "a certificate; without it 400")


def test_renewal(house, java, client, tmp_path, row):
    first = enrolled(house, client, java("simpleenroll", **files(client), **login(house)))
    own = {"certificate": client.certificate, "own_key": client.key}
    (tmp_path / "next").mkdir()
    same, fresh = (Client(tmp_path / "next", client.name) for _ in range(2))
    second = enrolled(house, same, java("simplereenroll", **files(same), **own, key=client.key))
    row("simplereenroll with the same key", "a new certificate")
    third = enrolled(house, fresh, java("simplereenroll", **files(fresh), **own))
    assert len({first, second, third}) == 3
    row("simplereenroll with a new key", "a new certificate")


def test_server_key(house, java, client, row):
    enrolled(house, client, java("serverkeygen", **files(client), **login(house, "keys")))
    row("serverkeygen with a password, where the label gives plain keys", "a key and its certificate")


def test_approval(house, java, client, row):
    told = house.told_later()
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(java, "simpleenroll", **files(client), **login(house, "held"))
        house.approve_one(told)
        *certificates, later = said.result()
    assert later == "later"
    enrolled(house, client, certificates)
    row("simpleenroll where an administrator decides", "asks again as it is told: a certificate")
