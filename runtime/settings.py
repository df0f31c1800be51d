"""Settings, parsed once from the environment and `.env`: `HARU_…`, `DATABASE_URL`, and Temporal's `TEMPORAL_…`."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from domain.identity import Environment
from domain.money import rate_text
from domain.rule_changes import EARLIER_NAMES, setting_name, value_text
from domain.rules import TradingRules
from runtime.alert_settings import AlertSettings
from runtime.broker_settings import BrokerSettings, QuotationsSettings, StreamSettings
from runtime.env_file import (
    ENV_FILE_VARIABLE,
    EnvFileError,
    configured_environment,
    default_data_folder,
    full_width_problems,
    long_problems,
    plain,
)
from runtime.env_source import EnvFileSettings
from runtime.market_settings import CalendarSettings, CloseSettings, SimulatorSettings
from runtime.payload_settings import PayloadSettings
from runtime.private_values import PRIVATE, account_secrets, database_secrets, temporal_secrets, unencoded_password
from runtime.release_settings import ReleaseSettings
from runtime.strategy_loading import install_strategies
from runtime.strategy_settings import StrategySettings, may_be_refused, rules_from_settings, strategies_path
from runtime.telegram_settings import TelegramSettings
from runtime.web_settings import WebSettings
from strategies import all_rule_values

_PREFIX: Final = "HARU_"
_LOSS_LIMIT: Final = "fleet_daily_loss"
_SHOWN_AS: Final = {"HARU_DATABASE_URL": "DATABASE_URL"}
_LONGEST_SHOWN: Final = 60
"""Characters of a wrong value that are shown. A secret under a wrong name may be longer."""
_HOST: Final = r"(\[[^\]/]*\]|[^:,/\[\]]*)(:\d{1,5})?"
_DATABASE_URL: Final = re.compile(rf"postgres(ql)?://([^/@]*@)?{_HOST}(,{_HOST})*/\w")
_PLACE: Final = re.compile(r"line \d+, column \d+")


class SettingsError(Exception):
    """A variable is wrong or unknown; the text names it, what is wrong and how to fix it."""


def _checked_database_url(value: SecretStr) -> SecretStr:
    if unencoded_password(value.get_secret_value()):
        raise ValueError("in a password write / as %2F, # as %23, ? as %3F, @ as %40 and % as %25")
    if not _DATABASE_URL.match(value.get_secret_value()):
        raise ValueError("it is not of the form postgresql://user:password@host:port/database")
    return value


def _names_loss_limit(values: Any) -> bool:
    rules = values.get("rules") if isinstance(values, dict) else None
    return isinstance(rules, dict) and bool(rules.get("risk", {}).get(_LOSS_LIMIT))


Port = Annotated[int, Field(ge=0, le=65535)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_checked_database_url)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class PortSettings(_Group):
    """Loopback ports of the embedded parts; 0 picks a free port."""

    postgres: Port = 54329
    temporal: Port = 7233
    temporal_ui: Port = 8233
    simulator: Port = 9443


class ProofSettings(_Group):
    """When an order whose reply was lost counts as never placed. Slower is safer."""

    settle_seconds: int = Field(default=22, ge=22, le=600)
    """Real seconds; at least as long as a request can still be in flight."""
    clean_reads: int = Field(default=3, ge=2, le=50)


class TelemetrySettings(_Group):
    """Logs and metrics."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["plain", "json"] = "plain"
    prometheus_address: Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$")] | None = None
    """`host:port` where Temporal's and our metrics are served; None serves none."""
    traces_endpoint: Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$")] | None = None
    """Address of an OTLP receiver, such as `http://127.0.0.1:4318`; None records no traces."""
    health_address: Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$")] | None = None
    """`host:port` of `/live` and `/ready`, for probes; None serves none."""


class WatchSettings(_Group):
    """How held positions are watched, and how workers scan."""

    shared: bool = True
    """Whether one watch serves up to a hundred positions, and one scan all workers; else each worker has its own."""


