"""Chance that is the same in every run: decided by a hash of the seed and of what it is about."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def number_of(*about: object) -> int:
    """Return a whole number below 2**64 that depends on nothing but the arguments."""
    return int.from_bytes(blake2b("\x1f".join(map(str, about)).encode(), digest_size=8).digest(), "big")


def happens(share: float, *about: object) -> bool:
    """Tell whether something that befalls this share of all cases befalls this one."""
    return number_of(*about) < share * 2**64


def one_of(choices: Sequence[T], *about: object) -> T:
    """Return the choice that falls to this case."""
    return choices[number_of(*about) % len(choices)]


def some_of(choices: Sequence[T], count: int, *about: object) -> list[T]:
    """Return so many different choices for this case, in their own order."""
    chance = random.Random(number_of(*about))
    return [choices[place] for place in sorted(chance.sample(range(len(choices)), min(count, len(choices))))]
