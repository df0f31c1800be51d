"""Settings of the keys that encrypt payloads in Temporal."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic_settings import NoDecode

from security.sealing.keys import PayloadKey


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _checked(value: SecretStr) -> SecretStr:
    PayloadKey(value.get_secret_value())
    return value


class PayloadSettings(BaseModel):
    """The keys that all machines of a fleet share."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    keys: Annotated[tuple[Annotated[SecretStr, AfterValidator(_checked)], ...], NoDecode, BeforeValidator(_split)] = ()
    """Separated by commas: the first encrypts, all of them decrypt. Empty: use a key kept in the data folder."""
