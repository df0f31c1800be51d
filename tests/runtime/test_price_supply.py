"""The sources of prices follow from the settings: environment, stream, and a key of its own for quotations."""

import pytest

from cli.doctor.machine_checks import look_at_prices
from domain.capacity import PriceSupply
from domain.rules import ExecutionRules
from runtime.price_supply import supply_of
from tests.runtime.test_settings import KIS, LIVE, configured

pytestmark = pytest.mark.usefixtures("nothing_configured")


@pytest.mark.parametrize(
    ("values", "supply"),
    [
        ({}, PriceSupply(39, 18, 30)),
        (LIVE, PriceSupply(39, 18, 30)),
        ({**LIVE, "HARU_BROKER__CALLS_PER_SECOND": "3"}, PriceSupply(39, 3, 30)),
        (KIS, PriceSupply(39, 1, 1)),
        ({**KIS, "HARU_STREAM__ENABLED": "no"}, PriceSupply(0, 1, 1)),
        ({**KIS, "HARU_STREAM__REGISTRATIONS": "20"}, PriceSupply(18, 1, 1)),
        (
            {**KIS, "HARU_QUOTATIONS__APP_KEY": "q" * 36, "HARU_QUOTATIONS__APP_SECRET": "s" * 180},
            PriceSupply(39, 18, 30),
        ),
    ],
)
def test_the_supply_of_settings(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], supply: PriceSupply) -> None:
    assert supply_of(configured(monkeypatch, **values)) == supply


def test_the_doctor_shows_the_capacity() -> None:
    assert look_at_prices(PriceSupply(39, 18, 30), ExecutionRules()).text == (
        "at most 1320 stocks may be held, each price at most 5 s old: 39 by stream, and 10.0 calls a second for 30 each"
    )
