"""Open the providers of language models as the settings say: `<PROVIDER>_URL` and `<PROVIDER>_KEY`, one door and one breaker each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from django.conf import settings

from bookops.doors import open_door, quota_of
from bookops.outbound.errors import Refused
from bookops.outbound.http import Door
from bookops.outbound.quota import Limits, Quota
from bookops.tally import note_call
from llmjobs.providers import Background, Batches
from llmjobs.providers.registry import all_ways

#: Far above what the poller reaches, so that only a loop gone wrong meets it; what a model is asked is paced by its row of limits.
CEILING = Limits(rate=500.0, burst=500)
#: How `open_background` and `open_batches` find theirs.
BACKGROUND, BATCH = "responses", "batch"

_standing_in: dict[tuple[str, str], Any] = {}


def ways() -> Mapping[tuple[str, str], Any]:
    """Return every (provider, way) that can be asked."""
    return {**all_ways(), **_standing_in}


def open_background(provider: str) -> Background:
    """Return the provider that answers each question by itself; raises KeyError for none such, Refused where it has no key."""
    return cast(Background, _opened(provider, BACKGROUND))


def open_batches(provider: str) -> Batches:
    """Return the provider that takes many questions at once; raises like `open_background`."""
    return cast(Batches, _opened(provider, BATCH))


@contextmanager
def standing_in(*providers: Background | Batches) -> Iterator[None]:
    """Have these answer under their `provider` and `way`, in every thread, while the block runs."""
    before = dict(_standing_in)
    _standing_in.update({(one.provider, one.way): one for one in providers})
    try:
        yield
    finally:
        _standing_in.clear()
        _standing_in.update(before)


def quota_for(provider: str, model: str, requests_per_minute: int | None) -> Quota | None:
    """Return what keeps all processes to a model's own pace; None where its row of limits has none."""
    if not requests_per_minute or not settings.SOURCE_QUOTAS:
        return None
    return _paced(f"{provider}.{model}", requests_per_minute)


@lru_cache(maxsize=64)
def _paced(name: str, requests_per_minute: int) -> Quota:
    a_second = requests_per_minute / 60
    return quota_of(name, Limits(rate=a_second, burst=max(1, int(a_second))))


def _opened(provider: str, way: str) -> Any:
    if found := _standing_in.get((provider, way)):
        return found
    if (provider, way) not in ways():
        there_are = ", ".join(sorted(other for other, by in ways() if by == way))
        raise KeyError(f"{provider} does not answer by {way}. There are: {there_are}.")
    name = provider.upper()
    url, key = getattr(settings, f"{name}_URL"), getattr(settings, f"{name}_KEY")
    if not key:
        raise Refused(f"{name}_KEY is unset.", reason="not_configured", source=provider, account_wide=True)
    return _made(provider, way, url, key)


@lru_cache(maxsize=16)
def _made(provider: str, way: str, url: str, key: str) -> Any:
    return all_ways()[provider, way](_door(provider, url), key)


@lru_cache(maxsize=8)
def _door(provider: str, url: str) -> Door:
    return open_door(provider, url, CEILING, note_call)
