"""The compose file by its specification, and the images' files by a linter."""

from pathlib import Path

import pytest

from tests.deploy.checkers import checked

ROOT = Path(__file__).resolve().parents[2]


def test_the_compose_file_follows_the_specification() -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml"))


@pytest.mark.parametrize("name", ["Dockerfile", "simulator/Dockerfile"])
def test_the_linter_has_nothing_to_say_of_an_image(name: str) -> None:
    checked("hadolint", "--failure-threshold", "style", str(ROOT / name))
