"""The SDK's private parts are used in one file."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = re.compile(r"temporalio\.(bridge\.proto|worker\._)|\b(workflow|activity)\._Definition|instance\._object")


def test_only_the_adapter_names_private_parts_of_temporal() -> None:
    users = {
        str(path.relative_to(ROOT))
        for folder in ("lab", "tests", "tools", "workflows", "activities", "runtime", "cli", "fleet", "verifier")
        for path in (ROOT / folder).rglob("*.py")
        if PRIVATE.search(path.read_text()) and path != Path(__file__)
    }

    assert users == {"lab/temporal_parts.py"}
