"""Clouds that speak something else are spoken to by a program of the owner's."""

import json
import stat

import pytest

from registered import OWNER, alarms, cloud, events, in_trouble, reaches, registrar_url, \
    secret_file, was_in_trouble
from scene import until

PROGRAM = """#!/bin/sh
# Keeps what it is told, and answers what the test wants.
folder="{folder}"
cat > "$folder/$1.json"
env > "$folder/$1.env"
echo "$0 $*" >> "$folder/calls"
. "$folder/mood"
"""
ANSWER = """case $1 in
devices) echo '{"items": [{"serial-number": "A-1"}, {"serial-number": "A-2"}]}' ;;
*) echo '{"devices": 2, "reachability": {"reachable": true}}' ;;
esac
"""


class Foreign:
    """The program, and what it was told."""

    def __init__(self, scene):
        self.scene = scene
        self.folder = scene.folder / "foreign"
        self.folder.mkdir()
        self.programs = scene.owner / "cloud-programs"
        self.programs.mkdir()
        self.put("foreign")
        self.mood(ANSWER)

    def put(self, name, mode=0o700):
        path = self.programs / name
        path.unlink(missing_ok=True)  # nobody but root writes to what is read-only
        path.write_text(PROGRAM.replace("{folder}", str(self.folder)))
        path.chmod(mode)

    def mood(self, text):
        (self.folder / "mood").write_text(text)

    def told(self, operation):
        return json.loads((self.folder / f"{operation}.json").read_text())

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().split("\n")[:-1] if path.exists() else []


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    scene = make_scene()
    scene.foreign = Foreign(scene)
    scene.ctl("clouds", "add", "foreign", "--manufacturer", "maker", "--command", "foreign",
              "--owner", OWNER, "--registrar-url", registrar_url(scene), "--token-file",
              secret_file(scene, "token", "sesame-token"))
    return scene


@pytest.fixture(name="foreign")
def fixture_foreign(scene):
    """It does what is asked of it."""
    scene.foreign.mood(ANSWER)
    scene.ctl("clouds", "sync", "foreign", check=False)
    reaches(scene, name="foreign")
    return scene.foreign


def sync(scene, *options):
    return scene.ctl("clouds", "sync", "foreign", *options, check=False)


def test_program_is_told_the_json_and_its_answer_counts(scene, foreign):
    now = cloud(scene, "foreign")
    assert (now["state"], now["reach"], now["devices"]) == ("registered", "reachable", 2)
    registration = foreign.told("register")
    assert registration["mode"] == "redirect" and registration["owner"] == OWNER
    assert registration["registrar"] == registrar_url(scene)
    assert registration["proofs"][0]["certificate"]
    assert foreign.told("claim")["token"] == "sesame-token"
    assert events(scene, "cloud-claimed", "foreign")
    operations = [call.split()[-1] for call in foreign.calls()]
    assert operations[:2] == ["claim", "register"]


def test_program_gets_one_argument_and_no_environment_of_ours(scene, foreign):
    assert all(len(call.split()) == 2 for call in foreign.calls())
    environment = (foreign.folder / "register.env").read_text()
    assert "SOFTHSM2_CONF" not in environment and "GATEHOUSE" not in environment
    arguments = scene.ctl("orders", "list", "--json").stdout
    assert "sesame" not in "".join(foreign.calls()) + arguments


def test_list_of_devices_is_imported(scene, foreign):
    scene.ctl("clouds", "import", "foreign")
    assert foreign.told("devices") == {"owner": OWNER}
    listed = {row["serial-number"] for row in scene.ctl_json("devices", "list")}
    assert {"A-1", "A-2"} <= listed
    foreign.mood("""echo '{"items": [{"serial-number": "B"}, {"serial-number": "A"}]}'""")
    scene.ctl("clouds", "import", "foreign", check=False)
    assert "not in order" in in_trouble(scene, "cloud-answer", "foreign")["detail"]


