"""Rates in settings need a percent sign; without one they are refused with the correct form."""

from decimal import Decimal

import pytest

from domain.costs import BANKIS_COMMISSION, PAPER_COMMISSION
from runtime.broker_settings import BrokerSettings
from runtime.settings import Settings, SettingsError, load_settings

pytestmark = pytest.mark.usefixtures("nothing_configured")
PAPER = {
    "HARU_BROKER__APP_KEY": "k" * 36,
    "HARU_BROKER__APP_SECRET": "s" * 180,
    "HARU_BROKER__ACCOUNT": "12345678-01",
    "HARU_BROKER__HTS_ID": "somebody",
}


def configured(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def complaint(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    with pytest.raises(SettingsError) as caught:
        configured(monkeypatch, **values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("3", "write 3%; "),
        ("1", "write 1%; "),
        ("0.5", "write 0.5%; "),
        ("0.03", "write 0.03%, or 3% if a fraction was meant; "),
    ],
)
def test_a_rate_without_a_percent_sign_is_refused_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, value: str, advice: str
) -> None:
    text = complaint(monkeypatch, HARU_RULES__EXITS__STOP_LOSS=value)

    assert text.startswith(f"HARU_RULES__EXITS__STOP_LOSS={value}: a rate needs a percent sign; {advice}")


def test_a_rate_of_zero_needs_no_percent_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, HARU_RULES__EXITS__STOP_LOSS="0").rules.exits.stop_loss == 0


def test_rules_are_described_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    described = configured(monkeypatch, HARU_RULES__EXITS__STOP_LOSS="2.5%").describe()

    assert described == {"HARU_RULES__EXITS__STOP_LOSS": "2.5%"}


def test_the_commission_is_that_of_the_account_but_for_the_simulators_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, **PAPER).broker.commission == PAPER_COMMISSION == Decimal("0.000142")
    paper = configured(monkeypatch, **PAPER, HARU_BROKER__COMMISSION="0.015%")
    assert paper.broker.commission == Decimal("0.00015")
    assert BrokerSettings().commission == BANKIS_COMMISSION

    for name in PAPER:
        monkeypatch.delenv(name)
    assert "unset HARU_BROKER__COMMISSION" in complaint(monkeypatch)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("14%", "must be within 0%..1%"),
        ("-0.01%", "must be within 0%..1%"),
        ("0.0001", "write 0.0001%, or 0.01% if a fraction was meant"),
        ("0.014", "write 0.014% (it is"),
        ("cheap", "it must look like 0.0140527%"),
        ("０.014%", "write 0.014%"),
    ],
)
def test_a_commission_that_cannot_be_meant_is_refused_with_what_to_write(
    monkeypatch: pytest.MonkeyPatch, value: str, advice: str
) -> None:
    text = complaint(monkeypatch, **PAPER, HARU_BROKER__COMMISSION=value)

    assert text.startswith("HARU_BROKER__COMMISSION: ")
    assert advice in text
