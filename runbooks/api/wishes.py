"""What an owner wishes for, and how dear authors are to them: all that the scores take from a person and not from a book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.api.schema import IDEMPOTENCY_KEY
from bookops.idempotency import idempotent
from runbooks.api.owned import one_of
from runbooks.models import AuthorTier, GoalRow, Preference, RequirementRow

#: Of each kind; every evaluation reads all of them.
MOST = 1000


class AuthorTierSerializer(serializers.ModelSerializer[AuthorTier]):
    """An author's tier for this owner, in the place of the one that everybody has; null for one that shall not count."""

    class Meta:
        model = AuthorTier
        fields = ["id", "author", "tier"]


class PreferenceSerializer(serializers.ModelSerializer[Preference]):
    """An author, publisher or binder that one would rather have."""

    class Meta:
        model = Preference
        fields = ["id", "kind", "name"]


class RequirementSerializer(serializers.ModelSerializer[RequirementRow]):
    """That one wants an author in the books of one publisher."""

    class Meta:
        model = RequirementRow
        fields = ["id", "author", "publisher"]


class GoalSerializer(serializers.ModelSerializer[GoalRow]):
    """What one is after; a book advances it when all that is named agrees."""

    first_year = serializers.IntegerField(min_value=-5000, max_value=3000, required=False, allow_null=True)
    last_year = serializers.IntegerField(min_value=-5000, max_value=3000, required=False, allow_null=True)

    class Meta:
        model = GoalRow
        fields = ["id", "label", "author", "publisher", "binder", "first_year", "last_year"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a goal that names nothing: every book would advance it."""
        wanted = ("author", "publisher", "binder", "first_year", "last_year")
        if all(attrs.get(name, getattr(self.instance, name, "")) in ("", None) for name in wanted):
            raise serializers.ValidationError("Name an author, a publisher, a binder or a year.", "names_nothing")
        return attrs


class WishesView(APIView):
    """List and add wishes of one kind; subclasses name it."""

    serializer_class: Any = AuthorTierSerializer

    def get(self, request: OwnerRequest) -> Response:
        """Return the owner's."""
        rows = self.serializer_class.Meta.model.objects.filter(owner=request.user).order_by("pk")
        return Response({"results": self.serializer_class(rows, many=True).data})

    @idempotent
    def post(self, request: OwnerRequest) -> Response:
        """Keep one; it counts from the next evaluation on."""
        wanted = self.serializer_class(data=request.data)
        wanted.is_valid(raise_exception=True)
        if self.serializer_class.Meta.model.objects.filter(owner=request.user).count() >= MOST:
            raise Problem(409, "too_many", f"You have {MOST} of these already.", remedy="Delete some first.")
        keep(wanted, owner=request.user)
        return Response(wanted.data, status=201)


class WishView(APIView):
    """Change or delete one wish."""

    serializer_class: Any = AuthorTierSerializer

    def patch(self, request: OwnerRequest, pk: int) -> Response:
        """Change what is named."""
        wanted = self.serializer_class(self.find(request, pk), data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        keep(wanted)
        return Response(wanted.data)

    def delete(self, request: OwnerRequest, pk: int) -> Response:
        """Delete it."""
        self.find(request, pk).delete()
        return Response(status=204)

    def find(self, request: OwnerRequest, pk: int) -> Any:
        """Return the owner's; raises Http404."""
        return one_of(self.serializer_class.Meta.model.objects.filter(owner=request.user, pk=pk))


def keep(wanted: Any, **more: Any) -> None:
    """Store a wish; raises a 409 problem for one that is there."""
    try:
        with transaction.atomic():
            wanted.save(**more)
    except IntegrityError as error:
        raise Problem(409, "already_there", "You have this already.", remedy="Change the one that is there.") from error


def many(name: str, what: str, serializer: Any, example: dict[str, Any]) -> Callable[[type[WishesView]], type[WishesView]]:
    """Describe a list of wishes in the schema."""
    listed = inline_serializer(f"{serializer.__name__.removesuffix('Serializer')}List", {"results": serializer(many=True)})
    return extend_schema_view(
        get=extend_schema(operation_id=f"{name}_list", tags=["wishes"], summary=f"Your {what}", responses=listed),
        post=extend_schema(
            operation_id=f"{name}_add",
            tags=["wishes"],
            summary=f"Add to your {what}",
            parameters=[IDEMPOTENCY_KEY],
            request=serializer,
            responses={201: serializer},
            examples=[OpenApiExample("One", example, request_only=True)],
        ),
    )


def one(name: str, what: str, serializer: Any) -> Callable[[type[WishView]], type[WishView]]:
    """Describe one wish in the schema."""
    return extend_schema_view(
        patch=extend_schema(
            operation_id=f"{name}_change", tags=["wishes"], summary=f"Change one of your {what}", request=serializer, responses=serializer
        ),
        delete=extend_schema(operation_id=f"{name}_delete", tags=["wishes"], summary=f"Delete one of your {what}", responses={204: None}),
    )


@many("author_tiers", "author tiers", AuthorTierSerializer, {"author": "John Ruskin", "tier": 2})
class AuthorTiersView(WishesView):
    """An owner's author tiers."""

    serializer_class = AuthorTierSerializer


@one("author_tiers", "author tiers", AuthorTierSerializer)
class AuthorTierView(WishView):
    """One of an owner's author tiers."""

    serializer_class = AuthorTierSerializer


@many("preferences", "preferences", PreferenceSerializer, {"kind": "binder", "name": "Zaehnsdorf"})
class PreferencesView(WishesView):
    """An owner's preferences."""

    serializer_class = PreferenceSerializer


@one("preferences", "preferences", PreferenceSerializer)
class PreferenceView(WishView):
    """One of an owner's preferences."""

    serializer_class = PreferenceSerializer


@many("requirements", "required publishers", RequirementSerializer, {"author": "Wilkie Collins", "publisher": "Bentley"})
class RequirementsView(WishesView):
    """An owner's required publishers."""

    serializer_class = RequirementSerializer


@one("requirements", "required publishers", RequirementSerializer)
class RequirementView(WishView):
    """One of an owner's required publishers."""

    serializer_class = RequirementSerializer


@many("goals", "goals", GoalSerializer, {"label": "Dickens in parts", "author": "Charles Dickens"})
class GoalsView(WishesView):
    """An owner's goals."""

    serializer_class = GoalSerializer


@one("goals", "goals", GoalSerializer)
class GoalView(WishView):
    """One of an owner's goals."""

    serializer_class = GoalSerializer
