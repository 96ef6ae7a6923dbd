"""What is evaluated, and what its owner has already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbooks.jsonable import jsonable, known_fields

#: The statuses of a copy that its owner has paid for. One that is evaluated, removed, sold or cancelled is not owned.
OWNED_STATUSES = frozenset({"IN_TRANSIT", "ON_HAND"})


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold what is known of the copy that is evaluated, in the words of its listing or of who looked at it."""

    title: str
    author: str = ""
    publisher: str = ""
    binder: str = ""
    #: Whether a signature of the binder can be seen.
    binder_authenticated: bool = False
    #: The year it was printed, the first one of a set; None when it is not known.
    year: int | None = None
    #: How many volumes it is, not how many its set has, which a title says: "Modern Painters, Vol. 2 of 5".
    volumes: int = 1
    #: Whether every volume of the work is there; None when nobody says.
    is_complete: bool | None = None
    #: A grade in any spelling: "VG+", "VERY_GOOD", "Used - Very Good".
    condition: str = ""
    #: How much foxing is told of or seen: "heavy", "some" or "". The sentences that say so are the seller's and not kept.
    foxing: str = ""
    #: "Full green morocco, gilt"
    binding: str = ""
    is_first_edition: bool = False
    isbn: str = ""
    #: The copy's key among the owner's copies, so that a copy is never a duplicate of itself.
    key: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict with every field."""
        return jsonable(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Subject:
        """Return what `to_json` wrote; keys of other versions are ignored."""
        return cls(**{"title": ""} | known_fields(cls, data))


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """Hold one copy in the collection of an owner."""

    title: str
    author: str = ""
    volumes: int = 1
    status: str = "ON_HAND"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Hold the copies that an owner owns; `of` leaves out the others.

    Raises ValueError for a copy that is not owned: what is only evaluated must never count as had.
    """

    copies: tuple[HeldCopy, ...] = ()

    def __post_init__(self) -> None:
        for copy in self.copies:
            if copy.status not in OWNED_STATUSES:
                raise ValueError(f"a copy that is {copy.status} is not owned: {copy.title}")

    @classmethod
    def of(cls, copies: Iterable[HeldCopy]) -> Holdings:
        """Return the holdings among all copies of an owner."""
        return cls(tuple(copy for copy in copies if copy.status in OWNED_STATUSES))

    def besides(self, key: str) -> Holdings:
        """Return the holdings without the copy of this key."""
        return replace(self, copies=tuple(copy for copy in self.copies if not key or copy.key != key))
