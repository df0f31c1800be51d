"""Only a paper account is ever asked."""

import pytest

from conformance.__main__ import main
from conformance.paper import RefusedError, access_from
from settings import LIVE_WORD, BrokerSettings

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


def test_live_settings_are_refused_even_when_asked_for_directly() -> None:
    live = BrokerSettings.model_validate(KEYS | {"environment": "live", "live_confirmation": LIVE_WORD})

    with pytest.raises(RefusedError, match="paper accounts only"):
        access_from(live, may_order=False)
