#!/usr/bin/python3
"""Onboards devices with real parts, all on this machine.

A lab is made in a scratch folder: a manufacturer with its CA, MASA and cloud registrar, pledges with
IDevIDs, and an owner whose keys are made in a SoftHSM token.  The pledges call the cloud registrar.
With --flow redirect they are sent on to the owner's Gatehouse and get their vouchers there, through
the MASA; with --flow voucher the cloud registrar gives them vouchers that name Gatehouse as their EST
server.  There they are told their identity by CSR attributes, and are enrolled by the owner's CA.
"""

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lab"))

import demo_est  # noqa: E402
from stage import Stage, StageError  # noqa: E402

BINS = ROOT / "build" / "release" / "bin"
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
# What Gatehouse is told of the manufacturer besides.
FLOWS = {"redirect": [], "voucher": ["--est-domain-vouchers", "yes"]}


def say(text=""):
    print(text, flush=True)


def start_maker(stage, flow):
    """The manufacturer's services; what its cloud registrar answers is what the flows differ in."""
    if flow == "redirect":
        stage.start_masa()
        stage.start_cloud()
        return
    stage.start_masa(*stage.cloud_masa_options())
    stage.sell(stage.serials, "voucher")
    stage.start_cloud(*stage.voucher_options())


def build_stage(folder, count, flow, form):
    stage = Stage(folder, BINS, form)
    say(f"making a manufacturer, {count} pledge{'s' * (count > 1)} and an owner in {folder}")
    stage.make_maker()
    stage.make_pledges("PHONE", count)
    stage.make_owner()
    start_maker(stage, flow)
    stage.start_gatehoused()
    stage.introduce(stage.serials, *FLOWS[flow])
    return stage


def run_pledges(stage):
    """Every step of every pledge, as gatehouse-pledge reports them."""
    run = stage.pledge("--json", "--parallel", str(min(len(stage.serials), 32)), check=False)
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    if run.stderr.strip():
        say(run.stderr.strip())
    return run.returncode, steps


def show_way(steps, serial):
    say()
    say(f"the way of {serial}")
    for step in steps:
        if step["serial"] != serial:
            continue
        facts = {key: value for key, value in step.items() if key not in ("serial", "step", "ms")}
        words = "  ".join(f"{key}={value}" for key, value in facts.items() if value not in (None, ""))
        say(f"  {step['ms']:9.1f} ms  {step['step']:<16} {words}")
    say()


def key_in_token(stage, label, certificate):
    """Whether the certificate's public key is an object of the owner's token under that label."""
    token = subprocess.run(
        ["pkcs11-tool", "--module", MODULE, "--token-label", "gatehouse", "--read-object",
         "--type", "pubkey", "--label", label], capture_output=True, env=stage.env())
    spki = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"],
                          capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=spki.stdout,
                         capture_output=True)
    return token.returncode == 0 and der.returncode == 0 and token.stdout == der.stdout


def der_of(pem):
    return subprocess.run(["openssl", "x509", "-in", str(pem), "-outform", "DER"],
                          capture_output=True, check=True).stdout


def name_of(pem, which):
    run = subprocess.run(["openssl", "x509", "-in", str(pem), "-noout", f"-{which}",
                          "-nameopt", "RFC2253,-esc_msb,utf8"],
                         capture_output=True, text=True, check=True)
    return run.stdout.strip().split("=", 1)[1]


def check_device(stage, serial, key):
    """The line of an onboarded device, or why it is none."""
    ldevid = stage.out / serial / "ldevid.pem"
    if not ldevid.exists():
        raise StageError("the pledge has no LDevID")
    shown = stage.ctl_json("devices", "show", serial)
    fingerprint = hashlib.sha256(der_of(ldevid)).hexdigest()
    mine = [row for row in shown["certificates"] if row["id"] == fingerprint]
    if not mine:
        raise StageError("its certificate is not in Gatehouse's store")
    if shown["episode"]["stage"] != "confirmed":
        raise StageError(f"Gatehouse has it as {shown['episode']['stage']}")
    chain = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", str(stage.owner / "pki/root.pem"),
         "-untrusted", str(stage.owner / "pki/device-ca.pem"), str(ldevid)], capture_output=True)
    if chain.returncode:
        raise StageError("its certificate does not verify under the owner's root")
    return (f'onboarded serial={serial} subject="{name_of(ldevid, "subject")}" '
            f'issuer="{name_of(ldevid, "issuer")}" ca={mine[0]["ca"]} key={key}')


