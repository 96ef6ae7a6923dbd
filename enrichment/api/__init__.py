"""The REST API of library imports and books."""
