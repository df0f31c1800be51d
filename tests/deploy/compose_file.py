"""Parses the small part of YAML that our compose file uses, and refuses the rest."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEY = re.compile(r"([\w./-]+):(?: (.+))?$")
_AMBIGUOUS = re.compile(r"(?i)yes|no|on|off|null|~|\d+([.:_]\d+)?")
_VARIABLE = re.compile(r"\$\{(\w+):([-?])([^}]*)\}")


@dataclass(frozen=True)
class Line:
    number: int
    indent: int
    text: str


def read_compose(path: Path) -> Any:
    """Return the file as dictionaries, lists and strings; ValueError with the line for unsupported syntax."""
    lines = list(_lines(path.read_text()))
    value, rest = _block(lines, 0)
    if rest:
        raise ValueError(f"line {rest[0].number}: unexpected indentation")
    return value


def interpolated(value: str, given: dict[str, str]) -> str:
    """Expand `${NAME:-default}` and `${NAME:?complaint}` as compose does; ValueError with the complaint."""

    def filled(found: re.Match[str]) -> str:
        if not given.get(found[1]) and found[2] == "?":
            raise ValueError(f"{found[1]}: {found[3]}")
        return given.get(found[1]) or found[3]

    return _VARIABLE.sub(filled, value)


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if content and not content.startswith("#"):
            if "\t" in line or line != line.rstrip() or " #" in content:
                raise ValueError(f"line {number}: tabs, trailing space and comments beside values are not kept to")
            yield Line(number, len(line) - len(line.lstrip()), content)


def _block(lines: list[Line], indent: int) -> tuple[Any, list[Line]]:
    return _list(lines, indent) if lines[0].text.startswith("- ") else _mapping(lines, indent)


def _mapping(lines: list[Line], indent: int) -> tuple[dict[str, Any], list[Line]]:
    found: dict[str, Any] = {}
    while lines and lines[0].indent == indent:
        line, *lines = lines
        match = _KEY.match(line.text)
        if match is None or match[1] in found:
            raise ValueError(f"line {line.number}: not a key, or one twice: {line.text}")
        if match[2] is not None:
            found[match[1]] = _scalar(match[2], line)
        elif lines and lines[0].indent > indent:
            found[match[1]], lines = _block(lines, lines[0].indent)
        else:
            found[match[1]] = None
    return found, lines


def _list(lines: list[Line], indent: int) -> tuple[list[Any], list[Line]]:
    found = []
    while lines and lines[0].indent == indent and lines[0].text.startswith("- "):
        line, *lines = lines
        item = line.text[2:]
        if item.startswith('"') or not _KEY.match(item):
            found.append(_scalar(item, line))
            continue
        mapping, lines = _mapping([Line(line.number, indent + 2, item), *lines], indent + 2)
        found.append(mapping)
    return found, lines


def _scalar(text: str, line: Line) -> Any:
    if text[0] in '["':
        return json.loads(text)
    if text in ("true", "false"):
        return text == "true"
    if text.isdecimal():
        return int(text)
    if text[0] in "{&*!|>%@`'" or ": " in text or _AMBIGUOUS.fullmatch(text):
        raise ValueError(f"line {line.number}: quote this: {text}")
    return text


ROOT = Path(__file__).resolve().parents[2]
COMPOSE = read_compose(ROOT / "docker-compose.yml")
SERVICES: dict[str, Any] = COMPOSE["services"]
MUTUAL_TLS = read_compose(ROOT / "deploy" / "compose-mtls.yml")
"""What is added to the compose file for real money."""
SECRETS_GROUP = 10002
"""The group of the secrets' files, which the containers join."""


def environment_of(service: str, **given: str) -> dict[str, str]:
    return {name: interpolated(value, given) for name, value in SERVICES[service]["environment"].items()}


def variables_of(file: str) -> dict[str, str]:
    lines = (ROOT / "deploy" / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
