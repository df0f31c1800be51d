"""The list of a host's duties: complete, in order, and named once each."""

import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any

import pytest

import fleet.duties
from domain.identity import AccountId
from fleet.duties.account import AccountDuty
from fleet.duties.duty import Terms
from fleet.duties.host import HostDuty
from fleet.duties.key_hold import KeyHold
from fleet.duties.release import ReleaseDuty
from fleet.duties.strategies import StrategyDuty
from runtime.auditing import AuditDuty
from runtime.duties import HostParts, Membership, duties_of
from runtime.metrics import MetricsDuty
from runtime.settings import load_settings
from strategies import known

pytestmark = pytest.mark.usefixtures("nothing_configured")
OF_THE_EMBEDDED_PARTS = {"DiskDuty", "DiskSaleDuty"}
OF_THE_STREAM = {"StreamDuty", "PhaseDuty"}


def kinds() -> set[str]:
    """Return the names of all duties that a module of ours defines."""
    modules = [
        importlib.import_module(f"fleet.duties.{each.name}") for each in pkgutil.iter_modules(fleet.duties.__path__)
    ]
    classes = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    elsewhere = {AuditDuty.__name__, MetricsDuty.__name__}
    return {each.__name__ for each in classes if isinstance(vars(each).get("terms"), Terms)} | elsewhere


def listed() -> list[Any]:
    fleet: Any = SimpleNamespace(client=None, account_id=AccountId("ours"))
    anything: Any = SimpleNamespace(take_unreadable=None, books=None)
    return duties_of(
        HostParts(
            settings=load_settings(),
            fleet=fleet,
            membership=Membership(
                AccountDuty(fleet, "ours"),
                KeyHold(fleet, []),
                HostDuty(fleet),
                StrategyDuty(fleet, known(), load_settings().rules),
                ReleaseDuty(fleet, "host", load_settings().release.build),
            ),
            broker=anything,
            day_start=anything,
            gate=anything,
            direct=anything,
            channels=(),
            refusals=anything,
            chat=None,
            acts={},
        )
    )


def names(duties: list[Any]) -> set[str]:
    return {type(duty).__name__ for duty in duties}


def test_a_host_runs_every_duty_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_ALERTS__HEARTBEAT_URL", "https://ping.test/1")
    monkeypatch.setenv("HARU_RETENTION__PRICE_DAYS", "400")
    monkeypatch.setenv("HARU_TELEMETRY__PROMETHEUS_ADDRESS", "127.0.0.1:9464")

    assert names(listed()) == kinds()
    assert len({duty.terms.name for duty in listed()}) == len(kinds())


def test_the_hold_of_the_account_and_the_heartbeat_of_the_host_stop_last() -> None:
    assert [type(duty) for duty in listed()[:3]] == [AccountDuty, HostDuty, KeyHold]


def test_settings_leave_duties_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_STREAM__ENABLED", "no")
    for name, value in {
        "DATABASE_URL": "postgresql://haru:key@127.0.0.1/haru",
        "TEMPORAL_ADDRESS": "127.0.0.1:7233",
        "HARU_SIMULATOR__URL": "http://127.0.0.1:9443",
    }.items():
        monkeypatch.setenv(name, value)

    left_out = {"Heartbeat", "MetricsDuty", "RetentionDuty"}
    assert names(listed()) == kinds() - OF_THE_STREAM - OF_THE_EMBEDDED_PARTS - left_out
