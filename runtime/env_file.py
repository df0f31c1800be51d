"""Read `.env` as UTF-8; errors name the line and the command that corrects it."""

import io
import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from security.private_files import NotPrivateError, read_private

ENV_FILE: Final = Path(".env")
ENCODING: Final = "utf-8-sig"
"""UTF-8, with or without the byte order mark that Windows Notepad writes."""
LONGEST: Final = 32_768
"""Characters of a variable's name and value. The longest are alert channel addresses and a universe of stocks."""
_LONGEST_SHOWN: Final = 60
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_OURS: Final = re.compile(r"\s*(export\s+)?(HARU_|TEMPORAL_|DATABASE_URL)", re.IGNORECASE)


class EnvFileError(Exception):
    """The file cannot be used as it is; the text names the fix."""


class CheckedEnvFile(DotEnvSettingsSource):
    """`.env` as a source of settings, read once and only by `read_env_file`."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in read_env_file(ENV_FILE).items() if value}


class EnvFileSettings(BaseSettings):
    """Settings from the arguments, the environment and `.env`, in this order."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no folder of secrets is read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Replace the library's reader of `.env`, which does not check the file's owner."""
        return init_settings, env_settings, CheckedEnvFile(settings_cls)


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables in a file; empty when there is no file.

    Raises:
        EnvFileError: the file cannot be read, is open to other users, or a line of ours is no assignment.
    """
    if not path.is_symlink() and not path.exists():
        return {}
    text = _text(path)
    for binding in parse_stream(io.StringIO(text)):
        said = binding.original.string
        if (binding.error or binding.value is None) and _OURS.match(plain(said)):
            # The line may hold a secret, so the error names only its number.
            number = binding.original.line + len(said[: -len(said.lstrip())].splitlines())
            raise EnvFileError(f"{path}, line {number}: this is not NAME=value; correct or remove the line")
    values = dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}


def plain(text: str) -> str:
    """Return a text with full-width characters and foreign digits replaced by their plain equivalents."""
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in unicodedata.normalize("NFKC", text)
    )


def full_width_problems(environment: Mapping[str, str], private: Collection[str]) -> list[str]:
    """Return a correction for each variable with full-width characters or foreign digits. Private values are hidden."""
    found = {name: "".join(filter(_is_full_width, value)) for name, value in environment.items()}
    return [
        _full_width(name, environment[name], characters, shown=name.upper() not in private)
        for name, characters in found.items()
        if characters
    ]


def _full_width(name: str, value: str, characters: str, *, shown: bool) -> str:
    if not shown:
        return f"{name}: full-width characters; write it in plain ASCII"
    return f"{name}: full-width characters ({characters}); write {plain(value)}"


def _is_full_width(character: str) -> bool:
    foreign_digit = character.isdigit() and not character.isascii()
    return foreign_digit or unicodedata.east_asian_width(character) == "F"


def _text(path: Path) -> str:
    try:
        content = read_private(path, links=True)
    except NotPrivateError as error:
        raise EnvFileError(str(error)) from None
    except OSError as error:
        raise EnvFileError(f"{path} cannot be read ({error.strerror}); correct its owner and mode: chmod 600") from None
    if content.startswith(_UTF_16_MARKS) or b"\0" in content:
        raise EnvFileError(_conversion(path, "is UTF-16", "UTF-16"))
    try:
        return content.decode(ENCODING)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise EnvFileError(_conversion(path, f"is not UTF-8 in line {line}, perhaps cp949", "cp949")) from None


def _conversion(path: Path, what: str, encoding: str) -> str:
    return (
        f"{path} {what}: save it as UTF-8 in your editor, or run: "
        f"iconv -f {encoding} -t UTF-8 {path} > {path}.new && mv {path}.new {path} && chmod 600 {path}"
    )


def long_problems(values: Mapping[str, str]) -> list[str]:
    """Return an error for each variable longer than the limit."""
    return [
        f"{name[:_LONGEST_SHOWN]}: {len(value):,} characters; a variable has {LONGEST:,} at most"
        for name, value in values.items()
        if len(name) + len(value) > LONGEST
    ]
