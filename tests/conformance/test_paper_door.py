"""Only a paper account is ever asked."""

import pytest

from broker_settings import LIVE_WORD, BrokerSettings
from conformance.__main__ import main
from conformance.paper import RefusedError, access_from

KEYS = {"app_key": "PS" + "k" * 34, "app_secret": "s" * 180, "account": "12345678-01", "hts_id": "haru"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "no paper keys: set HARU_BROKER__APP_KEY"),
        (
            {
                **{f"HARU_BROKER__{name.upper()}": value for name, value in KEYS.items()},
                "HARU_BROKER__ENVIRONMENT": "live",
                "HARU_BROKER__LIVE_CONFIRMATION": LIVE_WORD,
                "HARU_BROKER__LIVE_ACCOUNT": KEYS["account"],
                "HARU_RULES__RISK__FLEET_DAILY_LOSS": "100,000,000",
            },
            "conformance is asked of paper accounts only",
        ),
        ({"HARU_BROKER__APP_KEY": "k"}, "HARU_BROKER__APP_SECRET"),
    ],
)
def test_without_a_paper_account_nothing_is_asked(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    code = main(["--kis", "paper", "--orders", "yes"])

    assert code == 2
    assert said in capsys.readouterr().err


LIVE = {"environment": "live", "live_confirmation": LIVE_WORD, "live_account": KEYS["account"]}


def test_live_settings_are_refused_even_when_asked_for_directly() -> None:
    live = BrokerSettings.model_validate(KEYS | LIVE)

    with pytest.raises(RefusedError, match="paper accounts only"):
        access_from(live, may_order=False)
