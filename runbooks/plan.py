"""The plan of an evaluation: its steps, what each needs, how long and how often each may try; what runs is read off this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FETCH_LISTING = "fetch_listing"
DOWNLOAD_IMAGES = "download_images"
CLAUDE_ANALYSIS = "claude_analysis"
EBAY_FMV = "ebay_fmv"
ABEBOOKS_FMV = "abebooks_fmv"
ASSEMBLE = "assemble"
NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Step:
    """Hold one step of the plan."""

    name: str
    #: Its name in the state machine of the first design.
    state_name: str
    #: What it reads; when one of these comes out differently, it runs again.
    needs: tuple[str, ...]
    #: Seconds from its claim.
    deadline: float
    #: Tries in all, the first included.
    tries: int
    #: An execution ends when this step fails; the others leave a gap.
    is_required: bool = False
    #: An operator, or who asks for the execution, may switch it off.
    may_be_off: bool = False
    #: Work of processors on hostile input, in a queue of its own.
    is_image_work: bool = False

    @property
    def queue(self) -> str:
        return "images" if self.is_image_work else "runbooks"


#: Stages run one after the other; the steps of one run at the same time.
STAGES: tuple[tuple[Step, ...], ...] = (
    (Step(FETCH_LISTING, "FetchListing", (), deadline=30, tries=3, is_required=True),),
    (Step(DOWNLOAD_IMAGES, "DownloadImages", (FETCH_LISTING,), deadline=60, tries=3, is_image_work=True),),
    (
        Step(CLAUDE_ANALYSIS, "ClaudeVisionAnalysis", (FETCH_LISTING, DOWNLOAD_IMAGES), deadline=120, tries=3, may_be_off=True),
        Step(EBAY_FMV, "EbayFMVLookup", (FETCH_LISTING,), deadline=30, tries=4, may_be_off=True),
        Step(ABEBOOKS_FMV, "AbebooksFMVLookup", (FETCH_LISTING,), deadline=30, tries=4, may_be_off=True),
    ),
    (
        Step(
            ASSEMBLE,
            "AssembleAndScore",
            (FETCH_LISTING, DOWNLOAD_IMAGES, CLAUDE_ANALYSIS, EBAY_FMV, ABEBOOKS_FMV),
            deadline=10,
            tries=3,
            is_required=True,
        ),
    ),
    (Step(NOTIFY, "NotifyUser", (ASSEMBLE,), deadline=10, tries=3),),
)

STEPS: dict[str, Step] = {step.name: step for stage in STAGES for step in stage}
#: The branches of the analysis: without one of them a runbook is partial.
BRANCHES: tuple[str, ...] = tuple(step.name for step in STAGES[2])
#: The six steps that the status tells of; notify is not one of them.
SHOWN: tuple[str, ...] = tuple(name for name in STEPS if name != NOTIFY)


def needed_by(name: str) -> list[str]:
    """Return the steps that have to run again when this one comes out differently, in their order."""
    outdated = {name}
    for step in STEPS.values():
        if outdated.intersection(step.needs):
            outdated.add(step.name)
    return [one for one in STEPS if one in outdated and one != name]


def state_machine() -> dict[str, Any]:
    """Return the plan as a state machine in Amazon's language, in the form that the first design has."""
    names = [stage[0].state_name if len(stage) == 1 else "ParallelAnalysis" for stage in STAGES]
    following = [*names[1:], ""]
    states = {
        name: _task(stage[0], after) if len(stage) == 1 else _parallel(stage, after)
        for name, stage, after in zip(names, STAGES, following, strict=True)
    }
    return {"Comment": "Eval Runbook Generation Workflow", "StartAt": names[0], "States": states}


def _parallel(stage: tuple[Step, ...], after: str) -> dict[str, Any]:
    branches = [{"StartAt": step.state_name, "States": {step.state_name: _task(step, "")}} for step in stage]
    return {"Type": "Parallel", "Branches": branches, "Next": after}


def _task(step: Step, after: str) -> dict[str, Any]:
    state: dict[str, Any] = {"Type": "Task", "Resource": f"runbooks.steps.{step.name}", "TimeoutSeconds": int(step.deadline)}
    state |= {"Next": after} if after else {"End": True}
    # Amazon counts what comes after the first try.
    return state | {"Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": step.tries - 1}]}
