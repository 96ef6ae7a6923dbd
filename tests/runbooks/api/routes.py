"""Who may reach the addresses of evaluations."""

from __future__ import annotations

from typing import Any

from bookops.runs import State
from runbooks.models import Execution
from tests.api.access import OWN, OWNED, Part, Route, Things
from tests.api.clients import json_body
from tests.runbooks.factories import make_execution, make_step

LINK = "https://www.ebay.com/itm/256712345679"

ROUTES: dict[str, list[Route]] = {
    "api/books/import-ebay": [Route(OWN, "POST", lambda: json_body(url=LINK), status=202)],
    "api/books/import": [Route(OWN)],
    "api/books/import/<uuid:pk>": [Route(OWNED)],
    "api/books/import/<uuid:pk>/status": [Route(OWNED)],
    "api/books/import/<uuid:pk>/events": [Route(OWNED)],
    "api/books/import/<uuid:pk>/stream": [Route(OWNED)],
    "api/books/import/<uuid:pk>/cancel": [Route(OWNED, "POST", json_body)],
    "api/books/import/<uuid:pk>/retry": [Route(OWNED, "POST", json_body)],
    "api/books/import/<uuid:pk>/steps/<str:step>/retry": [Route(OWNED, "POST", json_body)],
}


def furnish(owner: Any) -> Things:
    """Give an owner an evaluation with a failed step."""
    execution = make_execution(owner)
    step = make_step(execution, state=State.FAILED, reason="timeout")

    def check_untouched() -> None:
        assert Execution.objects.get(pk=execution.pk).state == State.RUNNING
        assert execution.steps.get() == step

    return Things({"api/books/import": {"pk": execution.pk, "step": step.name}}, [str(execution.pk)], check_untouched)


#: The websocket is tested in test_live.py.
PART = Part(ROUTES, furnish, {"ws/import/<uuid:pk>"})
