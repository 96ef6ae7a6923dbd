"""Put one question about many books or runbooks to a language model."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from rich.console import Console

from bookops.asked_wrongly import AskedWrongly, user_named
from bookops.language_models import MILLION, UnknownModel
from bookops.purposes import all_purposes
from bookops.spend import dollars
from llmjobs.estimating import Estimate, estimate
from llmjobs.jobs import create_job
from llmjobs.management.job_command import shown
from llmjobs.plans import PRIORITIES, Plan, Scope
from llmjobs.previewing import preview
from llmjobs.terminal import follow


class Command(BaseCommand):
    help = "Create an LLM job and begin; or with --preview or --estimate only say what it would ask and take. Exit code 2: it was refused."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("purpose", help=f"one of {', '.join(sorted(all_purposes()))}")
        parser.add_argument("--owner", required=True, help="the user whose books or runbooks are asked about")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--ids", nargs="+", type=int, metavar="ID")
        which.add_argument("--where", nargs="+", metavar="NAME=VALUE", help="those that match, such as language=de; all without")
        for name in ("label", "provider", "way", "model", "effort", "tier", "policy"):
            parser.add_argument(f"--{name}", default="", help="the purpose's own without")
        parser.add_argument("--priority", choices=PRIORITIES, default="normal")
        parser.add_argument("--cap", type=float, metavar="DOLLARS", help="what the job may spend at most")
        parser.add_argument("--ask-again", action="store_true", help="do not answer from earlier answers to the same questions")
        parser.add_argument("--paused", action="store_true", help="render the prompts, but send nothing before it is resumed")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--wait", action="store_true", help="show how far it is until it has ended; exit code 1 when it failed")
        only.add_argument("--preview", type=int, metavar="N", help="show N prompts and create nothing")
        only.add_argument("--estimate", action="store_true", help="show what it would take and create nothing")
        parser.add_argument("--json", action="store_true", help="print the answer as JSON")

    def handle(self, *, purpose: str, owner: str, **options: Any) -> None:
        user = user_named(owner)
        asked = (user, purpose, scope_of(options), plan_of(options))
        try:
            if options["preview"]:
                facts = asdict(preview(*asked, most=options["preview"]))
            elif options["estimate"]:
                facts = (facts_of if options["json"] else told_of)(estimate(*asked))
            else:
                job = create_job(*asked)
                if options["wait"]:
                    follow(job, Console(soft_wrap=True))
                    sys.exit(0 if job.status == "completed" else 1)
                facts = {"job": str(job.pk), "items": job.total_items, "status": job.status}
        except (ValidationError, UnknownModel) as error:
            raise AskedWrongly(" ".join(getattr(error, "messages", [str(error)]))) from error
        self.stdout.write(shown(facts, as_json=options["json"]))


def scope_of(options: dict[str, Any]) -> Scope:
    """Return the scope that the options name; raises AskedWrongly for a filter without a value."""
    if options["ids"]:
        return Scope("ids", ids=tuple(options["ids"]))
    if not options["where"]:
        return Scope("all")
    named = [one.partition("=") for one in options["where"]]
    if not all(separator for _, separator, _ in named):
        raise AskedWrongly("Write --where as NAME=VALUE, such as --where language=de.")
    return Scope("filters", filters={name: value for name, _, value in named})


def plan_of(options: dict[str, Any]) -> Plan:
    """Return the plan that the options name."""
    ask = {name: options[name] for name in ("provider", "way", "model", "effort", "tier") if options[name]}
    return Plan(
        label=options["label"],
        asks=(ask,) if ask else (),
        policy=options["policy"],
        priority=PRIORITIES[options["priority"]],
        cap=None if options["cap"] is None else round(options["cap"] * MILLION),
        uses_kept_answers=not options["ask_again"],
        starts_paused=options["paused"],
    )


def facts_of(seen: Estimate) -> dict[str, Any]:
    """Return an estimate with its money for people, too."""
    return asdict(seen) | {"price": dollars(seen.cost), "price_at_most": dollars(seen.most_cost)}


def told_of(seen: Estimate) -> dict[str, Any]:
    """Return an estimate as people read it: a line a model."""
    by_model = {
        f"{ask.provider} {ask.model}, {ask.tier}": f"{ask.calls:,} calls, {ask.input_tokens:,} tokens in, {ask.output_tokens:,} out, "
        f"{dollars(ask.cost)}, at most {dollars(ask.most_cost)}"
        for ask in seen.asks
    }
    return {name: value for name, value in asdict(seen).items() if name != "asks"} | by_model
