"""Settings of the chat that may watch and command the fleet."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, model_validator
from pydantic_settings import NoDecode


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\d{3,20}:[\w-]{20,100}", value.get_secret_value()):
        raise ValueError("it is not a token as @BotFather gives it, NUMBER:LETTERS")
    return value


def _chats(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not all(re.fullmatch(r"-?\d{1,20}", part) for part in parts):
        raise ValueError("write the numbers of chats, separated by commas")
    return [int(part) for part in parts]


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#@]+(/[^\s?#]*)?", value):
        raise ValueError("it is not an address that begins with https:// or http://")
    return value


class TelegramSettings(BaseModel):
    """The bot's token, and the chats that it obeys. Without a token no chat is asked."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    """As @BotFather gives it. A secret."""
    chats: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_chats)] = ()
    """Numbers of the allowed chats, separated by commas. Every member of a group may command."""
    base_url: Annotated[str, AfterValidator(_address)] = "https://api.telegram.org"
    """Of the Bot API, for a Bot API server of one's own."""

    @model_validator(mode="after")
    def _knows_whom_to_obey(self) -> Self:
        if self.token is not None and not self.chats:
            raise ValueError("HARU_TELEGRAM__TOKEN needs HARU_TELEGRAM__CHATS: the numbers of the chats it obeys")
        return self

    def secrets(self) -> list[str]:
        """Return the token and its secret half."""
        if self.token is None:
            return []
        token = self.token.get_secret_value()
        return [token, token.partition(":")[2]]