def test_withdrawal_goes_through_the_program(scene, foreign):
    scene.ctl("clouds", "withdraw", "foreign")
    assert foreign.told("withdraw") == {"owner": OWNER}
    assert cloud(scene, "foreign")["state"] == "withdrawn"
    scene.ctl("clouds", "register", "foreign")
    reaches(scene, name="foreign")


MOODS = {
    "exit 75": ("echo busy >&2; exit 75", "cloud-failed", "busy"),
    "exit 77": ("echo who are you >&2; exit 77", "cloud-refused", "who are you"),
    "exit 1": ("echo 'no\033[2J idea' >&2; exit 1", "cloud-program", "exit status 1: no?[2J idea"),
    "killed": ("kill -9 $$", "cloud-program", "signal 9"),
    "no JSON": ("echo '<html>'", "cloud-answer", ""),
    "too much": ("head -c 5000000 /dev/zero", "cloud-program", "more than"),
    "too long": ("sleep 60", "cloud-program", "did not end in time"),
    "outputs closed and yet there": ("exec >&- 2>&-; sleep 60", "cloud-program", "signal 9"),
}


@pytest.mark.parametrize("mood,problem,word", MOODS.values(), ids=MOODS)
def test_program_that_fails_is_seen_through(scene, foreign, mood, problem, word):
    foreign.mood(mood)
    sync(scene, "--no-wait")
    event = was_in_trouble(scene, problem, "foreign")
    until(lambda: word in [entry for entry in scene.ctl_json("clouds", "show", "foreign")["timeline"]
                           if entry.get("problem") == problem][-1]["detail"], word)
    assert event["severity"] == "error"
    foreign.mood(ANSWER)
    until(lambda: sync(scene).returncode == 0, "and when it works again")
    reaches(scene, name="foreign")


def test_program_that_does_not_read_is_no_trouble(scene, foreign):
    foreign.put("deaf")
    (foreign.programs / "deaf").write_text("#!/bin/sh\nexec <&-\necho '{}'\n")
    scene.ctl("clouds", "set", "foreign", "--command", "deaf")
    reaches(scene, name="foreign")
    scene.ctl("clouds", "set", "foreign", "--command", "foreign")
    reaches(scene, name="foreign")


def test_only_programs_of_the_folder_are_run(scene, foreign):
    for name in ("missing", "not-executable"):
        foreign.put("not-executable", mode=stat.S_IRUSR)
        scene.ctl("clouds", "set", "foreign", "--command", name)
        until(lambda name=name: name in cloud(scene, "foreign").get("detail", ""), f"{name} is not run")
        in_trouble(scene, "cloud-program", "foreign")
    assert ("cloud foreign", "cloud-program") in alarms(scene)
    refused = scene.ctl("clouds", "set", "foreign", "--command", "/bin/sh", check=False)
    assert refused.returncode == 1 and "program" in refused.stderr
    scene.ctl("clouds", "set", "foreign", "--command", "foreign")
    reaches(scene, name="foreign")


def test_what_is_asked_for_while_it_is_under_way_is_done_once_more(scene, foreign):
    folder = foreign.folder
    (folder / "hold").write_text("")
    foreign.mood(f'while [ -e "{folder}/hold" ]; do /bin/sleep 0.05; done\n{ANSWER}')
    (folder / "calls").unlink()
    sync(scene, "--no-wait")
    until(foreign.calls, "the program runs")
    foreign.mood(ANSWER.replace("A-2", "A-3"))
    scene.ctl("clouds", "import", "foreign", "--no-wait")
    asked = cloud(scene, "foreign")["asked"]
    (folder / "hold").unlink()
    until(lambda: scene.shown("A-3").get("expected"), "the import was not lost")
    assert cloud(scene, "foreign")["asked"] == asked
    assert [call.split()[-1] for call in foreign.calls()].count("register") == 2
