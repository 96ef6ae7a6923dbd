"""Library exports as readers download them, one file a format, read by column name and with certainty or not at all."""

from .entry import BadRow, CellWarning, Contributor, ExportRefused, LibraryEntry, Read, Series, ShelfPosition
from .opening import ExportSummary, OpenExport, check_export, open_export

__all__ = [
    "BadRow",
    "CellWarning",
    "Contributor",
    "ExportRefused",
    "ExportSummary",
    "LibraryEntry",
    "OpenExport",
    "Read",
    "Series",
    "ShelfPosition",
    "check_export",
    "open_export",
]
