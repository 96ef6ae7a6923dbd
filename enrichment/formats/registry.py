"""Every format there is a reader for."""

from __future__ import annotations

from .columns import Format
from .goodreads import Goodreads
from .storygraph import StoryGraph

FORMATS: tuple[Format, ...] = (Goodreads(), StoryGraph())
