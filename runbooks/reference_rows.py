"""Reference data as rows: publishers, binders, authors, eras and grades are everybody's; wishes are an owner's."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from runbooks.conditions import Grade

TIERS = [(1, "tier 1"), (2, "tier 2"), (3, "tier 3")]


class NamedRow(models.Model):
    """Hold one name that listings write in many ways."""

    name = models.CharField(max_length=200, unique=True)
    #: Empty for one that is known and scores nothing.
    tier = models.PositiveSmallIntegerField(null=True, blank=True, choices=TIERS)
    aliases = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True
        ordering = ["tier", "name"]
        constraints = [models.CheckConstraint(condition=Q(tier=None) | Q(tier__in=[1, 2, 3]), name="%(class)s_has_one_of_three_tiers")]

    def __str__(self) -> str:
        return self.name


class Publisher(NamedRow):
    """A publisher."""


class Binder(NamedRow):
    """A binder."""


class Author(NamedRow):
    """An author, with the tier that counts for who gives no other."""


class EraRow(models.Model):
    """Hold an era by its first and last year, both included; empty where it has no end."""

    name = models.CharField(max_length=60, unique=True)
    first = models.IntegerField(null=True, blank=True)
    last = models.IntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "era"
        ordering = ["last"]
        constraints = [
            models.CheckConstraint(
                condition=Q(first=None) | Q(last=None) | Q(first__lte=models.F("last")), name="an_era_ends_after_it_begins"
            )
        ]

    def __str__(self) -> str:
        return self.name


class GradeAlias(models.Model):
    """Hold one spelling of a condition grade, as `conditions.spelling_key` writes it."""

    spelling = models.CharField(max_length=60, unique=True)
    grade = models.CharField(max_length=12, choices=[(grade.value, grade.value) for grade in Grade])

    class Meta:
        verbose_name_plural = "grade aliases"
        ordering = ["grade", "spelling"]

    def __str__(self) -> str:
        return f"{self.spelling} = {self.grade}"


class AuthorTier(models.Model):
    """Hold an owner's own tier of an author; empty for one that shall not count."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="author_tiers")
    author = models.CharField(max_length=200)
    tier = models.PositiveSmallIntegerField(null=True, blank=True, choices=TIERS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "author"], name="an_owner_tiers_an_author_once")]

    def __str__(self) -> str:
        return self.author


class Preference(models.Model):
    """Hold an author, publisher or binder that an owner would rather have."""

    class Kind(models.TextChoices):
        AUTHOR = "author", "author"
        PUBLISHER = "publisher", "publisher"
        BINDER = "binder", "binder"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "kind", "name"], name="an_owner_prefers_a_name_once")]

    def __str__(self) -> str:
        return self.name


class RequirementRow(models.Model):
    """Hold that an owner wants an author in the books of one publisher."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="requirements")
    author = models.CharField(max_length=200)
    publisher = models.CharField(max_length=200)

    class Meta:
        verbose_name = "requirement"
        constraints = [models.UniqueConstraint(fields=["owner", "author", "publisher"], name="an_owner_requires_a_pair_once")]

    def __str__(self) -> str:
        return f"{self.author} by {self.publisher}"


class GoalRow(models.Model):
    """Hold what an owner is after; a book advances it when all that it names agrees."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="goals")
    label = models.CharField(max_length=200)
    author = models.CharField(max_length=200, blank=True)
    publisher = models.CharField(max_length=200, blank=True)
    binder = models.CharField(max_length=200, blank=True)
    first_year = models.IntegerField(null=True, blank=True)
    last_year = models.IntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "goal"
        constraints = [
            models.UniqueConstraint(fields=["owner", "label"], name="an_owner_has_a_goal_once"),
            models.CheckConstraint(
                condition=~Q(author="", publisher="", binder="", first_year=None, last_year=None), name="a_goal_names_something"
            ),
        ]

    def __str__(self) -> str:
        return self.label
