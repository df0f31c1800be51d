"""The lock files hold what pyproject.toml asks for, so that `make lock` changes nothing that is not asked for."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN: Sequence[str] = PROJECT["project"]["dependencies"]
GROUPS: dict[str, Sequence[str]] = PROJECT["dependency-groups"]


@pytest.mark.parametrize(
    ("lock", "asked"),
    [
        ("requirements.lock", RUN),
        ("requirements-dev.lock", [*RUN, *GROUPS["dev"]]),
        ("requirements-audit.lock", GROUPS["audit"]),
    ],
)
def test_a_lock_file_holds_what_is_asked_for_with_hashes(lock: str, asked: Sequence[str]) -> None:
    text = (ROOT / lock).read_text()
    locked = dict(re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, re.MULTILINE))
    wanted = [Requirement(each) for each in asked]

    assert not [
        str(each)
        for each in wanted
        if not (version := locked.get(canonicalize_name(each.name))) or not each.specifier.contains(version)
    ]
    assert not [block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:] if "--hash=sha256:" not in block]


def test_development_runs_the_versions_that_are_shipped() -> None:
    shipped, develops = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    )

    assert {name: develops.get(name) for name in shipped} == shipped
