"""A manufacturer with its cloud registrar and nobody else, and pledges that knock there."""

import signal

from pledge import Pledge
from scene import Scene
from wire import Wire

EST_DOMAIN = "https://est.owner.example:8443"


class CloudStage(Scene):
    """One manufacturer; its cloud registrar is started as each test wants it."""

    @classmethod
    def open(cls, folder, bins):
        stage = cls(folder, bins)
        stage.make_maker()
        return stage

    def store_findings(self):
        return []  # nobody here has a store

    # Devices and their destinations.

    def write_devices(self, devices, name="cloud-devices"):
        (self.folder / name).write_text(
            "".join(f"{serial} {where}\n" for serial, where in devices.items()))

    def reload(self, devices):
        """New destinations for the running cloud."""
        self.write_devices(devices)
        program = self.programs["cloud"]
        before = len(program.log_text())
        program.kill(signal.SIGHUP)
        return before

    def start(self, name, program, *arguments, **more):
        if name in self.programs:
            self.stop_one(name)
        return super().start(name, program, *arguments, **more)

    def cloud(self, devices, *options):
        self.write_devices(devices)
        return self.start_cloud(*options)

    def voucher_options(self):
        """The MASA integrated, and what vouchers say."""
        return ["--masa-state", self.folder / "cloud-masa", "--est-domain", EST_DOMAIN,
                "--pin", self.maker / "cloud-tls.pem"]

    def registration_options(self):
        """Owners register here, and may not say that they are on this machine."""
        return ["--registration-listen", f"127.0.0.1:{self.registration_port}",
                "--registration-url", self.registration_url, "--state", self.cloud_state]

    def knocker(self, serial, port=None):
        """The independent pledge, before the cloud registrar."""
        return Pledge(port or self.cloud_port, self.maker / "pledges" / serial,
                      self.maker / "masa-anchors.pem",
                      self.folder / "independent" / f"{serial}-{port}")

    def new_pledge(self, *options):
        serial, = self.make_pledges(self.serial(), 1, *options)
        return serial

    def ask(self, serial, port=None, **fields):
        """One voucher request of that device, and the answer."""
        pledge = self.knocker(serial, port)
        return pledge.post_request(pledge.voucher_request(), **fields)

    def stranger_wire(self):
        return Wire(self.cloud_port)

    def cloud_log(self, serial):
        """What the cloud noted about a device's requests."""
        return [entry for entry in self.requests_seen("cloud") if serial in str(entry)]
