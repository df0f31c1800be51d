"""Find and read `.env` and files of single secrets as UTF-8; errors name the line and the command that corrects it."""

import io
import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from runtime.private_values import PRIVATE
from security.private_files import NotPrivateError, read_private

_HERE: Final = Path(__file__).resolve().parents[1]
CHECKOUT: Final = Path.cwd() if _HERE.name in {"site-packages", "dist-packages"} else _HERE
"""The folder of `worker.py` and `starter.py`; the current one if Haru is installed as a package."""
ENV_FILE_VARIABLE: Final = "HARU_ENV_FILE"
"""Variable of the environment that names another file. `/dev/null` means that no file is read."""
ENCODING: Final = "utf-8-sig"
"""UTF-8, with or without the byte order mark that Windows Notepad writes."""
LONGEST: Final = 32_768
"""Characters of a variable's name and value. The longest are alert channel addresses and a universe of stocks."""
FILE_SUFFIX: Final = "_FILE"
"""`DATABASE_URL_FILE=/run/secrets/database_url` is `DATABASE_URL` with the content of that file."""
_IN_FILES: Final = PRIVATE | {"TEMPORAL_API_KEY"}
_LONGEST_SHOWN: Final = 60
_NO_FILE: Final = Path(os.devnull)
_DATA_FOLDER: Final = ".haru"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_OURS: Final = re.compile(r"\s*(export\s+)?(HARU_|TEMPORAL_|DATABASE_URL)", re.IGNORECASE)


class EnvFileError(Exception):
    """The file cannot be used as it is; the text names the fix."""


def env_file() -> Path:
    """Return the file of the settings: `HARU_ENV_FILE`, else `.env` beside `worker.py`, wherever the program starts."""
    named = os.environ.get(ENV_FILE_VARIABLE)
    return Path(named).expanduser().absolute() if named else CHECKOUT / ".env"


def default_data_folder() -> Path:
    """Return `.haru` beside the file of the settings, so that settings and data are found together."""
    return _folder() / _DATA_FOLDER


def describe_env_file() -> str:
    """Return one line that names the file that is used."""
    path = env_file()
    if path == _NO_FILE or not _exists(path):
        return f"settings: environment variables only ({path} {'is no file' if path == _NO_FILE else 'does not exist'})"
    return f"settings: {path} and environment variables"


def configured_environment() -> dict[str, str]:
    """Return the variables of the environment and of the file, without `HARU_ENV_FILE`. The environment wins.

    A secret that has a file of its own (`…_FILE`) stands there under its plain name.

    Raises:
        EnvFileError: a file cannot be used, or settings or data in the current folder would be ignored.
    """
    path = env_file()
    read = read_env_file(path)
    if ENV_FILE_VARIABLE in read:
        raise EnvFileError(f"{path}: {ENV_FILE_VARIABLE} names the file itself; set it in the environment instead")
    environment = {**read, **os.environ}
    _refuse_ignored(environment)
    plainly = {name: value for name, value in environment.items() if name != ENV_FILE_VARIABLE and not _in_file(name)}
    return plainly | _secrets_in_files(environment)


def settings_in_files() -> dict[str, str]:
    """Return what the environment does not hold itself: the variables of `.env`, and secrets with a file of their own.

    Raises:
        EnvFileError: a file cannot be used.
    """
    read = read_env_file(env_file())
    return read | _secrets_in_files({**read, **os.environ})


def _in_file(name: str) -> str:
    """Return the secret that a variable names the file of; empty for any other variable."""
    secret = name.upper().removesuffix(FILE_SUFFIX)
    return secret if name.upper().endswith(FILE_SUFFIX) and secret in _IN_FILES else ""


def _secrets_in_files(environment: Mapping[str, str]) -> dict[str, str]:
    set_plainly = {name.upper() for name, value in environment.items() if value}
    found = {}
    for name, path in environment.items():
        secret = _in_file(name)
        if not secret or not path:
            continue
        if secret in set_plainly:
            raise EnvFileError(f"{secret} and {name.upper()} are both set; unset one of them")
        if not _exists(Path(path)):
            raise EnvFileError(f"{name.upper()}: {path} does not exist; correct the path, or unset the variable")
        found[secret] = _text(Path(path)).strip()
        if not found[secret]:
            raise EnvFileError(f"{name.upper()}: {path} is empty; write the secret into it, or unset the variable")
    return found


def _folder() -> Path:
    path = env_file()
    return CHECKOUT if path == _NO_FILE else path.parent


def _refuse_ignored(environment: Mapping[str, str]) -> None:
    """Refuse to start without settings or data in the current folder that the operator probably means."""
    here, used = Path(".env").absolute(), env_file()
    if not environment.get(ENV_FILE_VARIABLE) and _is_ours(here) and not _is_same(here, used):
        raise EnvFileError(
            f"{here} is not used: settings are read from {used}. To use the file here, set {ENV_FILE_VARIABLE}={here}. "
            f"To use {used}, start from another folder"
        )
    data, expected = Path(_DATA_FOLDER).absolute(), default_data_folder()
    if any(name.upper() == "HARU_DATA_DIR" and value for name, value in environment.items()):
        return
    if _exists(data / "postgres") and not _is_same(data, expected):
        raise EnvFileError(
            f"{data} is not used: data is kept in {expected}. To use the folder here, set HARU_DATA_DIR={data}. "
            f"To use {expected}, start from another folder"
        )


def _is_ours(path: Path) -> bool:
    """Return whether a file sets variables of ours. One that cannot be read may."""
    try:
        return b"HARU_" in path.read_bytes().replace(b"\0", b"").upper()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)


def _exists(path: Path) -> bool:
    try:
        return path.is_symlink() or path.exists()
    except OSError as error:
        raise EnvFileError(f"{path} cannot be read ({error.strerror}); correct owner and mode of its folders") from None


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables in a file; empty when there is no file. A relative `HARU_DATA_DIR` starts at its folder.

    Raises:
        EnvFileError: the file cannot be read, is open to other users, or a line of ours is no assignment.
    """
    if path == _NO_FILE:
        return {}
    if not _exists(path):
        if os.environ.get(ENV_FILE_VARIABLE):
            raise EnvFileError(f"{ENV_FILE_VARIABLE}: {path} does not exist; correct the path, or unset the variable")
        return {}
    text = _text(path)
    for binding in parse_stream(io.StringIO(text)):
        said = binding.original.string
        if (binding.error or binding.value is None) and _OURS.match(plain(said)):
            # The line may hold a secret, so the error names only its number.
            number = binding.original.line + len(said[: -len(said.lstrip())].splitlines())
            raise EnvFileError(f"{path}, line {number}: this is not NAME=value; correct or remove the line")
    values = dotenv_values(stream=io.StringIO(text))
    return {name: _placed(name, value) for name, value in values.items() if value is not None}


def _placed(name: str, value: str) -> str:
    return str(_folder() / value) if value and name.upper() == "HARU_DATA_DIR" else value


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
