"""The settings' sources: arguments, environment and `.env`, which `read_env_file` checks and reads."""

from collections.abc import Mapping

from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource

from runtime.env_file import env_file, read_env_file


class CheckedEnvFile(DotEnvSettingsSource):
    """`.env` as a source of settings, read once and only by `read_env_file`."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in read_env_file(env_file()).items() if value}


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
