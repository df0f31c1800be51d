"""Settings of a release: the build that a host announces to Temporal."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from runtime.build import source_build


class ReleaseSettings(BaseModel):
    """How this host takes part in a rolled release."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    versioned: bool | None = None
    """Whether Temporal knows this host's build. Without, every run continues on any host that polls.

    None: if the server's version is one on which that was tried.
    """
    build_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None = None
    """Name of the build, such as an image's tag. None: the version and a digest of the sources."""

    @property
    def build(self) -> str:
        """Return the build id of this host; empty when it runs unversioned."""
        if self.versioned is False:
            return ""
        return self.build_id or source_build()
