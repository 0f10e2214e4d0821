"""One house for the clients of others, and the rows of docs/interop.md that their tests write."""

import json
import os
import sys
from pathlib import Path

import pytest

FLOW = Path(__file__).resolve().parents[1] / "flow"
sys.path[:0] = [str(Path(__file__).resolve().parent), str(FLOW)]

from stages import fixture_bins  # noqa: E402, F401
from house import House, public_settings  # noqa: E402

ROWS = {}  # by the test's file


@pytest.fixture(scope="session", name="house")
def fixture_house(bins, tmp_path_factory):
    """The owner's EST server, its lists and its responder; it must end well."""
    house = House.open(tmp_path_factory.mktemp("stage"), bins, public_settings(), masa=None,
                       introduce=False)
    house.furnish(tmp_path_factory.mktemp("secrets"))
    yield house
    house.finish()


@pytest.fixture(name="row")
def fixture_row(request):
    """Puts a row into the table, for the client that the test's file is about."""
    def put(what, outcome):
        ROWS.setdefault(request.module.__name__, []).append([request.module.CLIENT, what, outcome])
    return put


def pytest_sessionfinish():
    """Each process writes what its tests have said: see tests/interop/page.py."""
    folder = os.environ.get("GATEHOUSE_INTEROP_ROWS")
    if folder and ROWS:
        (Path(folder) / f"{os.getpid()}.json").write_text(json.dumps(ROWS))
