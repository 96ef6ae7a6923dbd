"""A worker that takes evaluations is warm before its first."""

from __future__ import annotations

import sys

from runbooks.images.decoding import shared_decoder
from runbooks.warming import warm_worker


def test_a_worker_of_evaluations_has_a_decoder_and_the_sdk_before_it_is_asked():
    shared_decoder().close()
    thread = warm_worker({"images", "runbooks"})
    assert thread is not None
    thread.join(30)
    assert len(shared_decoder().idle) == 1
    assert "anthropic" in sys.modules


def test_other_workers_load_nothing():
    assert warm_worker({"enrichment", "imports"}) is None
