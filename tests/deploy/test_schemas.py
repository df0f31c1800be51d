"""The compose file by its specification, and the Dockerfile by a linter."""

from pathlib import Path

from tests.deploy.checkers import checked

ROOT = Path(__file__).resolve().parents[2]


def test_the_compose_file_follows_the_specification() -> None:
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml"))


def test_the_dockerfile_has_nothing_that_the_linter_knows() -> None:
    checked("hadolint", "--failure-threshold", "style", str(ROOT / "Dockerfile"))
