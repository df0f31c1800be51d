"""Only paper accounts are asked."""

import pytest

from domain.identity import Environment
from runtime.settings import Settings, load_settings
from tools.conformance.__main__ import main
from tools.conformance.paper import REST_URL, RefusedError, paper_access

KEYS = {"APP_KEY": "PS" + "k" * 34, "APP_SECRET": "s" * 180, "ACCOUNT": "12345678-01", "HTS_ID": "haru"}


def with_keys(monkeypatch: pytest.MonkeyPatch, **changed: str) -> Settings:
    for name, value in (KEYS | changed).items():
        monkeypatch.setenv(f"HARU_BROKER__{name}", value)
    return load_settings()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "no paper keys: set HARU_BROKER__APP_KEY"),
        ({"APP_KEY": "k"}, "HARU_BROKER__APP_SECRET"),
        (KEYS | {"ENVIRONMENT": "live"}, "live trading needs"),
    ],
)
def test_without_a_paper_account_nothing_is_asked(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"HARU_BROKER__{name}", value)

    code = main(["--kis", "paper", "--orders", "yes"])

    assert code == 2
    assert said in capsys.readouterr().err


def test_complete_live_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = with_keys(monkeypatch)
    live = settings.broker.model_copy(update={"environment": Environment.LIVE})

    with pytest.raises(RefusedError, match="paper accounts only"):
        paper_access(settings.model_copy(update={"broker": live}), may_order=False)


def test_paper_keys_lead_to_the_paper_service(monkeypatch: pytest.MonkeyPatch) -> None:
    access = paper_access(with_keys(monkeypatch), may_order=False)

    assert (access.rest_url, access.service, access.account, access.product) == (REST_URL, "paper", "12345678", "01")
    assert (access.may_order, access.is_simulated, access.pace) == (False, False, 1.1)
