"""
docs/conformance.md held against the source: each row names code and a test, each code reference is
a function (or a table of data) that stands in that file, and each test is one that runs.
"""

import ast
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = "docs/conformance.md"
REFERENCE = re.compile(r"`([\w./-]+\.(?:c|h|py)):([\w-]+)`")
HEADING = re.compile(r"^#+ (.*)")
# What must have a row: the MUST list of RFC 8995 and its updates, but for the rows that are about
# CoAP and BRSKI-PRM, and each section of draft-ietf-anima-brski-cloud, RFC 7030, RFC 8951 and
# RFC 9908 that asks something of us.
MUSTS = {str(number) for number in range(1, 23)} - {"20", "21"}
CLOUD_SECTIONS = {"2.1", "2.2", "3.1.1", "3.1.2", "3.1.3", "3.2", "3.2.1", "3.2.2", "3.2.3", "3.3.1",
                  "3.3.2", "4.1", "4.2", "7.1", "7.2", "8.2", "8.3", "8.4", "8.5"}
EST_SECTIONS = {"7030 3.2.1", "7030 3.2.2", "7030 3.2.3", "7030 3.2.4", "7030 3.3", "7030 3.3.1",
                "7030 3.3.2", "7030 3.4", "7030 3.5", "7030 3.6.1", "7030 3.7", "7030 4.1.2",
                "7030 4.1.3", "7030 4.2.1", "7030 4.2.2", "7030 4.2.3", "7030 4.3", "7030 4.3.1",
                "7030 4.3.2", "7030 4.4", "7030 4.4.1", "7030 4.4.1.2", "7030 4.4.2", "7030 4.5.1",
                "7030 4.5.2",
                "8951 3", "8951 3.1", "8951 4", "8951 5", "9908 3.2", "9908 3.4", "9908 4"}


def rows():
    """(line number, section heading, cells) of each row of a table that has code and tests."""
    heading, columns = "", None
    for number, line in enumerate((ROOT / DOCUMENT).read_text().splitlines(), 1):
        found = HEADING.match(line)
        if found:
            heading, columns = found[1], None
        if not line.startswith("|"):
            columns = None
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if columns is None:
            columns = cells
        elif not set(cells[0]) <= {"-", ":", " "} and {"code", "tests"} <= set(columns):
            yield number, heading, dict(zip(columns, cells))


@lru_cache(None)
def text_of(name):
    path = ROOT / name
    return path.read_text() if path.is_file() else None


@lru_cache(None)
def python_functions(name):
    """Each function of a Python file, and how many decorators it has."""
    return {node.name: len(node.decorator_list) for node in ast.walk(ast.parse(text_of(name)))
            if isinstance(node, ast.FunctionDef)}


def stands_in(name, symbol):
    """A function is defined, or a constant table filled, in that file."""
    text = text_of(name)
    if name.endswith(".py"):
        return symbol in python_functions(name)
    function = re.search(rf"^[A-Za-z][^;#\n]*\b{re.escape(symbol)}\([^;{{}}]*\)\s*\n\{{", text, re.M)
    table = re.search(rf"^[A-Za-z][^;(]*\b{re.escape(symbol)}(\[[^\]]*\])*\s*=\s*", text, re.M)
    macro = re.search(rf"^#define {re.escape(symbol)}\b", text, re.M)
    return bool(function or table or macro)


def runs(name, symbol):
    """A test that pytest collects, a check of tests/verify, or one that a unit test's main names."""
    if name.startswith("tests/verify/"):
        return python_functions(name).get(symbol, 0) > 0
    if name.endswith(".py"):
        return symbol.startswith("test_") and symbol in python_functions(name)
    _, _, main = text_of(name).partition("\nint main(")
    return re.search(rf"\b{re.escape(symbol)}\b", main) is not None


def check_cell(number, cell, kind, is_there):
    references = REFERENCE.findall(cell)
    if not references:
        yield f"{DOCUMENT}:{number}: names no {kind}"
    for name, symbol in references:
        if text_of(name) is None:
            yield f"{DOCUMENT}:{number}: {name} does not exist"
        elif not is_there(name, symbol):
            yield f"{DOCUMENT}:{number}: {name} has no {kind} {symbol}"


def conformance():
    """docs/conformance.md names code and tests that are there, and leaves nothing out."""
    wrong, seen = [], {"MUST": set(), "brski-cloud": set(), "": set()}
    for number, heading, cells in rows():
        wrong += check_cell(number, cells["code"], "code", stands_in)
        wrong += check_cell(number, cells["tests"], "test", runs)
        first = next(iter(cells.values()))
        for word, firsts in seen.items():
            if word in heading:
                firsts.add(first)
    wrong += [f"{DOCUMENT}: no row for number {number} of the MUST list"
              for number in sorted(MUSTS - seen["MUST"], key=int)]
    wrong += [f"{DOCUMENT}: no row for section {section} of brski-cloud"
              for section in sorted(CLOUD_SECTIONS - seen["brski-cloud"])]
    wrong += [f"{DOCUMENT}: no row for RFC {section}"
              for section in sorted(EST_SECTIONS - seen[""])]
    return wrong
