"""Let Claude look at the photos and read the words; its claims rest on stored photos, and money is held before it is asked."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.files.storage import default_storage

from bookops.clock import database_now
from bookops.language_models import LanguageModel, ModelPrice, UnknownModel, model_on, price_on
from bookops.outbound.errors import Refused
from runbooks.doors import open_claude
from runbooks.holding import hold_for
from runbooks.images.choosing import Photo, sample
from runbooks.images.reducing import PHOTO_TOKENS, TIERS, fitted
from runbooks.listings import kept_photos, put_aside
from runbooks.models import ListingImage
from runbooks.sources import claude
from runbooks.sources.claude_reading import PhotoReading
from runbooks.sources.records import ListingFacts
from runbooks.steps import Bill, Done, Work

#: Seconds of the step that are left for storing what came.
TO_STORE = 3.0


def run(work: Work) -> Done:
    """Return the reading; without photos Claude reads the words alone. What it answers is paid for, whatever it says."""
    source = open_claude()
    model, price = _model(work)
    question = _question(work, model)
    hold_for(work, model, price.cost(claude.most_tokens(question)))

    def pay(said: claude.Said) -> None:
        work.bill = Bill(said.usage, price)

    reading = source.read_photos(question, seconds=max(work.left - TO_STORE, 1.0), on_said=pay)
    return Done({"reading": reading.to_json()}, store=lambda: _put_aside(work, reading))


def _model(work: Work) -> tuple[LanguageModel, ModelPrice]:
    name, today = work.options.get("model") or settings.CLAUDE_MODEL, database_now().date()
    try:
        model = model_on(today, claude.NAME, name)
        return model, price_on(today, model)
    except UnknownModel as error:
        raise Refused(str(error), reason="unknown_model", source=claude.NAME) from None


def _question(work: Work, model: LanguageModel) -> claude.PhotoQuestion:
    photos = tuple(_shown(work, model)) if settings.PHOTOS_TO_MODEL else ()
    if not photos and not settings.TEXT_TO_MODEL:
        raise Refused("There are no photos, and texts are not given to a model (TEXT_TO_MODEL).", reason="nothing_to_show")
    return claude.PhotoQuestion(
        listing=ListingFacts.from_json(work.inputs["fetch_listing"]["facts"]),
        model=model.name,
        photos=photos,
        with_text=settings.TEXT_TO_MODEL,
        flow=work.flow,
    )


def _shown(work: Work, model: LanguageModel) -> Iterator[claude.ShownPhoto]:
    """Yield the photos that the model is shown, made small, each under the id that it is stored by."""
    listing, ids = work.execution.listing, work.inputs["download_images"].get("images", [])
    rows = {str(row.public_id): row for row in kept_photos(listing, ids)} if listing else {}
    chosen = sample([Photo(key, *_reduced(row)) for key, row in rows.items()], TIERS[model.picture_tier]).photos
    for number, photo in enumerate(chosen, start=1):
        with default_storage.open(rows[photo.id].reduced_key) as file:
            yield claude.ShownPhoto(photo.id, file.read(), "image/jpeg", photo.width, photo.height)
        work.tell(f"{number}/{len(chosen)} images")


def _reduced(row: ListingImage) -> tuple[int, int]:
    """Return the pixels of what a model gets of a photo."""
    return fitted(row.width, row.height, tokens=PHOTO_TOKENS)


def _put_aside(work: Work, reading: PhotoReading) -> None:
    if work.execution.listing is not None:
        put_aside(work.execution.listing, {one.image_id: one.reason for one in reading.unrelated_images})
