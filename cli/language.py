"""Choose the language of the command line: English, or Korean with `HARU_LANGUAGE=ko`."""

import os
from typing import Final

from reporting.sentences import LANGUAGES
from reporting.spoken import speak

VARIABLE: Final = "HARU_LANGUAGE"


def use_configured_language() -> None:
    """Speak the language of the environment, else that of the settings' file. Settings refuse any other value later."""
    wanted = (os.environ.get(VARIABLE) or _in_the_file()).strip().lower()
    speak(next((each for each in LANGUAGES if each == wanted), "en"))


def _in_the_file() -> str:
    from runtime.env_file import EnvFileError, env_file, read_env_file  # noqa: PLC0415 - only where it is not set

    try:
        read = read_env_file(env_file())
    except EnvFileError:
        return ""
    return next((value for name, value in read.items() if name.upper() == VARIABLE), "")
