from __future__ import annotations

from types import SimpleNamespace as Counts

import pytest

from bookops.outbound.sdk_usage import Usage, anthropic_usage, openai_usage


def test_anthropic_counts_the_cache_beside_the_input_and_we_within_it():
    counts = Counts(input_tokens=100, output_tokens=20, cache_read_input_tokens=50, cache_creation_input_tokens=7)
    assert anthropic_usage(counts) == Usage(157, 20, cached_tokens=50, cache_write_tokens=7)


def test_openai_counts_the_cache_within_the_input():
    counts = Counts(input_tokens=100, output_tokens=20, input_tokens_details=Counts(cached_tokens=60, cache_write_tokens=5))
    assert openai_usage(counts) == Usage(100, 20, cached_tokens=60, cache_write_tokens=5)


def test_bodies_of_before_cache_writes_were_counted_are_read():
    assert openai_usage(Counts(input_tokens=100, output_tokens=20, input_tokens_details=Counts(cached_tokens=60))) == Usage(100, 20, 60)


@pytest.mark.parametrize("counts", [None, Counts(), Counts(input_tokens=None, output_tokens="7", cache_read_input_tokens=-3)])
@pytest.mark.parametrize("read", [anthropic_usage, openai_usage])
def test_what_is_missing_or_odd_counts_as_none(read, counts):
    assert read(counts) == Usage()
