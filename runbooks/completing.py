"""Whether a copy completes a set of which its owner has the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runbooks.naming import title_words
from runbooks.subject import HeldCopy, Subject
from runbooks.volumes import set_size, volume_numbers, volumes_named


@dataclass(frozen=True, slots=True)
class Completion:
    """Hold whether a set is completed, and why."""

    completes: bool
    why: str
    #: False when the copy names no volume, so that nothing could be compared.
    is_known: bool = True


NO_VOLUME = Completion(False, "it is not a numbered volume of a set", is_known=False)


def completion(subject: Subject, others: Iterable[HeldCopy]) -> Completion:
    """Return whether this copy's volumes and the owned ones together are all volumes of the set.

    `others` are the copies by the same author that are owned beside this one.
    A volume that is owned already completes nothing, whatever the counts come to. The size of the set is the largest that its
    volumes or this copy speak of.
    """
    ours = volume_numbers(subject.title)
    if not ours:
        return NO_VOLUME
    rest = [copy for copy in others if _is_same_set(subject, copy)]
    if not rest:
        return Completion(False, "no other volume of this set is owned")
    owned = frozenset[int]().union(*(volume_numbers(copy.title) for copy in rest))
    size = max(_size_told(subject.title, subject.volumes), *(_size_told(copy.title, copy.volumes) for copy in rest))
    if ours <= owned:
        return Completion(False, f"{volumes_named(ours)} is owned already")
    if size < 2:
        return Completion(False, "nobody says how many volumes the set has", is_known=False)
    whole = frozenset(range(1, size + 1))
    if not ours <= whole:
        return Completion(False, f"{volumes_named(ours)} is not of a set of {size}", is_known=False)
    missing = whole - owned - ours
    if missing:
        return Completion(False, f"{volumes_named(missing)} of {size} would still be missing")
    return Completion(True, f"{volumes_named(ours)} is the last of {size} that was missing")


def _is_same_set(subject: Subject, copy: HeldCopy) -> bool:
    ours, theirs = title_words(subject.title), title_words(copy.title)
    return bool(ours and theirs) and (_contains(ours, theirs) or _contains(theirs, ours))


def _contains(longer: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    return f" {' '.join(shorter)} " in f" {' '.join(longer)} "


def _size_told(title: str, volumes: int) -> int:
    """Return of how many volumes a copy says its set is, 0 for none said; "Vols. 1-2" in two volumes says nothing of a third."""
    return max(set_size(title) or 0, volumes if volumes > len(volume_numbers(title)) else 0)
