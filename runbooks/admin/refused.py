"""What was typed into a form of a runbook's page and refused: the page shows it once more, open, with why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from bookops.buttons import Button
from runbooks.models import EvalRunbook

KEY = "refused_on_runbook"
#: Characters that a session keeps for one page view; longer lines are in the clipboard still.
MOST = 20_000
NOT_TYPED = frozenset({"csrfmiddlewaretoken", "part", "value"})


@dataclass(frozen=True, slots=True)
class Refused:
    """Hold a refused press: of which button, about which part of the runbook, what was typed, and why it was refused."""

    runbook: int
    button: str
    value: str
    typed: dict[str, str]
    why: str


def keeping_typed(button: Button) -> Button:
    """Return a button that keeps what was typed for the next view of the page, where it refuses that."""

    def press(request: HttpRequest, runbook: EvalRunbook, value: str) -> str:
        try:
            return button.press(request, runbook, value)
        except ValidationError as error:
            typed = {name: str(words) for name, words in request.POST.items() if name not in NOT_TYPED}
            kept = typed if sum(map(len, typed.values())) <= MOST else {}
            request.session[KEY] = asdict(Refused(runbook.pk, button.name, value[:100], kept, " ".join(error.messages)))
            raise

    return replace(button, press=press)


def was_refused(request: HttpRequest) -> bool:
    """Say whether a refusal waits to be shown."""
    return KEY in request.session


def take_refused(request: HttpRequest, runbook: EvalRunbook) -> Refused | None:
    """Return what was refused on a runbook's page, once."""
    kept = request.session.get(KEY)
    if not kept or kept["runbook"] != runbook.pk:
        return None
    del request.session[KEY]
    return Refused(**kept)
