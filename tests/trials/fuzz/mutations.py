"""Seeded damage to a reply: to its values, its shape and its bytes."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from broker.kis.codes import MEANINGS

Json = Any

ODD_TEXTS: Final = (
    *(
        "",
        " ",
        "0",
        "-1",
        "-0",
        "+7",
        "00000",
        "1.5",
        "1e9",
        "0x1f",
        "NaN",
        "Infinity",
        "70,000",
        "７０",
        "9" * 40,
        "-" * 9,
    ),
    *(
        "20260230",
        "00000000",
        "99999999",
        "240000",
        "235960",
        "Y",
        "N",
        "null",
        "없음",
        "삼성전자",
        "O'Brien; DROP TABLE",
        "\x00",
    ),
    *("\ud800", "\u202e0001", "a" * 5_000, "0000000000", "0000000762", "       762", "1", "2", "7", "MCA00000"),
)
ODD_VALUES: Final[tuple[Json, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    7,
    10**30,
    1.5,
    -0.0,
    math.nan,
    math.inf,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    [None],
)
STATUSES: Final = (200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 500, 502, 503, 504)
PAGES: Final = (
    b"<html><head><title>502 Bad Gateway</title></head><body></body></html>",
    "시스템 점검 중입니다. 08:00 이후에 이용하여 주십시오.".encode(),
    "점검".encode("cp949"),
    *(b"", b"null", b"[]", b"{}", b'"0"', b"{", b"\xff\xfe\x00", b"[" * 3_000, b'{"rt_cd":"0"}'),
)
CODES: Final = tuple(sorted(MEANINGS))


@dataclass(frozen=True, slots=True)
class Damaged:
    """A reply as received."""

    status: int
    content: bytes
    tr_cont: str


def damaged(reply: Json, chance: Random) -> Damaged:
    """Return a reply with one to three kinds of damage, drawn from ``chance`` alone."""
    status = chance.choice(STATUSES) if chance.random() < 0.25 else 200
    tr_cont = chance.choice(("", "D", "E", "F", "M", "x")) if chance.random() < 0.2 else ""
    if chance.random() < 0.04:
        return Damaged(status, chance.choice(PAGES), tr_cont)
    for _ in range(chance.choice((1, 1, 2, 3))):
        reply = chance.choice(_CHANGES)(reply, chance)
    content = json.dumps(reply).encode()
    return Damaged(status, _bytes(content, chance) if chance.random() < 0.12 else content, tr_cont)


def damaged_text(text: str, chance: Random) -> str:
    """Return a stream's text with its separators, fields or characters damaged."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        fields = text.split("^")
        place = chance.randrange(len(fields))
        match chance.randrange(7):
            case 0:
                del fields[place]
            case 1:
                fields.insert(place, chance.choice(ODD_TEXTS))
            case 2 | 3:
                fields[place] = chance.choice(ODD_TEXTS)
            case 4:
                fields = [_bytes(text.encode("utf-8", "replace"), chance).decode("utf-8", "replace")]
            case 5:
                fields = [text.replace("|", chance.choice(("", "||", "^")), 1)]
            case _:
                fields = fields * chance.randint(2, 3)
        text = "^".join(fields)
    return text


def _places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, child in children for found in _places(child, (*path, key)))]


def _changed(value: Json, path: tuple[Any, ...], change: Callable[[Json], Json]) -> Json:
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], change)
    return copy


def _somewhere(change: Callable[[Json, Random], Json]) -> Callable[[Json, Random], Json]:
    def apply(reply: Json, chance: Random) -> Json:
        return _changed(reply, chance.choice(_places(reply)), lambda value: change(value, chance))

    return apply


def _without_a_part(value: Json, chance: Random) -> Json:
    if isinstance(value, dict) and value:
        lost = chance.choice(list(value))
        return {key: part for key, part in value.items() if key != lost}
    return value[:-1] if isinstance(value, list) else ""


def _with_a_part_more(value: Json, chance: Random) -> Json:
    if isinstance(value, dict):
        return value | {chance.choice(("new_field", "ODNO", "rt_cd", "output")): chance.choice(ODD_TEXTS)}
    return [*value, *value] if isinstance(value, list) else f"{value}{chance.choice(ODD_TEXTS)}"


def _retyped(value: Json, chance: Random) -> Json:
    digits = isinstance(value, str) and value.isascii() and value.strip().isdigit()
    return chance.choice([*ODD_VALUES, [value], {"value": value}, *([int(value), float(value)] if digits else [])])


def _with_a_code(reply: Json, chance: Random) -> Json:
    if not isinstance(reply, dict):
        return reply
    return reply | {"msg_cd": chance.choice(CODES), "rt_cd": chance.choice(("0", "1", "2", "7", "9", ""))}


def _in_other_case(value: Json, _: Random) -> Json:
    return {key.swapcase(): part for key, part in value.items()} if isinstance(value, dict) else value


_CHANGES: Final[tuple[Callable[[Json, Random], Json], ...]] = (
    _somewhere(lambda _, chance: chance.choice(ODD_TEXTS)),
    _somewhere(lambda _, chance: chance.choice(ODD_TEXTS)),
    _somewhere(_retyped),
    _somewhere(_without_a_part),
    _somewhere(_with_a_part_more),
    _somewhere(_in_other_case),
    _with_a_code,
)


def _bytes(content: bytes, chance: Random) -> bytes:
    if not content:
        return content
    at = chance.randrange(len(content))
    match chance.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
        case 2:
            return content[at:]
        case _:
            return content + content[at:]
