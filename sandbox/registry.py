"""The third parties the sandbox stands in for: to add one, write its file and name it here."""

from __future__ import annotations

from sandbox.abebooks import AbeBooks
from sandbox.anthropic import Anthropic
from sandbox.ebay import EBay
from sandbox.ebay_images import EBayImages
from sandbox.frankfurter import Frankfurter
from sandbox.google_books import GoogleBooks
from sandbox.open_library import OpenLibrary
from sandbox.openai import OpenAI
from sandbox.party import Party

PARTIES: tuple[type[Party], ...] = (OpenLibrary, GoogleBooks, OpenAI, Anthropic, EBay, EBayImages, AbeBooks, Frankfurter)
