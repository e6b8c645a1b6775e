"""Holds the double, and what we send it, to X's own description of its interface (OpenAPI 3), where one is at hand.

`COMPTOIR_X_OPENAPI` names the file; it is X's and not part of this project. The checks cover the words of JSON Schema
that it uses for the calls that we make.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

WHERE = os.environ.get("COMPTOIR_X_OPENAPI", "")
KINDS: Mapping[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
}  # fmt: skip


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the description; an empty one where none is at hand."""
    found: dict[str, Any] = json.loads(Path(WHERE).read_text()) if WHERE else {}
    return found


def faults_of(method: str, target: str, body: bytes, status: int, answer: bytes) -> list[str]:
    """Return what is wrong with one exchange; nothing where no description is at hand."""
    if not WHERE or "/oauth2/" in target:
        return []
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    found = next((place for place in document()["paths"] if _matches(place, path)), None)
    operation = document()["paths"].get(found, {}).get(method.lower()) if found else None
    if operation is None:
        return [f"There is no {method} {path}"]
    faults = list(_of_query(operation, query))
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        faults += _faults(json.loads(body), schema, f"{method} {path}: body")
    told = operation["responses"].get(str(status), operation["responses"]["default"])
    schemas = [kind["schema"] for name, kind in told["content"].items() if "json" in name]
    if schemas:
        options = [list(_faults(json.loads(answer), schema, f"{method} {path}: {status}")) for schema in schemas]
        faults += min(options, key=len)
    return faults


def _matches(place: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", place), path) is not None


def _of_query(operation: Mapping[str, Any], query: Mapping[str, list[str]]) -> Iterator[str]:
    known = {}
    for one in operation.get("parameters", []):
        one = _resolved(one)  # what the reference stands for
        known[one["name"]] = _resolved(one.get("schema", {}))
    for name, values in query.items():
        if name not in known:
            yield f"There is no parameter {name}"
            continue
        schema = known[name]
        if schema.get("type") == "array":
            for value in values[0].split(","):
                yield from _faults(value, schema["items"], name)
        elif schema.get("type") == "integer":
            yield from _faults(int(values[0]), schema, name)
        else:
            yield from _faults(values[0], schema, name)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = document()
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        schema = found
    return schema


def _faults(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    schema = _resolved(schema)
    for choice in ("oneOf", "anyOf"):
        if choice in schema and not any(not list(_faults(value, one, place)) for one in schema[choice]):
            yield f"{place}: fits none of the {choice}"
    kind = schema.get("type")
    if kind and not (isinstance(value, KINDS[kind]) and not (kind == "integer" and isinstance(value, bool))):
        yield f"{place}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {schema['enum']}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place}: {value!r} is not like {schema['pattern']}"
        if len(value) < schema.get("minLength", 0):
            yield f"{place}: {value!r} is too short"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value!r} is out of bounds"
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{place}: {len(value)} items"
        for number, one in enumerate(value):
            yield from _faults(one, schema.get("items", {}), f"{place}[{number}]")
    if isinstance(value, dict):
        yield from _of_object(value, schema, place)


def _of_object(value: dict[str, Any], schema: dict[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{place}: {name} is missing"
    for name, held in value.items():
        if name in known:
            yield from _faults(held, known[name], f"{place}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{place}: there is no {name}"
