"""The API does what its schema says, whatever is sent to it.

`make test` sends each operation one made-up request, in a process of its own, for collecting this file alone takes ten seconds;
`make chaos` goes through each parameter's bounds too.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as bounds
from schemathesis.specs.openapi.checks import missing_required_header, negative_data_rejection, positive_data_acceptance

from bookops.api.waiting import WaitingView
from tests.api.access import World, furnished
from tests.api.clients import make_user, token_of

#: So many made-up cases an operation; by hand, SCHEMA_CASES=2000 makes it S10's tens of thousands.
CASES = int(os.environ.get("SCHEMA_CASES", "1"))
#: Whether to try all that lies at, within and beyond the bounds of each parameter as well.
BOUNDS = os.environ.get("SCHEMA_BOUNDS") == "1"

document = SchemaGenerator().get_schema(request=None, public=True)
config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": BOUNDS}}})
schema = schemathesis.openapi.from_dict(document, config=config)
schema.app = get_wsgi_application()


@pytest.fixture
def world(transactional_db: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """An owner with one of everything."""
    monkeypatch.setattr(WaitingView, "longest_wait", 0.01)
    settings.EBAY_DELETION_TOKEN = "a-token-of-thirty-two-characters-or-more"
    settings.THROTTLE_RATES = dict.fromkeys(settings.THROTTLE_RATES, "1000000/min")
    return furnished(make_user())


@pytest.fixture
def token(world: World) -> str:
    """The owner's."""
    return token_of(world.owner)


@schema.parametrize()
@bounds(max_examples=CASES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_schema_or_the_server(case: schemathesis.Case, world: World, token: str) -> None:
    # Left out: that each misfit is refused (a page_size that is no number means the default) and each fit accepted (it may be no export).
    # And which status a missing header is refused with: eBay's own is 412.
    left_out = [negative_data_rejection, positive_data_acceptance, missing_required_header]
    valid = case.meta is None or case.meta.generation.mode.is_positive
    if valid and case.path_parameters and not case.operation.path.endswith("/stream"):
        # A made-up id is never there: half of what can be tested lies behind one that is. (But a stream goes on until its run ends.)
        there = world.values(case.operation.path)
        there |= {"id": there["pk"]} if "pk" in there else {}  # the schema's name for it
        case.path_parameters.update({name: str(value) for name, value in there.items() if name in case.path_parameters})
    # The client of the test does not unpack what is compressed.
    headers = {"Authorization": f"Token {token}", "Accept-Encoding": "identity"}
    case.call_and_validate(headers=headers, excluded_checks=left_out)
