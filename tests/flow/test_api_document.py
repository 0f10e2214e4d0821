"""docs/api.yaml describes the API that the program serves: the same routes, the same members."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

PROJECT = pathlib.Path(__file__).parent.parent.parent
PROGRAM = pathlib.Path(os.environ.get("GATEHOUSE_BIN", "bin")) / "api_description"
DOCUMENT = yaml.safe_load((PROJECT / "docs/api.yaml").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = {"get", "put", "post", "delete", "patch"}

# Members that are no fields of a record.
ADDED = {
    "Secret": {"password"},
    "Configuration": {"content"},
    "Certificate": {"der"},
    "CsrattrsVerdict": {"hint"},
    "Crl": {"der"},
    "Event": {"hint"},
    "StoredVoucher": {"hint"},
    "Stranger": {"hint"},
    "Identity": {"timeline"},
    "Order": {"hint", "waits-for", "request", "work", "result"},
}
TYPES = {
    "bool": {"type": "boolean"},
    "uint": {"type": "integer"},
    "time": {"type": "string", "format": "date-time"},
    "duration": {"type": "string"},
    "size": {"type": "string"},
    "text": {"type": "string"},
    "octets": {"type": "string", "contentEncoding": "base64"},
    "hex": {"type": "string"},
    "enum": {"type": "string"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "octets-list": {"type": "array", "items": {"type": "string", "contentEncoding": "base64"}},
    "record": {"type": "object"},
    "records": {"type": "array"},
}

pytestmark = pytest.mark.skipif(
    not PROGRAM.is_file(), reason=f"{PROGRAM} is not built (GATEHOUSE_BIN)"
)


@pytest.fixture(scope="module", name="described")
def fixture_described():
    done = subprocess.run([PROGRAM], capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def schema_name(record):
    return "".join(word.capitalize() for word in re.split("[- ]", record))


def test_every_route_is_documented_and_every_documented_one_is_there(described):
    served = {(route["method"], route["path"]) for route in described["routes"]}
    documented = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, item in DOCUMENT["paths"].items()
        for method in item.keys() & METHODS
    }
    assert documented == served
    assert len(served) == len(described["routes"])


def test_every_operation_says_what_it_is_for_and_how_it_fails():
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() & METHODS:
            operation = item[method]
            assert operation["summary"].endswith("."), (method, path)
            assert "default" in operation["responses"], (method, path)


def test_path_parameters_are_declared():
    for path, item in DOCUMENT["paths"].items():
        for method in item.keys() & METHODS:
            declared = item.get("parameters", []) + item[method].get("parameters", [])
            names = {p["name"] for p in declared if p.get("in") == "path"}
            assert names == set(re.findall(r"\{([^}]*)\}", path)), (method, path)


def check_fields(fields, schema, where, added=frozenset()):
    properties = schema["properties"]
    assert set(properties) - added == {f["name"] for f in fields}, where
    assert set(schema.get("required", [])) == {f["name"] for f in fields if f["required"]}, where
    for f in fields:
        name = f"{where}.{f['name']}"
        member = properties[f["name"]]
        expected = TYPES[f["kind"]]
        assert {key: member.get(key) for key in expected} == expected, name
        assert member.get("enum") == f.get("enum"), name
        assert member.get("readOnly", False) == f["read-only"], name
        assert member.get("writeOnly", False) == f["write-only"], name
        assert member["description"], name
        if "fields" in f:
            check_fields(f["fields"], member.get("items", member), name)


def test_members_are_those_of_the_field_tables(described):
    for record, fields in described["types"].items():
        name = schema_name(record)
        check_fields(fields, SCHEMAS[name], name, ADDED.get(name, frozenset()))


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    used = set(references(DOCUMENT))
    for reference in used:
        node = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    for name in SCHEMAS:
        assert any(r.startswith(f"#/components/schemas/{name}") for r in used), name
