"""Dashboard and alert rules: each query names a metric that exists, and each metric of ours is documented and used."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runtime.metrics import HELP

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/observability"
RULES = (FOLDER / "rules.yml").read_text(encoding="utf-8")
TEMPORAL = {"temporal_workflow_task_execution_failed_total", "temporal_worker_task_slots_available"}
"""The SDK's metrics that we use, under the names that our settings of the runtime give them."""
_NAME = re.compile(r"\b(?:haru|temporal)_\w+")


def queries() -> list[str]:
    """Return the queries of the dashboard and of the rules."""
    dashboard = json.loads((FOLDER / "grafana/dashboards/haru.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*shown, *re.findall(r"^ +expr: (.+)$", RULES, re.MULTILINE)]


@pytest.mark.parametrize("query", queries())
def test_each_query_names_metrics_that_exist(query: str) -> None:
    named = set(_NAME.findall(query))

    assert named or query == 'up{job="haru"} == 0'
    assert named <= HELP.keys() | TEMPORAL


def test_each_metric_is_shown_on_the_dashboard_or_in_a_rule() -> None:
    assert set(_NAME.findall(" ".join(queries()))) >= HELP.keys()


def test_each_metric_is_documented() -> None:
    page = (ROOT / "docs/observability.md").read_text(encoding="utf-8")

    assert {name for name in HELP if f"`{name}`" not in page} == set()


def test_each_rule_says_what_to_do() -> None:
    rules = RULES.split("- alert:")[1:]

    assert [rule for rule in rules if "severity:" not in rule or "action:" not in rule or "summary:" not in rule] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is missing")
@pytest.mark.parametrize("words", [("rules", "rules.yml"), ("config", "prometheus.yml")])
def test_prometheus_accepts_the_files(words: tuple[str, str]) -> None:
    checked = subprocess.run(
        ["promtool", "check", words[0], str(FOLDER / words[1])],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert checked.returncode == 0, checked.stderr
