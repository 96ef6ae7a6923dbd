"""Imports as resources: lists, details, and what a person can do with one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.requests import OwnerRequest
from bookops.idempotency import idempotent
from bookops.sockets import as_seq
from bookops.watch import events_after
from enrichment import imports
from enrichment.api.import_serializers import (
    FROM_STATUS,
    CancelledSerializer,
    EventsSerializer,
    GiveUpSerializer,
    ImportDetailSerializer,
    ImportSerializer,
    MovedSerializer,
    ReEnrichSerializer,
)
from enrichment.api.owned import import_of, imports_of
from enrichment.asking import NAMES
from enrichment.models import LibraryImport
from enrichment.status import describe


class ImportFilter(filters.FilterSet):
    """Filter imports by state and stage."""

    class Meta:
        model = LibraryImport
        fields = ["state", "stage", "policy"]


@extend_schema(tags=["imports"])
@extend_schema_view(get=extend_schema(operation_id="imports_list", summary="Your imports, newest first"))
class ImportListView(ListAPIView[LibraryImport]):
    """List imports."""

    serializer_class = ImportSerializer
    filterset_class = ImportFilter
    request: OwnerRequest
    queryset = LibraryImport.objects.none()  # for the schema

    def get_queryset(self) -> Any:
        """Return the owner's."""
        return imports_of(self.request)


class ImportDetailView(APIView):
    """Show one import."""

    @extend_schema(operation_id="imports_detail", tags=["imports"], summary="One import, with its counts", responses=ImportDetailSerializer)
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Count its rows and answer."""
        library_import = import_of(request, pk)
        status = describe(library_import)
        earlier = library_import.same_file_before()
        told = {name: getattr(status, name) for name in FROM_STATUS} | {"same_file_as": earlier and earlier.pk}
        return Response(ImportSerializer(library_import).data | told)


class ImportEventsView(APIView):
    """List the events of an import."""

    @extend_schema(
        operation_id="imports_events",
        tags=["imports"],
        summary="What happened to an import, after an event number",
        parameters=[OpenApiParameter("after", int, description="The last event number you know; 0 for all.")],
        responses=EventsSerializer,
    )
    def get(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Return up to 500 events, oldest first."""
        library_import = import_of(request, pk)
        after = as_seq(request.query_params.get("after", "0"))
        if after is None:
            raise Problem(400, "invalid", "after is no event number.", remedy="Send the seq of the last event you know.")
        events = events_after(library_import.pk, after)
        return Response({"events": events, "last_seq": events[-1]["seq"] if events else after})


class ActionView(APIView):
    """Do one thing with an import: subclasses name the function that does it."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Act and return the answer."""
        raise NotImplementedError

    @idempotent
    def post(self, request: OwnerRequest, pk: uuid.UUID) -> Response:
        """Find the import and act."""
        return Response(self.do(import_of(request, pk), request))


def action(name: str, summary: str, responds_with: Any, takes: Any = None) -> Callable[[type[ActionView]], type[ActionView]]:
    """Describe an action in the schema."""
    return extend_schema_view(
        post=extend_schema(operation_id=f"imports_{name}", tags=["imports"], summary=summary, request=takes, responses=responds_with)
    )


@action("cancel", "Cancel an import", CancelledSerializer)
class CancelView(ActionView):
    """Stop an import."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Cancel it unless it has ended."""
        return {"cancelled": imports.cancel_import(library_import)}


@action("retry", "Retry failed and dead rows", MovedSerializer)
class RetryView(ActionView):
    """Retry what failed."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Send failed and dead rows round again."""
        return {"moved": imports.retry_failed(library_import)}


@action("redrive", "Redrive dead letters", MovedSerializer)
class RedriveView(ActionView):
    """Redrive dead letters."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Send dead rows round again."""
        return {"moved": imports.redrive(library_import)}


@action("re_enrich", "Enrich all rows again", MovedSerializer, ReEnrichSerializer)
class ReEnrichView(ActionView):
    """Enrich again."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Work through all ended rows again."""
        wanted = ReEnrichSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return {"moved": imports.re_enrich(library_import, **wanted.validated_data)}


@action("give_up_source", "Go on without a source that rows wait for", MovedSerializer, GiveUpSerializer)
class GiveUpView(ActionView):
    """Give a source up."""

    def do(self, library_import: LibraryImport, request: OwnerRequest) -> dict[str, Any]:
        """Work through the rows that wait for it without it."""
        wanted = GiveUpSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        source = wanted.validated_data["source"]
        if source not in NAMES:
            raise Problem(422, "unknown_source", f"There is no source {source}.", remedy=f"It is one of {', '.join(NAMES)}.")
        return {"moved": imports.give_up_source(library_import, source)}
