"""Broker settings: KIS's keys, the account, its stream, and the confirmations that real money requires."""

from typing import Annotated, Final, Self

from cryptography.fernet import Fernet
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    WebsocketUrl,
    model_validator,
)
from pydantic_settings import NoDecode

from domain.costs import BANKIS_COMMISSION, PAPER_COMMISSION
from domain.dangers import Danger
from domain.hosts import REST_URLS, STREAM_URLS, opens_nothing
from domain.identity import LIVE_WORD, Environment
from domain.jump import JumpBound
from domain.money import Rate, is_without_unit, rate_text, read_rate

_PREFIX: Final = "HARU_BROKER__"
_GREATEST_COMMISSION: Final = Rate("0.01")
_LEAST_JUMP: Final = Rate("0.002")
_GREATEST_JUMP: Final = Rate("0.03")


def _checked_token_key(value: SecretStr) -> SecretStr:
    try:
        Fernet(value.get_secret_value())
    except ValueError:
        raise ValueError("it is not a key; `python starter.py new-key` makes one") from None
    return value


def _rate_within(least: Rate, greatest: Rate, example: Rate) -> BeforeValidator:
    """Return a validator that parses a rate such as ``1%``."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            lacks_unit, rate = is_without_unit(value), read_rate(value)
        except (ValueError, ArithmeticError):
            raise ValueError(f"it must look like {rate_text(example)}") from None
        is_allowed = least <= rate <= greatest
        if lacks_unit:
            fraction = f", or {rate_text(rate)} if a fraction was meant" if is_allowed else ""
            raise ValueError(f"a rate needs a percent sign; write {value}%{fraction}")
        if not is_allowed:
            raise ValueError(f"must be within {rate_text(least)}..{rate_text(greatest)}")
        return rate

    return BeforeValidator(read)


def _names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _digits(account: str | None) -> str:
    return (account or "").replace("-", "")


def refuse_other_address(
    name: str, url: HttpUrl | WebsocketUrl | None, allowed: str, app_key: SecretStr | None
) -> None:
    """Refuse an address that is not exactly KIS's own, unless the key cannot open an account there."""
    is_allowed = url is None or str(url).rstrip("/") == allowed
    if not is_allowed and not (app_key and opens_nothing(app_key.get_secret_value())):
        raise ValueError(
            f"{name}: a key of KIS is sent to {allowed} only; unset it. To rehearse on a simulator take made-up keys "
            "that begin with HARU-"
        )


Commission = Annotated[
    Rate, Field(ge=0, le=_GREATEST_COMMISSION), _rate_within(Rate(0), _GREATEST_COMMISSION, BANKIS_COMMISSION)
]
Jump = Annotated[
    Rate, Field(ge=_LEAST_JUMP, le=_GREATEST_JUMP), _rate_within(_LEAST_JUMP, _GREATEST_JUMP, JumpBound().rate)
]


