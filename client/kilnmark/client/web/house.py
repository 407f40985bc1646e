"""What all served pages look like: colours, letters, tables and verdicts, in one style sheet that each site goes on."""

from importlib.resources import files

__all__ = ["house_css"]


def house_css() -> bytes:
    """The style sheet that a site's own follows."""
    return (files("kilnmark.client.web") / "house.css").read_bytes()
