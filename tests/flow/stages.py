"""Where the programs are, and the stages that the tests play on."""

import os
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))
sys.path.insert(0, str(Path(__file__).resolve().parent))


def take_port_block():
    """
    A block of ports that no other test run on this machine uses, nor another worker of this one.
    The name in the abstract namespace is ours as long as this process lives.
    """
    for block in range(1, 21):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0gatehouse-port-block-{block}")
        except OSError:
            name.close()
        else:
            os.environ["GATEHOUSE_PORT_BLOCK"] = str(block)
            return name
    raise RuntimeError("all blocks of ports are taken by other test runs")


PORT_BLOCK = take_port_block()

from scene import Scene  # noqa: E402


@pytest.fixture(scope="session", name="bins")
def fixture_bins():
    """The folder of the programs; they are to be built with sanitizers and failpoints."""
    folder = Path(os.environ.get("GATEHOUSE_BIN", "bin"))
    if not (folder / "gatehoused").is_file():
        pytest.skip(f"{folder}/gatehoused is not built (GATEHOUSE_BIN)")
    return folder


@pytest.fixture(scope="module", name="make_scene")
def fixture_make_scene(bins, tmp_path_factory):
    """Makes running stages; at the module's end they must stop well and have a sound store."""
    scenes = []

    def make(changes=None, masa=(), introduce=True):
        scene = Scene.open(tmp_path_factory.mktemp("stage"), bins, changes, masa, introduce)
        scenes.append(scene)
        return scene

    yield make
    for scene in scenes:
        scene.finish()


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    """One running stage for the tests of a module; each takes devices of its own."""
    return make_scene()
