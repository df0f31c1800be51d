"""The settings' sources: arguments, environment, and the files that `settings_in_files` checks and reads."""

from collections.abc import Mapping

from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from runtime.env_file import settings_in_files


class CheckedEnvFile(DotEnvSettingsSource):
    """`.env` and files of single secrets as a source of settings, read only by `settings_in_files`."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in settings_in_files().items() if value}


class EnvFileSettings(BaseSettings):
    """Settings from the arguments, the environment and files, in this order."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `…_FILE` variables instead
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Replace the library's reader of `.env`, which does not check the file's owner."""
        return init_settings, env_settings, CheckedEnvFile(settings_cls)
