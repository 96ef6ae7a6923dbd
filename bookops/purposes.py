"""Purposes: what a job may ask a language model about many things, how an answer changes them, and how that is undone.

An app adds one by a file in its `purposes` package with a decorated subclass of `Purpose`, or of `BookPurpose` for books.
"""

from __future__ import annotations

import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Literal, TypeVar

from django.apps import apps
from django.db import models
from pydantic import BaseModel

from bookops.books import PERSON, Book
from bookops.bulk import write_fields

#: What became of a change: written; or left, because a person settled that field, or because the thing is gone.
Written = Literal["applied", "locked", "gone"]
#: When an answer is applied: at once, above a confidence, or when a person has looked at it.
Policy = Literal["apply", "above", "review"]

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class UnknownVariable(ValueError):
    """A template asks for what its purpose does not know; the text names what there is."""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold what one field was and is to become; both are plain JSON values."""

    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        """Return the pair as a proposal keeps it."""
        return {"before": self.before, "after": self.after}


#: The changes that an answer proposes, by field.
Changes = Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Defaults:
    """Hold how a purpose asks when nobody says otherwise."""

    provider: str = "openai"
    #: "responses" sends one request an item, "batch" many in one.
    way: Literal["responses", "batch"] = "responses"
    model: str = "gpt-6-luna"
    effort: str = ""
    tier: str = "standard"
    most_output_tokens: int = 2_000
    policy: Policy = "review"
    #: The confidence from which "above" applies.
    above: float = 0.8


@dataclass(frozen=True, slots=True)
class Applied:
    """Hold what came of applying the changes of one proposal."""

    written: Written
    #: What was really changed, with the values that stood there; empty where nothing was.
    changes: dict[str, Change] = field(default_factory=dict)


class Purpose(ABC):
    """Say how to ask about one kind of thing, and how to apply and undo the answers.

    `Answer` is checked twice: as the JSON schema that the provider keeps to, and by pydantic when the answer arrives.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    #: "book" or "runbook": what its targets are called.
    target: ClassVar[str]
    Answer: ClassVar[type[BaseModel]]
    system: ClassVar[str] = ""
    #: Text with {{variables}} of `variables`.
    template: ClassVar[str]
    declared: ClassVar[tuple[str, ...]]
    defaults: ClassVar[Defaults] = Defaults()

    @abstractmethod
    def targets(self, owner_id: Any) -> models.QuerySet[Any]:
        """Return all things of an owner that may be asked about."""

    @abstractmethod
    def filtered(self, targets: models.QuerySet[Any], filters: Mapping[str, Any]) -> models.QuerySet[Any]:
        """Narrow by what a person asked for; raises ValueError that names an unknown filter and those there are."""

    @abstractmethod
    def variables(self, targets: Sequence[Any]) -> list[dict[str, str]]:
        """Return the values of the declared variables for each target; a few queries for all."""

    @abstractmethod
    def changes(self, target: Any, answer: Any, job: str) -> Changes:
        """Return what the answer would change of the target as it is now; empty when nothing. `job` is the job's label."""

    @abstractmethod
    def version_of(self, target: Any) -> int:
        """Return a number that every write of the target raises."""

    @abstractmethod
    def apply(self, proposed: Sequence[tuple[Any, Changes]], source: str, now: datetime, *, by_person: bool = False) -> list[Applied]:
        """Write changes to targets that the caller has locked; one or two statements for all.

        `by_person` is a reviewer's word, which may overwrite what an automated writer may not.
        """

    @abstractmethod
    def undo(self, applied: Sequence[tuple[Any, Changes]], source: str, now: datetime) -> list[Applied]:
        """Put back what `apply` changed under that source, but for what somebody has touched since."""

    def confidence(self, answer: Any) -> float | None:
        """Return how sure the model says it is (0 to 1), None where the answer does not tell."""
        return getattr(answer, "confidence", None)

    def is_flagged(self, answer: Any) -> bool:
        """Say whether the answer flags its target; counted in the job's totals."""
        return bool(getattr(answer, "flagged", False))

    def check_template(self, template: str) -> None:
        """Raise UnknownVariable for a variable that is not declared."""
        unknown = sorted(set(_VARIABLE.findall(template)) - set(self.declared))
        if unknown:
            raise UnknownVariable(f"Unknown variable {{{{{unknown[0]}}}}}. There are: {', '.join(self.declared)}.")

    def render(self, template: str, values: Mapping[str, str]) -> str:
        """Return the prompt; values are put in as they are, never read as templates."""
        return _VARIABLE.sub(lambda found: values[found[1]], template)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the answer in the strict form that both providers keep to."""
        return strict(self.Answer.model_json_schema())


class BookPurpose(Purpose):
    """Ask about books; changes pass the library's gate, and what a person settled stays."""

    target = "book"
    declared: ClassVar[tuple[str, ...]] = (
        "title", "author", "publisher", "year", "language", "pages", "isbn13", "description", "genres", "subjects"
    )  # fmt: skip
    #: Which books may be asked for, as Django's lookups.
    FILTERS: ClassVar[dict[str, str]] = {
        "title": "title__icontains",
        "author": "author__icontains",
        "publisher": "publisher__icontains",
        "language": "language",
        "year_from": "year__gte",
        "year_to": "year__lte",
        "flagged": "flagged",
        "import": "rows__library_import",
    }

    def targets(self, owner_id: Any) -> models.QuerySet[Book]:
        return Book.objects.filter(owner_id=owner_id)

    def filtered(self, targets: models.QuerySet[Book], filters: Mapping[str, Any]) -> models.QuerySet[Book]:
        unknown = sorted(set(filters) - set(self.FILTERS))
        if unknown:
            raise ValueError(f"Unknown filter {unknown[0]}. There are: {', '.join(self.FILTERS)}.")
        chosen = targets.filter(**{self.FILTERS[name]: value for name, value in filters.items()})
        return chosen.distinct() if "import" in filters else chosen

    def variables(self, targets: Sequence[Book]) -> list[dict[str, str]]:
        return [{name: _words(getattr(book, name)) for name in self.declared} for book in targets]

    def version_of(self, target: Book) -> int:
        return target.version

    def apply(self, proposed: Sequence[tuple[Book, Changes]], source: str, now: datetime, *, by_person: bool = False) -> list[Applied]:
        done = [self._apply_one(book, changes, PERSON if by_person else source, source, now) for book, changes in proposed]
        self._write([book for (book, _), one in zip(proposed, done, strict=True) if one.changes], proposed)
        return done

    def undo(self, applied: Sequence[tuple[Book, Changes]], source: str, now: datetime) -> list[Applied]:
        done = []
        for book, changes in applied:
            back = {}
            for name, change in changes.items():
                # Whoever wrote since left another value or another name behind.
                untouched = getattr(book, name) == change.after and book.provenance.get(name, {}).get("job") == source
                if untouched:
                    setattr(book, name, change.before)
                    before = book.provenance[name].get("before")
                    if before:
                        book.provenance[name] = before
                    else:
                        del book.provenance[name]
                    book.locked = [locked for locked in book.locked if locked != name or (before or {}).get("source") == PERSON]
                    back[name] = Change(change.after, change.before)
            done.append(Applied("applied" if back else "locked", back))
        self._write([book for (book, _), one in zip(applied, done, strict=True) if one.changes], applied)
        return done

    def _apply_one(self, book: Book, changes: Changes, writer: str, source: str, now: datetime) -> Applied:
        held = [name for name in changes if not book.may_learn(name, writer)]
        if held:
            return Applied("locked")
        made = {}
        for name, change in changes.items():
            before = getattr(book, name)
            if before == change.after:
                continue
            setattr(book, name, change.after)
            was = {key: value for key, value in book.provenance.get(name, {}).items() if key != "before"}
            book.provenance[name] = {"source": writer, "at": now.isoformat(), "job": source, "before": was}
            if writer == PERSON and name not in book.locked:
                book.locked = [*book.locked, name]
            made[name] = Change(before, change.after)
        return Applied("applied", made)

    def _write(self, changed: Sequence[Book], proposed: Sequence[tuple[Book, Changes]]) -> None:
        names = sorted({name for _, changes in proposed for name in changes})
        for book in changed:
            book.version += 1
        write_fields(changed, [*names, "provenance", "locked", "version"])