class BrokerSettings(BaseModel):
    """KIS credentials and limits. Keys without an environment select paper."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    environment: Environment = Environment.SIMULATED
    app_key: SecretStr | None = None
    app_secret: SecretStr | None = None
    account: Annotated[str, Field(pattern=r"^\d{8}-?\d{2}$")] | None = Field(default=None, repr=False)
    """Account number and product code, `12345678-01`."""
    hts_id: str | None = Field(default=None, repr=False)
    rest_url: HttpUrl | None = None
    stream_url: WebsocketUrl | None = None
    calls_per_second: int | None = Field(default=None, ge=1, le=20)
    commission: Commission = BANKIS_COMMISSION
    """Commission as a share of the traded amount, paid on buys and sells. Paper accounts have their own rate."""
    token_key: Annotated[SecretStr, AfterValidator(_checked_token_key)] | None = None
    """Fernet key that encrypts the access token in PostgreSQL. None: use a key kept in the data folder."""
    live_confirmation: str = ""
    live_account: str | None = Field(default=None, repr=False)
    """The account number again, so that live trading never starts on an unintended account."""
    live_accepts: Annotated[frozenset[Danger], NoDecode, BeforeValidator(_names)] = frozenset()
    """Names of the dangerous settings that the operator of a live account accepts."""

    @model_validator(mode="before")
    @classmethod
    def _paper_is_the_default(cls, values: object) -> object:
        if isinstance(values, dict) and values.get("app_key") and "environment" not in values:
            values = {**values, "environment": Environment.PAPER}
        if isinstance(values, dict) and values.get("environment") == Environment.PAPER:
            values = {"commission": PAPER_COMMISSION, **values}
        return values

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.environment is Environment.SIMULATED:
            self._check_simulated()
            return self
        missing = [name for name in ("app_key", "app_secret", "account", "hts_id") if not getattr(self, name)]
        if missing:
            names = ", ".join(f"{_PREFIX}{name.upper()}" for name in missing)
            raise ValueError(f"{self.environment} trading also needs {names}")
        self._check_addresses()
        if self.environment is Environment.LIVE:
            self._check_live()
        return self

    def _check_addresses(self) -> None:
        """Refuse to send a KIS key to any address but KIS's own for the environment."""
        refuse_other_address(f"{_PREFIX}REST_URL", self.rest_url, REST_URLS[self.environment], self.app_key)
        refuse_other_address(f"{_PREFIX}STREAM_URL", self.stream_url, STREAM_URLS[self.environment], self.app_key)

    def _check_simulated(self) -> None:
        ours = ("app_key", "app_secret", "account", "hts_id", "rest_url", "stream_url")
        named = ", ".join(f"{_PREFIX}{name.upper()}" for name in ours if getattr(self, name))
        if named:
            raise ValueError(
                f"the simulated environment has keys and an account of its own: unset {named}, or set "
                f"{_PREFIX}ENVIRONMENT=paper; a simulator that runs elsewhere is HARU_SIMULATOR__URL"
            )
        if self.commission != BANKIS_COMMISSION:
            raise ValueError(f"the simulator's commission is {rate_text(BANKIS_COMMISSION)}; unset {_PREFIX}COMMISSION")

    @property
    def has_live_consent(self) -> bool:
        """Return whether these settings contain every confirmation that real money requires."""
        return self.environment is Environment.LIVE and self._is_confirmed and self._names_the_account

    @property
    def _is_confirmed(self) -> bool:
        return self.live_confirmation == LIVE_WORD

    @property
    def _names_the_account(self) -> bool:
        return bool(self.account) and _digits(self.live_account) == _digits(self.account)

    def _check_live(self) -> None:
        if not self._is_confirmed:
            raise ValueError(f"live trading needs {_PREFIX}LIVE_CONFIRMATION={LIVE_WORD}")
        if not self._names_the_account:
            raise ValueError(
                f"live trading needs {_PREFIX}LIVE_ACCOUNT, the same account number once more as in {_PREFIX}ACCOUNT"
            )


class QuotationsSettings(BaseModel):
    """A key of the real service, used only for quotations while orders go to paper."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    app_key: SecretStr | None = None
    app_secret: SecretStr | None = None
    rest_url: HttpUrl | None = None
    calls_per_second: int = Field(default=18, ge=1, le=20)

    @model_validator(mode="after")
    def _is_whole_or_absent(self) -> Self:
        if (self.app_key is None) != (self.app_secret is None):
            missing = "APP_KEY" if self.app_key is None else "APP_SECRET"
            raise ValueError(f"real quotations also need HARU_QUOTATIONS__{missing}")
        if self.rest_url is not None and self.app_key is None:
            raise ValueError("an address without HARU_QUOTATIONS__APP_KEY is never asked")
        refuse_other_address("HARU_QUOTATIONS__REST_URL", self.rest_url, REST_URLS[Environment.LIVE], self.app_key)
        return self


class StreamSettings(BaseModel):
    """Real-time prices and order notices. Without them the same data arrives by polling, a little later."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enabled: bool = True
    silence_seconds: int = Field(default=30, ge=15, le=300)
    """Real seconds without any message, even KIS's keep-alive, after which the session is reopened."""
    registrations: int = Field(default=41, ge=2, le=41)
    """Maximum registrations per session that the broker allows. Order notices take one of them."""
    jump: Jump = JumpBound().rate
    """Maximum distance of a tick from the last price confirmed by REST. A tick beyond it needs confirmation by REST."""
    jump_ticks: int = Field(default=JumpBound().ticks, ge=1, le=20)
    """The same in ticks. The larger of the two counts."""

    @property
    def jump_bound(self) -> JumpBound:
        """Return how far a tick may lie from the last price confirmed by REST."""
        return JumpBound(self.jump, self.jump_ticks)
