"""A short private folder, as the daemon's own tests have."""

from tests.daemon.conftest import home

__all__ = ["home"]
