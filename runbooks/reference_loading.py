"""Write the reference data that the product comes with into the tables; what staff and owners wrote stays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Exists

from runbooks.models import Author, AuthorTier, Binder, EraRow, GoalRow, GradeAlias, Preference, Publisher, RequirementRow
from runbooks.reference import seed_reference

#: All that an owner may wish for.
WISHES: tuple[type[models.Model], ...] = (AuthorTier, Preference, RequirementRow, GoalRow)


def load_reference_data(*, overwrite: bool = False) -> dict[str, int]:
    """Write publishers, binders, authors, eras and grades, and return how many rows each table got or changed.

    A row that is there is left as it is, unless `overwrite`; rows that only staff wrote always are. A row that staff deleted comes back:
    an empty tier is the way to say that a name shall not count.
    """
    seed = seed_reference()
    with transaction.atomic():
        written = {
            model._meta.model_name or "": _write(
                model, {one.name: {"tier": one.tier, "aliases": list(one.aliases)} for one in named}, overwrite
            )
            for model, named in ((Publisher, seed.publishers), (Binder, seed.binders), (Author, seed.authors))
        }
        written["era"] = _write(EraRow, {one.name: {"first": one.first, "last": one.last} for one in seed.eras}, overwrite)
        grades = {spelling: {"grade": grade.value} for spelling, grade in seed.grades.items()}
        written["gradealias"] = _write(GradeAlias, grades, overwrite, key="spelling")
    return written


def _write(model: type[models.Model], rows: Mapping[str, Mapping[str, Any]], overwrite: bool, *, key: str = "name") -> int:
    there = {getattr(row, key): row for row in model._default_manager.all()}
    new = [model(**{key: name}, **values) for name, values in rows.items() if name not in there]
    model._default_manager.bulk_create(new)
    changed = []
    for name, values in rows.items() if overwrite else ():
        row = there.get(name)
        if row is not None and any(getattr(row, field) != value for field, value in values.items()):
            for field, value in values.items():
                setattr(row, field, value)
            changed.append(row)
    if changed:
        model._default_manager.bulk_update(changed, list(next(iter(rows.values()))))
    return len(new) + len(changed)


def give_first_wishes(owner: Any) -> int:
    """Give an owner who wishes for nothing yet the wishes to start from, and return how many; to be called once, for a new owner."""
    with transaction.atomic(savepoint=False):
        wished = [Exists(model._default_manager.filter(owner=owner)) for model in WISHES]
        if get_user_model().objects.filter(reduce(or_, wished), pk=owner.pk).exists():
            return 0
        first = [RequirementRow(owner=owner, author=one.author, publisher=one.publisher) for one in seed_reference().wishes.requirements]
        return len(RequirementRow.objects.bulk_create(first, ignore_conflicts=True))