class RecordingSettings(_Group):
    """What each host records of a day for `starter.py parity`."""

    days: Annotated[int, Field(ge=0, le=3650)] = 30
    """Days that recordings are kept; 0 records nothing."""


class RetentionSettings(_Group):
    """What is deleted from the books with time."""

    price_days: Annotated[int, Field(ge=0, le=36500)] = 0
    """Days after which the minute bars of ended positions are deleted; 0 keeps them."""


class ReportSettings(_Group):
    """The report of a day, written after the close."""

    language: Literal["en", "ko"] = "en"


class Settings(EnvFileSettings):
    """The complete configuration. Nothing is required: parts that are not configured are embedded."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Field(default_factory=default_data_folder)
    database_url: DatabaseUrl | None = Field(default=None, validation_alias="DATABASE_URL")
    database_migration_url: DatabaseUrl | None = None
    """The same database as the role that owns its tables. Only `worker.py` uses it, to migrate."""
    ports: PortSettings = Field(default_factory=PortSettings)
    simulator: SimulatorSettings = Field(default_factory=SimulatorSettings)
    broker: BrokerSettings = Field(default_factory=BrokerSettings)
    quotations: QuotationsSettings = Field(default_factory=QuotationsSettings)
    rules: Annotated[TradingRules, BeforeValidator(rules_from_settings)] = TradingRules()
    strategies: StrategySettings = Field(default_factory=StrategySettings)
    calendar: CalendarSettings = Field(default_factory=CalendarSettings)
    close: CloseSettings = Field(default_factory=CloseSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    proof: ProofSettings = Field(default_factory=ProofSettings)
    stream: StreamSettings = Field(default_factory=StreamSettings)
    watch: WatchSettings = Field(default_factory=WatchSettings)
    language: Literal["en", "ko"] = "en"
    """Of the command line and the errors. A report and alerts have settings of their own."""
    recording: RecordingSettings = Field(default_factory=RecordingSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    report: ReportSettings = Field(default_factory=ReportSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    telegram: TelegramSettings = Field(default_factory=TelegramSettings)
    payloads: PayloadSettings = Field(default_factory=PayloadSettings)
    release: ReleaseSettings = Field(default_factory=ReleaseSettings)
    web: WebSettings = Field(default_factory=WebSettings)

    @field_validator("quotations")
    @classmethod
    def _only_beside_paper(cls, value: QuotationsSettings, known: ValidationInfo) -> QuotationsSettings:
        broker = known.data.get("broker")
        if value.app_key is None or broker is None:
            return value
        if broker.environment is not Environment.PAPER:
            raise ValueError(f"a key for quotations goes with paper orders only, not with {broker.environment} ones")
        if value.app_key == broker.app_key:
            raise ValueError("this is the paper key, which the real host refuses; give the key of your real account")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _live_has_a_loss_limit(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse real money under a loss limit that the operator has not chosen. The default does not count."""
        settings = handler(values)
        if settings.broker.environment is Environment.LIVE and not _names_loss_limit(values):
            raise ValueError(
                f"live trading needs {setting_name(f'risk.{_LOSS_LIMIT}')}: what the account may lose in a day, in won"
            )
        return settings

    @property
    def reports(self) -> Path:
        """Return the folder that reports are written to."""
        return self.data_dir / "reports"

    @property
    def temporal(self) -> ClientConnectConfig:
        """Return Temporal's configuration from environment and file; without `target_host` the server is embedded."""
        try:
            return ClientConfig.load_client_connect_config(override_env_vars=_environment())
        except Exception as error:  # noqa: BLE001 - any error of the SDK
            # An error about its file quotes the line, which may contain a key.
            place = _PLACE.search(str(error))
            what = f"the file cannot be read at {place[0]}; correct it" if place else str(error)
            raise SettingsError(f"Temporal's configuration (TEMPORAL_…): {what}") from None

    def secrets(self) -> list[str]:
        """Return every value that must not appear in a log."""
        broker, market = self.broker, self.quotations
        keys = [broker.app_key, broker.app_secret, broker.token_key, market.app_key, market.app_secret]
        keys += [self.simulator.control_token, *self.payloads.keys]
        hidden = [secret.get_secret_value() for secret in keys if secret] + self.alerts.secrets()
        hidden += self.telegram.secrets()
        databases = filter(None, (self.database_url, self.database_migration_url))
        hidden += [secret for url in databases for secret in database_secrets(url.get_secret_value())]
        if broker.hts_id:
            hidden.append(broker.hts_id)
        return [*hidden, *temporal_secrets(self.temporal), *account_secrets(broker.account or "")]

    def describe(self) -> dict[str, str]:
        """Return each variable that differs from its default, without secrets."""
        plain = Settings.model_construct()
        return {
            name: "(set)" if name in PRIVATE else str(value)
            for name, value in _leaves(self)
            if value != dict(_leaves(plain)).get(name)
        }


