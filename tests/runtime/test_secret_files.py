"""A secret may stand in a file of its own, as containers and systemd hand it over: `DATABASE_URL_FILE`."""

import os
from pathlib import Path

import pytest

from runtime.private_values import secrets_of
from runtime.settings import SettingsError, load_settings, raw_environment

pytestmark = pytest.mark.usefixtures("nothing_configured")
URL = "postgresql://haru:only-in-the-file@db:5432/haru"
API_KEY = "a-key-of-temporal-cloud"


def in_file(variable: str, text: str, monkeypatch: pytest.MonkeyPatch, mode: int = 0o600) -> Path:
    path = Path(variable.lower()).absolute()
    path.write_text(text)
    path.chmod(mode)
    monkeypatch.setenv(f"{variable}_FILE", str(path))
    return path


def complaint() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_secrets_are_read_from_the_files_that_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("DATABASE_URL", f"{URL}\n", monkeypatch)
    in_file("TEMPORAL_API_KEY", API_KEY, monkeypatch)
    in_file("HARU_BROKER__APP_KEY", "P" * 36, monkeypatch)
    in_file("HARU_BROKER__APP_SECRET", "S" * 180, monkeypatch)
    in_file("HARU_BROKER__ACCOUNT", "12345678-01", monkeypatch)
    in_file("HARU_BROKER__HTS_ID", "trader", monkeypatch)

    settings = load_settings()

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert settings.broker.account == "12345678-01"
    assert settings.temporal["api_key"] == API_KEY
    assert {"only-in-the-file", API_KEY, "S" * 180} <= set(settings.secrets())
    assert {"only-in-the-file", API_KEY, "S" * 180} <= set(secrets_of(raw_environment()))


def test_the_settings_file_may_name_the_file_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_file("DATABASE_URL", URL, monkeypatch)
    monkeypatch.delenv("DATABASE_URL_FILE")
    Path(".env").write_text(f"DATABASE_URL_FILE={path}\n")
    Path(".env").chmod(0o600)

    assert load_settings().database_url is not None


def test_a_file_that_kubernetes_links_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_file("DATABASE_URL", URL, monkeypatch)
    Path("volume").mkdir()
    Path("volume/url").symlink_to(path)
    monkeypatch.setenv("DATABASE_URL_FILE", "volume/url")

    assert load_settings().database_url is not None


def test_a_secret_that_is_set_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    in_file("DATABASE_URL", URL, monkeypatch)
    monkeypatch.setenv("DATABASE_URL", "postgresql://haru@other:5432/haru")

    assert complaint() == "DATABASE_URL and DATABASE_URL_FILE are both set; unset one of them"


def test_a_file_of_a_secret_must_be_there_be_private_and_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    path = in_file("DATABASE_URL", "", monkeypatch)
    assert complaint() == f"DATABASE_URL_FILE: {path} is empty; write the secret into it, or unset the variable"

    path.write_text(URL)
    path.chmod(0o644)
    assert "other users may read it" in complaint() or "run: chmod 600" in complaint()

    path.unlink()
    assert complaint() == f"DATABASE_URL_FILE: {path} does not exist; correct the path, or unset the variable"


def test_only_secrets_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARU_DATA_DIR_FILE", os.devnull)

    assert complaint().startswith("HARU_DATA_DIR_FILE is not a variable of this program; did you mean HARU_DATA_DIR")
