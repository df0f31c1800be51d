"""The compose file by its specification, and the images' files by a linter."""

from pathlib import Path

import pytest

from tests.deploy.checkers import checked

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["docker-compose.yml", "deploy/compose-mtls.yml"])
def test_the_compose_file_follows_the_specification(name: str) -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / name))


@pytest.mark.parametrize("name", ["Dockerfile", "simulator/Dockerfile"])
def test_the_linter_has_nothing_to_say_of_an_image(name: str) -> None:
    checked("hadolint", "--failure-threshold", "style", str(ROOT / name))
