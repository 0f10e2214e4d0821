"""The reference pledge before scripted servers: what it does, says, and ends with."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from clouds import CloudStage
from fake_owner import Authority, FakeOwner
from stage import CLOUD
from wire import HOST

VAR = "var.reseller.example"
EST_HOST = "est.owner.example"
NAMES = (CLOUD, HOST, VAR, EST_HOST, "elsewhere.example", "portal.cafe.example")
QUICK = ("--patience", "5 s", "--max-wait", "50 ms", "--retry-wait", "20 ms")


@dataclass
class Outcome:
    """What one run of gatehouse-pledge came to."""

    status: int
    lines: list
    text: str
    errors: str

    @property
    def end(self):
        return self.lines[-1]

    @property
    def codes(self):
        """What a person at the device saw, failure by failure."""
        return [line["code"] for line in self.lines if line["step"] == "indicator"]

    def statuses(self, step=None):
        return [line["status"] for line in self.lines
                if "status" in line and step in (None, line["step"])]

    def notes(self, step):
        return [line["note"] for line in self.lines if line["step"] == step and "note" in line]


class PledgeStage(CloudStage):
    """A manufacturer, and fakes for everybody else."""

    @classmethod
    def open(cls, folder, bins):
        stage = super().open(folder, bins)
        stage.fakes = []
        stage.resolving = True  # the pledge is told where names lead to
        stage.maker_ca = Authority.of_maker(stage)
        stage.owner_ca = Authority(stage.folder / "owner-ca")
        return stage

    def finish(self):
        with ThreadPoolExecutor(32) as pool:  # each takes its time
            list(pool.map(FakeOwner.close, self.fakes))
        super().finish()

    def fake(self, identity, **more):
        self.fakes.append(FakeOwner(self, identity, **more))
        return self.fakes[-1]

    def cloud_fake(self, **script):
        """At the built-in name, with the certificate that the built-in anchors validate."""
        return self.fake((self.maker / "cloud-tls.pem", self.maker / "cloud-tls.key"), **script)

    def validated(self, *names, **script):
        """Another server under the built-in anchors: a reseller's."""
        _, identity = self.maker_ca.server(*names)
        return self.fake(identity, **script)

    def owner_fake(self, *names, **script):
        """The owner's registrar and EST server; vouchers pin the owner's CA."""
        _, identity = self.owner_ca.server(*(names or (HOST,)))
        return self.fake(identity, authority=self.owner_ca, pinned=self.owner_ca.certificate,
                         **script)

    def go(self, *options, serial=None, cloud=None, registrars=(), check=None):
        """Runs the pledge; the Outcome.  `check`: the exit status that it must have."""
        serial = serial or self.new_pledge()
        arguments = ["--identity", self.maker / "pledges" / serial,
                     "--masa-anchors", self.maker / "masa-anchors.pem",
                     "--anchors", self.maker / "implicit-anchors.pem",
                     "--out", self.out, "--json", *QUICK]
        if cloud is not None:
            arguments += ["--cloud", cloud.url(CLOUD)]
        for registrar in registrars:
            arguments += ["--registrar", registrar if isinstance(registrar, str)
                          else registrar.url()]
        for fake in self.fakes if self.resolving else ():
            for name in NAMES:
                arguments += ["--resolve", f"{name}:{fake.port}:127.0.0.1"]
        run = self.run("gatehouse-pledge", *arguments, *options, check=False)
        lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        outcome = Outcome(run.returncode, lines, run.stdout, run.stderr)
        assert check in (None, outcome.status), run.stdout + run.stderr
        return outcome
