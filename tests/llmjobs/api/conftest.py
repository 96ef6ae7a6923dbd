"""What tests of the API share."""

from tests.api.fixtures import api, fresh_throttles, owner

__all__ = ["api", "fresh_throttles", "owner"]
