"""What this daemon was started with, read once from one JSON document.

What it can be told is `protocol.settings`. Nothing else in the daemon reads options; the environment's only say is
OpenTelemetry's own variables.
"""

from pydantic import ValidationError

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.settings import Settings

__all__ = ["SettingsError", "read_settings"]


class SettingsError(KilnmarkError):
    """The settings are not usable; every problem is named with its field."""


def read_settings(document: str) -> Settings:
    """Read the settings from JSON.

    Raises:
        SettingsError: one sentence that names every wrong field.
    """
    try:
        return Settings.model_validate_json(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'document'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        )
        message = f"the settings are not usable: {problems}"
        raise SettingsError(message) from error