def _words(value: Any) -> str:
    """Return a fact as a prompt shows it: genres by name, subjects without their sources, nothing as nothing."""
    if isinstance(value, Mapping):
        return ", ".join(str(one) for many in value.values() for one in many)
    if isinstance(value, list):
        return ", ".join(str(one["name"]) if isinstance(one, Mapping) else str(one) for one in value)
    return "" if value is None else str(value)


def strict(schema: Any) -> Any:
    """Return a JSON schema in which every property is required and no other allowed, without what providers refuse to check.

    Bounds and patterns are left to pydantic, which checks the answer again when it arrives.
    """
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: strict(value) for name, value in schema.items() if name not in _UNCHECKED and name not in _NAMED}
    # Below these, names are the answer's own, whatever they are called.
    kept |= {name: {own: strict(value) for own, value in schema[name].items()} for name in _NAMED if name in schema}
    if kept.get("type") == "object":
        kept["required"] = list(kept.get("properties", {}))
        kept["additionalProperties"] = False
    return kept


_NAMED = ("properties", "$defs")
_UNCHECKED = {
    "title", "default", "examples", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems",
}  # fmt: skip

P = TypeVar("P", bound=Purpose)
_purposes: dict[str, Purpose] = {}


def purpose(cls: type[P]) -> type[P]:
    """Register a purpose under its name; its template must ask only for declared variables."""
    one = cls()
    one.check_template(cls.template)
    _purposes[cls.name] = one
    return cls


def purpose_named(name: str) -> Purpose:
    """Return a purpose; raises KeyError with the names there are."""
    found = all_purposes()
    if name not in found:
        raise KeyError(f"No purpose {name}. There are: {', '.join(sorted(found))}.")
    return found[name]


def all_purposes() -> dict[str, Purpose]:
    """Return every purpose of every app, by name."""
    _find()
    return _purposes


@cache
def _find() -> None:
    for package in _packages():
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)


def _packages() -> Iterable[Any]:
    for app in apps.get_app_configs():
        if (app_path := app.module) and any(found.name == "purposes" and found.ispkg for found in pkgutil.iter_modules(app_path.__path__)):
            yield import_module(f"{app.name}.purposes")
