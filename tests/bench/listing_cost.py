"""What Claude costs for a listing with twelve photos: as shipped, and beside it every model with reduced and with full photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.bench.figures import Report, Table
from tests.bench.stack import measured

if TYPE_CHECKING:
    from bookops.language_models import LanguageModel
    from runbooks.models import StepRun
    from runbooks.sources.claude import PhotoQuestion, ShownPhoto

PHOTOS = 12
MOST_DOLLARS = 0.03
#: Of the sandbox's script: the listing whose first photos are taken, as none has twelve.
CASE = "many-photos"
MILLION = 1_000_000


def measure(*, short: bool) -> Report:
    """Evaluate a pasted listing with twelve photos, then ask each model about the same photos."""
    report = Report(f"Claude, for a listing with {PHOTOS} photos")
    report.notes.append(
        "A pasted listing of the sandbox's script, evaluated by the product's own steps in this process; tokens are those that the sandbox "
        "counts by the published rules and the step's row keeps, dollars follow from the dated prices of language_models.toml. The table "
        "asks each model that is on sale the same question once more with the photos as the product stores them, reduced and full."
    )
    with measured("postgres", settings={}, parts=()):
        run = _evaluated()
        cost, calls = run.cost / MILLION, run.calls.get("anthropic", 0)
        told = f"{run.model}, {calls} call, {run.input_tokens:,} tokens in, {run.output_tokens:,} out"
        report.add("reduced photos, default model", cost, "$", MOST_DOLLARS, remark=told)
        table = Table(["model", "photos", "tokens in", "tokens out", "$"])
        questions = {"reduced": _question(run, "reduced_key"), "full": _question(run, "key")}
        for model in _on_sale()[: 1 if short else None]:
            for what, question in questions.items():
                table.rows.append([model.name, what, *_answered(model, question)])
        report.tables.append(table)
    return report


def _evaluated() -> StepRun:
    """Evaluate the listing and return its reading's step."""
    from django.contrib.auth import get_user_model

    from bookops.dispatch import rung_here
    from runbooks.executions import start_pasted
    from runbooks.sources.records import ListingFacts, Money
    from sandbox.listings import by_case
    from sandbox.pictures import picture

    listing = by_case(CASE)
    facts = ListingFacts(
        item_id="",
        legacy_id="",
        url="",
        title=listing.title,
        description=listing.description,
        price=Money(Decimal("500.00"), "USD"),
        buying_options=("FIXED_PRICE",),
        condition=listing.condition,
        aspects=dict(listing.aspects),
    )
    with rung_here() as here:
        owner = get_user_model().objects.create(username="reader")
        execution, _ = start_pasted(owner, facts, photos=[picture(listing, place) for place in range(PHOTOS)])
        here.work()
    run: StepRun = execution.steps.get(name="claude_analysis")
    if run.state != "succeeded":
        raise RuntimeError(f"the listing was not read: {run.reason} {run.detail}")
    return run


def _question(run: StepRun, key: str) -> PhotoQuestion:
    """Return the question of a step with its photos in one of the sizes that are stored."""
    from runbooks.sources.claude import PhotoQuestion
    from runbooks.sources.records import ListingFacts

    course = {one.name: one.output for one in run.execution.steps.all()}
    facts = ListingFacts.from_json(course["fetch_listing"]["facts"])
    return PhotoQuestion(listing=facts, model=run.model, photos=tuple(_photos(run, course["download_images"]["images"], key)))


def _photos(run: StepRun, ids: list[str], key: str) -> Iterator[ShownPhoto]:
    from io import BytesIO

    from django.core.files.storage import default_storage
    from PIL import Image

    from runbooks.listings import kept_photos
    from runbooks.sources.claude import ShownPhoto

    listing = run.execution.listing
    assert listing is not None
    for row in kept_photos(listing, ids):
        with default_storage.open(getattr(row, key)) as file:
            content = file.read()
        with Image.open(BytesIO(content)) as image:
            yield ShownPhoto(str(row.public_id), content, "image/jpeg", *image.size)


def _on_sale() -> list[LanguageModel]:
    from bookops.clock import database_now
    from bookops.language_models import LanguageModel

    models = LanguageModel.objects.filter(provider="anthropic").order_by("name")
    today = database_now().date()
    return [model for model in models if model.retires_on is None or model.retires_on > today]


def _answered(model: LanguageModel, question: PhotoQuestion) -> list[str]:
    """Ask a model and return tokens and dollars for the table."""
    from bookops.clock import database_now
    from bookops.language_models import price_on
    from runbooks.doors import open_claude

    usage = open_claude().ask(replace(question, model=model.name)).usage
    cost = price_on(database_now().date(), model).cost(usage) / MILLION
    return [f"{usage.input_tokens:,}", f"{usage.output_tokens:,}", f"{cost:.4f}"]
