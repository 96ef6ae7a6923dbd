"""Purposes: what a job may ask a language model about many things, how an answer changes them, and how that is undone.

An app adds one by a file in its `purposes` package with a decorated subclass of `Purpose`, or of `book_purpose.BookPurpose` for books.
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
from typing import Any, ClassVar, Literal, Self, TypeVar

from django.apps import apps
from django.db import models
from pydantic import BaseModel

from bookops.strict_schema import strict

#: What became of a change: written; or left, because a person settled that field, or because the thing is gone.
Written = Literal["applied", "locked", "gone"]
#: When an answer is applied: at once, above a confidence, or when a person has looked at it.
Policy = Literal["apply", "above", "review"]

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class WrongTemplate(ValueError):
    """A template names no variable, or one that its purpose does not know; the text names those there are."""


@dataclass(frozen=True, slots=True)
class Change:
    """Hold what one field was and is to become; both are plain JSON values."""

    before: Any
    after: Any
    #: Of a change that was written: what the target's provenance said of the field before.
    was: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the change that `to_json` told of."""
        return cls(data["before"], data["after"], data.get("was"))

    def to_json(self) -> dict[str, Any]:
        """Return the change as a proposal keeps it."""
        return {"before": self.before, "after": self.after} | ({} if self.was is None else {"was": dict(self.was)})


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

    @abstractmethod
    def by_hand(self, target: Any, name: str, value: Any) -> Any:
        """Return what a person wrote into a field as the field keeps it; raises ValidationError for what it cannot."""

    def doubt(self, target: Any, answer: Any) -> str:
        """Return why a person should look at an answer, whatever the policy says; "" where nothing speaks against it."""
        return ""

    def gist(self, answer: Any) -> Any:
        """Return what the answers of two models must have in common to agree; all of it where a purpose knows no better."""
        return answer

    def confidence(self, answer: Any) -> float | None:
        """Return how sure the model says it is (0 to 1), None where the answer does not tell."""
        return getattr(answer, "confidence", None)

    def is_flagged(self, answer: Any) -> bool:
        """Say whether the answer flags its target; counted in the job's totals."""
        return bool(getattr(answer, "flagged", False))

    def check_template(self, template: str) -> None:
        """Raise WrongTemplate for one with an undeclared variable, with braces that open and are none, or that asks everything the same."""
        there_are = f"There are: {', '.join(self.declared)}."
        named = set(_VARIABLE.findall(template))
        if unknown := sorted(named - set(self.declared)):
            raise WrongTemplate(f"Unknown variable {{{{{unknown[0]}}}}}. {there_are}")
        _, opens, rest = _VARIABLE.sub("", template).partition("{{")
        if opens:
            raise WrongTemplate(f"A variable is written {{{{name}}}}, not {(opens + rest[:20]).splitlines()[0]}. {there_are}")
        if not named:
            raise WrongTemplate(f"A prompt that names no variable asks of every {self.target} the same. {there_are}")

    def render(self, template: str, values: Mapping[str, str]) -> str:
        """Return the prompt; values are put in as they are, never read as templates."""
        return _VARIABLE.sub(lambda found: values[found[1]], template)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the answer in the strict form that both providers keep to."""
        schema = self.Answer.model_json_schema()
        schema.pop("description", None)  # the docstring, which is for readers of the code
        return strict(schema)


P = TypeVar("P", bound=Purpose)
_purposes: dict[str, Purpose] = {}


def purpose(cls: type[P]) -> type[P]:
    """Register a purpose under its name; its template must ask only for declared variables."""
    one = cls()
    one.check_template(cls.template)
    if type(_purposes.get(cls.name, one)) is not cls:
        raise ValueError(f"Two purposes are called {cls.name}.")
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
