"""The project's settings with calls that may outlive the lease of their row, which no environment is allowed to ask for."""

from config.settings import *  # noqa: F403

SOURCE_DEADLINE_SECONDS = 60.0
