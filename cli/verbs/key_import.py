"""Import keys from KIS's sample settings, `~/KIS/config/kis_devlp.yaml`, into `.env`. No secret is shown."""

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml
from dotenv import dotenv_values

from cli.doctor.machine_checks import KEY_LENGTH, SECRET_LENGTH, problem_with_key
from domain.identity import Environment
from fleet.errors import OperationError
from security.private_files import open_private, write_private

_PREFIX: Final = "HARU_BROKER__"
_HEADING: Final = "# KIS, written by `python starter.py import-keys`"
_NAMES: Final = {
    Environment.PAPER: ("paper_app", "paper_sec", "my_paper_stock"),
    Environment.LIVE: ("my_app", "my_sec", "my_acct_stock"),
}
_PLAIN: Final = re.compile(r"[\w@%+=:,./-]*", re.ASCII)


class KeyImportError(OperationError):
    """Nothing was written; the text says what is missing and how to fix it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Variables that the import wrote, and variables that were already in the file."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def import_keys(source: Path, target: Path, environment: Environment, *, replace: bool = False) -> Imported:
    """Write an environment's keys into ``target``. Other lines and comments stay; its mode becomes 0600.

    Raises:
        KeyImportError: the source is missing, incomplete or has placeholders, or the target has other values.
    """
    wanted = _read(source, environment)
    text = _present_text(target)
    present = {name: value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}
    differing = [name for name, value in wanted.items() if present.get(name) not in {None, "", value}]
    if differing and not replace:
        raise KeyImportError(
            f"{target} already has another {', '.join(differing)}; nothing was written. "
            "Give --replace to overwrite, or start from a folder of its own for each account"
        )
    written = {name: value for name, value in wanted.items() if present.get(name) != value}
    write_private(target, _merged(text, written))
    return Imported(tuple(written), tuple(name for name in wanted if name not in written))


def _present_text(target: Path) -> str:
    try:
        with os.fdopen(open_private(target, os.O_RDONLY), "rb") if target.exists() else io.BytesIO() as file:
            return file.read().decode("utf-8-sig")
    except OSError as error:
        raise KeyImportError(f"{error}. Nothing was written") from None
    except UnicodeDecodeError:
        raise KeyImportError(f"{target} is not UTF-8; save it as UTF-8 in your editor. Nothing was written") from None


def _read(source: Path, environment: Environment) -> dict[str, str]:
    values = _yaml(source)
    app, secret, account = _NAMES[environment]
    problems = [
        *_problem(values, app, _problem_with_key(values.get(app, ""), KEY_LENGTH)),
        *_problem(values, secret, _problem_with_key(values.get(secret, ""), SECRET_LENGTH)),
        *_problem(values, account, "" if re.fullmatch(r"\d{8}", values.get(account, "")) else "is not eight digits"),
        *_problem(values, "my_prod", "" if re.fullmatch(r"\d\d", values.get("my_prod", "")) else "is not two digits"),
        *_problem(values, "my_htsid", problem_with_id(values.get("my_htsid", ""))),
    ]
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise KeyImportError(
            f"{source} is not complete for {environment}; nothing was written:\n{listed}\n"
            "Fill these in from KIS's portal (apiportal.koreainvestment.com), then import again"
        )
    return {
        f"{_PREFIX}ENVIRONMENT": environment.value,
        f"{_PREFIX}APP_KEY": values[app],
        f"{_PREFIX}APP_SECRET": values[secret],
        f"{_PREFIX}ACCOUNT": f"{values[account]}-{values['my_prod']}",
        f"{_PREFIX}HTS_ID": values["my_htsid"],
    }


def _problem_with_key(text: str, length: int) -> str:
    return problem_with_key(text, length) if text.isascii() else "is a placeholder"


def problem_with_id(text: str) -> str:
    """Return the format problem of an HTS id. KIS's sample file has a sentence in its place."""
    return "" if re.fullmatch(r"[!-~]+", text) else "looks like a placeholder"


def _problem(values: Mapping[str, str], name: str, what: str) -> list[str]:
    if not values.get(name):
        return [f"{name} is missing"]
    return [f"{name} {what}"] if what else []


def _yaml(source: Path) -> dict[str, str]:
    try:
        # The base loader keeps every value as written: an account with a leading zero is not parsed as octal.
        values = yaml.load(source.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - builds texts only
    except FileNotFoundError:
        raise KeyImportError(f"{source} is not there; name the file: python starter.py import-keys FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyImportError(f"{source} cannot be read ({type(error).__name__})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise KeyImportError(f"{source} is not YAML{where}; correct it there") from None
    if not isinstance(values, dict):
        raise KeyImportError(f"{source} does not hold KIS's settings, `my_app: …` and so on")
    return {str(name): value.strip() for name, value in values.items() if isinstance(value, str)}


def _merged(text: str, written: Mapping[str, str]) -> str:
    lines, left = [], dict(written)
    for line in text.splitlines():
        name = re.match(r"\s*(?:export\s+)?(\w+)\s*=", line)
        if name is None or name[1] not in written:
            lines.append(line)
        elif name[1] in left:
            lines.append(_assignment(name[1], left.pop(name[1])))
    if left:
        lines += [*([""] if lines and lines[-1] else []), _HEADING, *(_assignment(*pair) for pair in left.items())]
    return "\n".join(lines) + "\n"


def _assignment(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"
