"""Settings from the environment, and the errors for wrong ones."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.close_plan import CloseLeads
from domain.identity import LIVE_WORD, Environment
from domain.rules import TradingRules
from domain.session import SessionHours
from runtime.place import leads_of
from runtime.settings import Settings, SettingsError, load_settings

pytestmark = pytest.mark.usefixtures("nothing_configured")
KIS = {
    "HARU_BROKER__APP_KEY": "k" * 36,
    "HARU_BROKER__APP_SECRET": "s" * 180,
    "HARU_BROKER__ACCOUNT": "12345678-01",
    "HARU_BROKER__HTS_ID": "somebody",
}

LIVE = {
    **KIS,
    "HARU_BROKER__ENVIRONMENT": "live",
    "HARU_BROKER__LIVE_CONFIRMATION": LIVE_WORD,
    "HARU_BROKER__LIVE_ACCOUNT": "12345678-01",
    "HARU_RULES__RISK__FLEET_DAILY_LOSS": "600,000",
}


def configured(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def complaint(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    with pytest.raises(SettingsError) as caught:
        configured(monkeypatch, **values)
    return str(caught.value)


def test_nothing_needs_to_be_configured() -> None:
    settings = load_settings()

    assert settings.data_dir == Path(".haru").absolute()
    assert settings.database_url is None
    assert "target_host" not in settings.temporal
    assert settings.broker.environment is Environment.SIMULATED
    assert (settings.simulator.speed, settings.simulator.seed) == (10, 7)
    assert settings.rules == TradingRules()
    assert settings.describe() == {}
    assert settings.secrets() == []


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        load_settings().data_dir = Path("elsewhere")


def test_the_usual_names_of_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(
        monkeypatch,
        DATABASE_URL="postgresql://haru:geheim@db:5432/haru",
        TEMPORAL_ADDRESS="temporal:7233",
        TEMPORAL_NAMESPACE="trading",
    )

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://haru:geheim@db:5432/haru"
    assert settings.temporal["target_host"] == "temporal:7233"
    assert settings.temporal["namespace"] == "trading"


def test_a_dot_env_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["HARU_SIMULATOR__SPEED=60", "HARU_SIMULATOR__SEED=3", "TEMPORAL_ADDRESS=temporal:7233", "OTHER=x"]
    (tmp_path / ".env").write_text("\n".join(lines))

    settings = configured(monkeypatch, HARU_SIMULATOR__SEED="4")

    assert (settings.simulator.speed, settings.simulator.seed) == (60, 4)
    assert settings.temporal["target_host"] == "temporal:7233"


def test_rules_are_read_into_the_domains_own_value(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = configured(
        monkeypatch,
        HARU_RULES__EXITS__STOP_LOSS="2%",
        HARU_RULES__RISK__SYMBOL_COOLDOWN="90s",
        HARU_RULES__RISK__CAPITAL_PER_TRADE="3,000,000",
        HARU_RULES__UNIVERSE__SYMBOLS="005930, 000660",
    ).rules

    assert rules.exits.stop_loss == Decimal("0.02")
    assert rules.exits.take_profit == TradingRules().exits.take_profit
    assert rules.risk.symbol_cooldown == timedelta(seconds=90)
    assert rules.risk.capital_per_trade == 3_000_000
    assert rules.version == 1
    assert rules.universe.symbols == ("005930", "000660")


def test_the_calendar_is_corrected_by_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = configured(
        monkeypatch,
        HARU_CALENDAR__CLOSURES="2026-12-01, 2026-12-02",
        HARU_CALENDAR__SESSIONS="2026-12-31",
        HARU_CALENDAR__HOURS="2026-11-19=09:00-15:20-15:30,2026-12-03=10:00-16:20-16:30",
    ).calendar.overrides()

    assert overrides.closures == {date(2026, 12, 1), date(2026, 12, 2)}
    assert overrides.sessions == {date(2026, 12, 31)}
    assert overrides.changed_hours[date(2026, 12, 3)] == SessionHours(time(10), time(16, 20), time(16, 30))


def test_the_close_is_planned_by_the_operators_minutes_and_the_accounts_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"HARU_CLOSE__ENTRIES_END": "40", "HARU_CLOSE__LIQUIDATION_BEGINS": "20"}

    simulated = leads_of(configured(monkeypatch, **given))
    paper = leads_of(configured(monkeypatch, **KIS, HARU_BROKER__ENVIRONMENT="paper"))

    assert simulated == CloseLeads(timedelta(minutes=40), timedelta(minutes=20), calls_per_second=18)
    assert paper == replace(simulated, calls_per_second=1)


def test_a_close_that_begins_in_the_closing_auction_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    said = complaint(monkeypatch, HARU_CLOSE__LIQUIDATION_BEGINS="5")

    assert said.startswith("HARU_CLOSE__LIQUIDATION_BEGINS: ")
    assert "greater than or equal to 11" in said


def test_a_start_without_a_zone_is_seouls(monkeypatch: pytest.MonkeyPatch) -> None:
    start = configured(monkeypatch, HARU_SIMULATOR__START="2026-11-23 08:58:00").simulator.start

    assert start == datetime(2026, 11, 22, 23, 58, tzinfo=UTC)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, HARU_SIMULATOR__URL="", DATABASE_URL="", HARU_BROKER__APP_KEY="")

    assert settings == Settings()
    assert settings.broker.environment is Environment.SIMULATED


def test_keys_alone_mean_paper_trading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured(monkeypatch, **KIS).broker.environment is Environment.PAPER


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("HARU_BROKER__LIVE_CONFIRMATION", f"HARU_BROKER__LIVE_CONFIRMATION={LIVE_WORD}"),
        ("HARU_BROKER__LIVE_ACCOUNT", "the same account number once more"),
        ("HARU_RULES__RISK__FLEET_DAILY_LOSS", "HARU_RULES__RISK__FLEET_DAILY_LOSS: what the account may lose"),
    ],
)
def test_live_trading_needs_the_word_the_account_again_and_a_loss_limit_of_its_own(
    monkeypatch: pytest.MonkeyPatch, missing: str, said: str
) -> None:
    incomplete = {name: value for name, value in LIVE.items() if name != missing}

    text = complaint(monkeypatch, **incomplete)

    assert "live trading needs" in text
    assert said in text
    settings = configured(monkeypatch, **{missing: LIVE[missing]})
    assert settings.broker.environment is Environment.LIVE


REAL_KEY = {"HARU_QUOTATIONS__APP_KEY": "r" * 36, "HARU_QUOTATIONS__APP_SECRET": "t" * 180}


def test_a_real_key_may_ask_for_quotations_beside_paper_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, **KIS, **REAL_KEY)

    assert settings.broker.environment is Environment.PAPER
    assert settings.quotations.calls_per_second == 18
    assert {"r" * 36, "t" * 180} <= set(settings.secrets())
    assert "r" * 36 not in str(settings.describe())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({**KIS, "HARU_QUOTATIONS__APP_KEY": "r" * 36}, "HARU_QUOTATIONS__APP_SECRET"),
        ({**KIS, "HARU_QUOTATIONS__APP_SECRET": "t" * 180}, "HARU_QUOTATIONS__APP_KEY"),
        ({**KIS, "HARU_QUOTATIONS__REST_URL": "http://127.0.0.1:1"}, "HARU_QUOTATIONS__APP_KEY"),
        (REAL_KEY, "not with simulated ones"),
        (
            {**LIVE, **REAL_KEY},
            "not with live ones",
        ),
        ({**KIS, **REAL_KEY, "HARU_QUOTATIONS__APP_KEY": KIS["HARU_BROKER__APP_KEY"]}, "this is the paper key"),
    ],
)
def test_a_key_for_quotations_is_refused_where_it_makes_no_sense(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], said: str
) -> None:
    text = complaint(monkeypatch, **values)

    assert text.startswith("HARU_QUOTATIONS")
    assert said in text
    assert "r" * 36 not in text
    assert "t" * 180 not in text


def test_the_account_repeated_for_live_trading_must_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = complaint(monkeypatch, **{**LIVE, "HARU_BROKER__LIVE_ACCOUNT": "12345679-01"})

    assert "HARU_BROKER__LIVE_ACCOUNT" in text
    assert "1234567" not in text
    undashed = configured(monkeypatch, HARU_BROKER__LIVE_ACCOUNT="1234567801")
    assert undashed.broker.environment is Environment.LIVE


def test_a_loss_limit_equal_to_the_default_counts_when_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = str(TradingRules().risk.fleet_daily_loss)

    settings = configured(monkeypatch, **{**LIVE, "HARU_RULES__RISK__FLEET_DAILY_LOSS": said})

    assert settings.broker.environment is Environment.LIVE


def test_a_token_key_that_is_none_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = complaint(monkeypatch, HARU_BROKER__TOKEN_KEY="not-a-fernet-key")

    assert text.startswith("HARU_BROKER__TOKEN_KEY: ")
    assert "starter.py new-key" in text
    assert "not-a-fernet-key" not in text


def test_paper_trading_needs_all_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    text = complaint(monkeypatch, HARU_BROKER__ENVIRONMENT="paper", HARU_BROKER__HTS_ID="somebody")

    assert "APP_KEY, HARU_BROKER__APP_SECRET, HARU_BROKER__ACCOUNT" in text
    assert "HTS_ID" not in text


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HARU_PORTS__POSTGRES", "99999", "54329"),
        ("HARU_PORTS__TEMPORAL", "seven", "7233"),
        ("HARU_SIMULATOR__SPEED", "0", "default 10"),
        ("HARU_SIMULATOR__START", "tomorrow", "'tomorrow'"),
        ("HARU_CALENDAR__CLOSURES", "2026-13-01", "'2026-13-01'"),
        ("HARU_CALENDAR__HOURS", "2026-11-19=16:30-10:00-16:20", "do not rise"),
        ("HARU_CALENDAR__HOURS", "2026-11-19", "HARU_CALENDAR__HOURS"),
        ("HARU_TELEMETRY__LOG_LEVEL", "loud", "info"),
        ("HARU_TELEMETRY__PROMETHEUS_ADDRESS", "9464", "'9464'"),
        ("HARU_BROKER__ENVIRONMENT", "real", "simulated"),
        ("HARU_BROKER__CALLS_PER_SECOND", "100", "20"),
        ("DATABASE_URL", "mysql://u:p@h/d", "postgresql://"),
    ],
)
def test_a_wrong_value_is_reported_with_its_variable_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    text = complaint(monkeypatch, **{name: value})

    assert text.startswith(f"{name}: ")
    assert said in text
    assert "unset it" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HARU_RULES__EXITS__STOP_LOSS", "lots"),
        ("HARU_RULES__EXITS__STOP_LOSS", "-1%"),
        ("HARU_RULES__EXITS__STOP_LOSS", "31%"),
        ("HARU_RULES__RISK__SYMBOL_COOLDOWN", "soon"),
    ],
)
def test_rules_that_cannot_be_traded_by_are_reported_in_the_domains_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert complaint(monkeypatch, **{name: value}).startswith(f"{name}: ")


def test_several_wrong_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = complaint(monkeypatch, HARU_PORTS__POSTGRES="x", HARU_SIMULATOR__SEED="-1")

    assert [line.split(":")[0] for line in text.splitlines()] == ["HARU_PORTS__POSTGRES", "HARU_SIMULATOR__SEED"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("HARU_SIMULATOR__SPED", "HARU_SIMULATOR__SPEED"),
        ("HARU_RULES__EXITS__STOPLOSS", "HARU_RULES__EXITS__STOP_LOSS"),
        ("HARU_DATADIR", "HARU_DATA_DIR"),
        ("HARU_DATABASE_URL", "did you mean"),
    ],
)
def test_a_misspelt_variable_is_refused_with_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, name: str, near: str
) -> None:
    text = complaint(monkeypatch, **{name: "1"})

    assert name in text
    assert near in text


def test_a_variable_like_no_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "unset it" in complaint(monkeypatch, HARU_XYZZY="1")


def test_a_broken_temporal_profile_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporal.toml").write_text("rubbish")

    text = complaint(monkeypatch, TEMPORAL_CONFIG_FILE=str(tmp_path / "temporal.toml"))

    assert "TEMPORAL_" in text


def test_no_secret_is_described_or_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = configured(monkeypatch, **KIS, DATABASE_URL="postgresql://haru:geheim@db:5432/haru")
    text = complaint(monkeypatch, HARU_BROKER__ACCOUNT="98765432100")

    described = f"{settings.describe()} {settings!r} {text}"
    assert settings.describe()["HARU_BROKER__ACCOUNT"] == "(set)"
    for secret in ("geheim", "kkk", "sss", "12345678", "987654321"):
        assert secret not in described
    assert set(settings.secrets()) == {
        *("k" * 36, "s" * 180, "geheim", "somebody"),
        *("12345678", "12345678-01", "1234567801"),
    }
