"""The language of the programs: English, or Korean with `HARU_LANGUAGE=ko`; and the parser that speaks it."""

import argparse
import os
import sys
from typing import Any, Final, Never

from reporting.sentences import LANGUAGES
from reporting.spoken import named, rename, say, speak
from runtime.installed import COMMANDS, is_installed_command

VARIABLE: Final = "HARU_LANGUAGE"


def use_configured_language() -> None:
    """Speak the language of the environment, else that of the settings' file. Settings refuse any other value later.

    Sentences name the console commands in a process that one of them has started.
    """
    rename(COMMANDS if is_installed_command() else {})
    wanted = (os.environ.get(VARIABLE) or _in_the_file()).strip().lower()
    speak(next((each for each in LANGUAGES if each == wanted), "en"))


def _in_the_file() -> str:
    from runtime.env_file import EnvFileError, env_file, read_env_file  # noqa: PLC0415 - only where it is not set

    try:
        read = read_env_file(env_file())
    except EnvFileError:
        return ""
    return next((value for name, value in read.items() if name.upper() == VARIABLE), "")


class Parser(argparse.ArgumentParser):
    """A parser in the language of the program."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(named(prog), add_help=False, formatter_class=_Formatter, **options)
        self._positionals.title, self._optionals.title = say("positional arguments"), say("options")
        self.add_argument("-h", "--help", action="help", help=say("show this help message and exit"))

    def error(self, message: str) -> Never:
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {say('error')}: {say(message)}\n")


class _Formatter(argparse.HelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, f"{say('usage')}: " if prefix is None else prefix)
