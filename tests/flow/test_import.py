"""
Lists of expected devices from spreadsheets: written by Python's csv module, imported whole or not
at all, and each the list of its manufacturer's devices only.
"""

import csv

import pytest

MANY = 20000


def table(scene, name, rows, **form):
    """The rows as a file, as a spreadsheet would write it."""
    path = scene.folder / name
    with path.open("w", newline="", encoding=form.pop("encoding", "utf-8")) as file:
        csv.writer(file, **form).writerows(rows)
    return path


def place(scene, serial):
    return scene.shown(serial).get("expected", {})


@pytest.mark.parametrize("form", [{}, {"delimiter": ";"}, {"lineterminator": "\n"},
                                  {"quoting": csv.QUOTE_ALL}, {"encoding": "utf-8-sig"},
                                  {"dialect": "excel-tab"}],
                         ids=["comma", "semicolon", "LF", "quotes", "BOM", "tab"])
def test_device_of_an_imported_list_is_onboarded(scene, form):
    serial = scene.device(expected=False, prefix="LISTED")
    file = table(scene, "delivery 7.csv", [
        ["Serial", "manufacturer", "note", "site"],
        [serial, "maker", 'desk 3, "left"\nof the door', "Köln"]], **form)
    done = scene.ctl("devices", "import", file)
    assert "1 rows: 1 added" in done.stdout
    assert scene.independent(serial).go_on().done
    listed = place(scene, serial)
    assert listed["note"] == 'desk 3, "left"\nof the door'
    assert listed["source"] == "csv:delivery 7.csv"
    assert listed["columns"] == [{"name": "site", "value": "Köln"}]


def test_bad_rows_are_told_and_nothing_is_imported(scene):
    good = scene.device(expected=False, prefix="GOOD")
    file = table(scene, "bad.csv", [["serial", "manufacturer"], [good, "maker"], ["", "maker"],
                                    ["X1", "nobody"]])
    for options in ((), ("--dry-run",)):
        done = scene.ctl("devices", "import", file, *options, check=False)
        assert done.returncode == 1
        assert "line 3: there is no serial number" in done.stdout
        assert "line 4: there is no manufacturer nobody" in done.stdout
        assert "nothing was imported" in done.stdout
        assert "what to do" in done.stderr
        assert place(scene, good) == {}
    done = scene.ctl("devices", "import", file, "--skip-bad")
    assert "1 added, 0 on the list already, 2 bad" in done.stdout
    assert scene.independent(good).go_on("voucher").done


def test_list_of_one_manufacturer_never_admits_anothers_devices(scene):
    """Devices with that very serial number, and of another make, are nobody's."""
    other = scene.folder / "other"
    scene.run("gatehouse-maker", "init", other, "--name", "Other", "--masa",
              f"masa.other.example:{scene.masa_port}", "--cloud", "cloud.other.example")
    scene.ctl("manufacturers", "add", "other", "--anchor", other / "ca.pem")
    serial = scene.device(expected=False, prefix="SAME")
    file = table(scene, "others.csv", [["serial"], [serial]])
    scene.ctl("devices", "import", file, "--manufacturer", "other")
    pledge = scene.independent(serial)
    assert pledge.post_request(pledge.voucher_request()).status == 404
    scene.trouble(serial, "device-unexpected")
    assert scene.asked(serial) == []
    assert scene.nothing_issued(serial)
    # and what a list says of another manufacturer's devices is not taken
    file = table(scene, "mixed.csv", [["serial", "manufacturer"], [serial, "maker"]])
    done = scene.ctl("devices", "import", file, "--manufacturer", "other", check=False)
    assert done.returncode == 1
    assert "line 2: the list is of manufacturer other" in done.stdout


def test_many_rows_are_imported_once(scene):
    rows = [["serial", "manufacturer", "rack"]]
    rows += [[f"MANY-{number:06}", "maker", number // 40] for number in range(MANY)]
    file = table(scene, "many.csv", rows)
    assert f"{MANY} rows: {MANY} added" in scene.ctl("devices", "import", file).stdout
    again = scene.ctl("devices", "import", file)
    assert f"0 added, {MANY} on the list already, 0 bad" in again.stdout
    found = scene.ctl_json("devices", "list", "--search", "many-01999")
    assert [line["serial-number"] for line in found] == [f"MANY-01999{n}" for n in range(10)]


def test_table_that_is_none_is_refused(scene):
    file = scene.folder / "not-a-table"
    file.write_bytes(bytes(range(256)) * 10)
    done = scene.ctl("devices", "import", file, check=False)
    assert done.returncode == 1
    assert "what to do" in done.stderr
