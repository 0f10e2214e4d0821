"""
Memory that libraries touch: the sanitizers see our own code alone, Valgrind sees all of a process.
"""

import shutil
import stat

import pytest

from scene import Scene
from stages import ROOT

RELEASE = ROOT / "build" / "release" / "bin"  # sanitizers and Valgrind do not go together
WATCHED = ("gatehoused", "gatehousectl")
PROGRAM = '#!/bin/sh\nexec valgrind --quiet --error-exitcode=99 "{program}" "$@"\n'


@pytest.fixture(scope="module", name="watched")
def fixture_watched(tmp_path_factory):
    """A folder of programs, some of which run under Valgrind and end with 99 when it finds something."""
    if not shutil.which("valgrind"):
        pytest.skip("there is no valgrind")
    if not (RELEASE / "gatehoused").is_file():
        pytest.skip(f"{RELEASE}/gatehoused is not built")
    folder = tmp_path_factory.mktemp("watched")
    for program in RELEASE.iterdir():
        if program.name in WATCHED:
            (folder / program.name).write_text(PROGRAM.format(program=program))
            (folder / program.name).chmod(stat.S_IRWXU)
        else:
            (folder / program.name).symlink_to(program)
    return folder


def test_nothing_is_touched_after_it_was_freed(watched, tmp_path):
    """From `gatehousectl init` to the daemon's stop, with a device onboarded in between."""
    scene = Scene.open(tmp_path, watched)
    scene.expect(scene.make_pledges("WATCHED"))
    scene.start_cloud()
    scene.pledge("--quiet")
    assert scene.episode("WATCHED")["stage"] == "confirmed"
    scene.finish()
