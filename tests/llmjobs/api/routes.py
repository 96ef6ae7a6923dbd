"""Who may reach the addresses of LLM jobs."""

from __future__ import annotations

from typing import Any

from bookops.runs import State
from llmjobs.applying import apply_results
from llmjobs.models import LLMJob, Proposal
from tests.api.access import OWN, OWNED, PUBLIC, Part, Route, Things
from tests.api.clients import json_body
from tests.llmjobs.factories import items_of
from tests.llmjobs.results import answer, make_sent_job

LABEL = "A job that strangers never hear of"
SCOPE = {"all": True}
#: Of a purpose that there is not: what is refused so has passed all doors.
NOTHING = {"purpose": "no-such-purpose", "scope": SCOPE}


def post(status: int = 200, who: str = OWNED, **body: Any) -> Route:
    """Return a route that takes JSON."""
    return Route(who, "POST", lambda: json_body(**body), status)


def chosen() -> dict[str, Any]:
    """Return the arguments that name the owner's proposal."""
    return json_body(ids=[Proposal.objects.get(job__label=LABEL).pk])


ROUTES: dict[str, list[Route]] = {
    "api/llm-jobs": [Route(OWN), post(400, OWN, **NOTHING)],
    "api/llm-jobs/preview": [post(400, OWN, **NOTHING)],
    "api/llm-jobs/estimate": [post(400, OWN, **NOTHING)],
    "api/llm-jobs/validate": [post(200, OWN, **NOTHING)],
    "api/llm-jobs/count-scope": [post(200, OWN, purpose="flag", scope=SCOPE)],
    "api/llm-jobs/purposes": [Route(OWN)],
    "api/llm-jobs/models": [Route(OWN)],
    "api/llm-jobs/spend": [Route(OWN)],
    "api/llm-jobs/measures": [Route(OWN)],
    "api/llm-jobs/unseen-count": [Route(OWN)],
    "api/llm-jobs/ticks": [Route(OWN)],
    "api/llm-jobs/poll-now": [post(202, OWN)],
    "api/llm-jobs/openai-webhook": [post(400, PUBLIC)],  # by OpenAI's signature, which this lacks; see test_poller.py
    "api/llm-jobs/<uuid:pk>": [
        Route(OWNED),
        Route(OWNED, "PATCH", lambda: json_body(priority=10)),
        Route(OWNED, "DELETE", status=204),
    ],
    "api/llm-jobs/<uuid:pk>/events": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/stream": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/cancel": [post()],
    "api/llm-jobs/<uuid:pk>/pause": [post()],
    "api/llm-jobs/<uuid:pk>/resume": [post()],
    "api/llm-jobs/<uuid:pk>/retry": [post()],
    "api/llm-jobs/<uuid:pk>/retry-items": [post(numbers=[1])],
    "api/llm-jobs/<uuid:pk>/append-items": [post(409, scope=SCOPE)],
    "api/llm-jobs/<uuid:pk>/clone": [post(202)],
    "api/llm-jobs/<uuid:pk>/mark-seen": [post(204)],
    "api/llm-jobs/<uuid:pk>/measures": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/undo": [post()],
    "api/llm-jobs/<uuid:pk>/items": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/items/<int:number>": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/items/<int:number>/undo": [post()],
    "api/llm-jobs/<uuid:pk>/proposals": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/proposals/accept": [Route(OWNED, "POST", chosen)],
    "api/llm-jobs/<uuid:pk>/proposals/reject": [Route(OWNED, "POST", chosen)],
    "api/llm-jobs/<uuid:pk>/proposals/<int:proposal>": [Route(OWNED)],
    "api/llm-jobs/<uuid:pk>/proposals/<int:proposal>/correct": [post(values={"flagged_reason": "A study guide."})],
}


def furnish(owner: Any) -> Things:
    """Give an owner a job with one answer that waits for a review."""
    job = make_sent_job(2, owner=owner, label=LABEL, policy="review")
    first, second = items_of(job)
    apply_results(job.pk, {first.pk: answer(first.provider_task_id)})
    proposal = Proposal.objects.get(item=first)

    def check_untouched() -> None:
        there = LLMJob.objects.get(pk=job.pk)
        assert (there.state, there.priority, there.paused_at, there.deleted_at) == (State.RUNNING, 0, None, None)
        assert Proposal.objects.get(pk=proposal.pk).state == Proposal.State.WAITING
        assert items_of(job)[1].state == second.state

    return Things({"api/llm-jobs": {"pk": job.pk, "number": 1, "proposal": proposal.pk}}, [str(job.pk), LABEL], check_untouched)


#: The websocket is tested in test_live.py.
PART = Part(ROUTES, furnish, {"ws/llm-jobs/<uuid:pk>"})