def load_settings() -> Settings:
    """Read the environment and `.env`; raise SettingsError for anything wrong, unknown or misspelt."""
    environment = _environment()
    _refuse_odd_texts(environment)
    install_strategies(strategies_path(environment))
    _refuse_unknown(environment)
    try:
        settings = Settings()
    except EnvFileError as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors(include_url=False))) from None
    settings.temporal.get("target_host")
    return settings


def raw_environment() -> dict[str, str]:
    """Return the variables of the environment, and of `.env` if it can be read."""
    with suppress(SettingsError):
        return _environment()
    return dict(os.environ)


def _environment() -> dict[str, str]:
    try:
        return configured_environment()
    except EnvFileError as error:
        raise SettingsError(str(error)) from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = [name for name, _ in _leaves(Settings.model_construct())]
    earlier = {setting_name(rule) for rule in EARLIER_NAMES}
    ours = [name for name in environment if plain(name).upper().startswith(_PREFIX)]
    unknown = [name for name in ours if name.upper() not in {*known, *earlier} and not may_be_refused(name)]
    if unknown:
        raise SettingsError("\n".join(_unknown(name, known) for name in sorted(unknown)))


def _refuse_odd_texts(environment: Mapping[str, str]) -> None:
    ours = {name: value for name, value in environment.items() if name.upper().startswith((_PREFIX, "DATABASE_URL"))}
    if problems := long_problems(ours) or full_width_problems(ours, PRIVATE):
        raise SettingsError("\n".join(problems))


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(plain(name).upper(), [*known, ENV_FILE_VARIABLE], n=3, cutoff=0.7)
    advice = f"did you mean {' or '.join(near)}?" if near else "unset it"
    return f"{name} is not a variable of this program; {advice}"


def _leaves(value: Any, name: str = _PREFIX[:-1], joint: str = "_") -> Iterator[tuple[str, Any]]:
    """Yield each single setting as (variable, value)."""
    if isinstance(value, TradingRules):
        for rule, setting in all_rule_values(value).items():
            yield setting_name(rule), value_text(rule, setting)
    elif isinstance(value, BaseModel):
        for part in type(value).model_fields:
            yield from _leaves(getattr(value, part), f"{name}{joint}{part.upper()}", "__")
    else:
        yield _SHOWN_AS.get(name, name), rate_text(value) if isinstance(value, Decimal) else value


def _explain(problem: Any) -> str:
    place = [str(part) for part in problem["loc"] if not isinstance(part, int)]
    if not place:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = "__".join(place).upper()
    name = name if name == "DATABASE_URL" else _PREFIX + name
    default = dict(_leaves(Settings.model_construct())).get(name)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if place == ["rules"]:
        return f"{message}; correct it or unset it"  # the message already names each wrong rule
    given = problem["input"]
    is_shown = isinstance(given, str) and len(given) < _LONGEST_SHOWN and name not in PRIVATE
    shown = f" (it is {given!r})" if is_shown else ""
    fix = f"unset it for the default {default}" if default is not None else "correct it or unset it"
    return f"{name}: {message}{shown}; {fix}"