def look_around(stage):
    binaries = shlex.quote(str(BINS))
    config = shlex.quote(str(stage.node_file))
    say(f"""
Everything keeps running.  To look around:
  export PATH={binaries}:$PATH SOFTHSM2_CONF={shlex.quote(str(stage.owner / "softhsm2.conf"))}
  gatehousectl --config {config} devices list
  gatehousectl --config {config} devices show {stage.serials[0]}
  gatehousectl --config {config} orders list
  gatehousectl --config {config} store check
  gatehousectl inspect {shlex.quote(str(stage.out / stage.serials[0] / ("voucher." + stage.form)))}
Logs are in {stage.logs}.
To stop: kill {" ".join(str(program.process.pid) for program in stage.programs.values())}""")


def play(arguments, folder):
    begin = time.monotonic()
    stage = build_stage(folder, arguments.pledges, arguments.flow, arguments.format)
    failed = 0
    keep = False
    try:
        status, steps = run_pledges(stage)
        show_way(steps, stage.serials[0])
        in_token = key_in_token(stage, "gatehouse-device-ca", stage.owner / "pki/device-ca.pem")
        for serial in stage.serials:
            try:
                say(check_device(stage, serial, "pkcs11" if in_token else "elsewhere"))
            except StageError as error:
                failed += 1
                say(f'failed serial={serial} reason="{error}"')
        failed += not in_token
        failed += status != 0
        keep = arguments.keep and not failed
    finally:
        if keep:
            look_around(stage)
        else:
            ends = stage.stop()
            failed += sum(end != 0 for end in ends.values())
    say()
    say(f"{len(stage.serials)} pledge{'s' * (len(stage.serials) > 1)} in "
        f"{time.monotonic() - begin:.1f} s: {'all onboarded' if not failed else 'not all is well'}")
    if failed:
        say(f"the logs are in {stage.logs}")
    return failed


def play_est(folder):
    """The flow without a pledge; 1 when it did not hold."""
    stage = Stage(folder, BINS)
    say(f"making an owner in {folder}")
    stage.make_owner()
    stage.start_gatehoused()
    try:
        demo_est.enrol_and_renew(stage, say)
    finally:
        ends = stage.stop()
    return sum(end != 0 for end in ends.values())


def main():
    parser = argparse.ArgumentParser(prog="packaging/demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", metavar="DIR",
                        help="use this folder (made, or emptied of an earlier demo) and leave it")
    parser.add_argument("--pledges", metavar="N", type=int, default=1,
                        help="onboard N pledges in parallel (default 1)")
    parser.add_argument("--flow", choices=[*FLOWS, "est"], default="redirect",
                        help="what the cloud registrar answers: the way to the owner's registrar "
                             "(default), or a voucher for the owner's EST server; est: no pledge, "
                             "but a plain EST client")
    parser.add_argument("--format", choices=("cms", "jws", "cose"), default="cms",
                        help="form of voucher requests and vouchers (default cms)")
    parser.add_argument("--keep", action="store_true",
                        help="leave everything running and print how to look around")
    arguments = parser.parse_args()
    if not 1 <= arguments.pledges <= 9999:
        parser.error("--pledges takes 1 to 9999")
    if arguments.flow == "est" and (arguments.keep or arguments.pledges != 1):
        parser.error("--flow est takes neither --keep nor --pledges")

    folder = Path(arguments.dir) if arguments.dir else Path(tempfile.mkdtemp(prefix="gatehouse-demo-"))
    folder = folder.resolve()
    if arguments.dir and folder.exists() and any(folder.iterdir()):
        if not (folder / "owner" / "node.yaml").exists():
            parser.error(f"{folder} is not empty and holds no earlier demo")
        shutil.rmtree(folder)
    try:
        failed = play_est(folder) if arguments.flow == "est" else play(arguments, folder)
    except StageError as error:
        say(f"failed: {error}")
        failed = 1
    if not arguments.dir and not arguments.keep and not failed:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
