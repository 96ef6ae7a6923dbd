"""Tokens and tickets: how a program gets in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import Q
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import Problem
from bookops.api.throttles import LoginThrottle
from bookops.credentials import TICKET_SECONDS, issue_ticket, of_request

LONGEST_HOURS = 24 * 365


class TokenOptionsSerializer(serializers.Serializer[Any]):
    """How long a new token is to be good for."""

    hours = serializers.FloatField(min_value=0.01, max_value=LONGEST_HOURS, required=False, help_text="TOKEN_HOURS by default.")


class LoginSerializer(TokenOptionsSerializer):
    """A name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token as it is listed: its first letters tell it apart, the rest was shown once."""

    key = serializers.CharField(source="token_key")
    created = serializers.DateTimeField()
    expiry = serializers.DateTimeField(allow_null=True)


class NewTokenSerializer(TokenSerializer):
    """A token as it is issued."""

    token = serializers.CharField()


class TokenListSerializer(serializers.Serializer[Any]):
    """The tokens of a user."""

    tokens = TokenSerializer(many=True)


class TicketSerializer(serializers.Serializer[Any]):
    """A ticket for one websocket."""

    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()


NEW_TOKEN = OpenApiExample(
    "Issued",
    {
        "key": "3f2a9c01b7d84e5",
        "created": "2026-11-22T10:00:00Z",
        "expiry": "2026-12-22T10:00:00Z",
        "token": "3f2a9c01b7d84e5…",
    },
    response_only=True,
)


def issue(user: Any, hours: float | None) -> Response:
    """Create a token and return the only answer that ever shows it; raise a 409 problem when the user has too many."""
    most = settings.REST_KNOX["TOKEN_LIMIT_PER_USER"]
    unexpired = Q(expiry=None) | Q(expiry__gt=timezone.now())
    if AuthToken.objects.filter(unexpired, user=user).count() >= most:
        raise Problem(409, "too_many_tokens", f"You have {most} tokens already.", remedy="Revoke one: DELETE /api/tokens/{key}.")
    lifetime = timedelta(hours=hours) if hours else settings.REST_KNOX["TOKEN_TTL"]
    record, token = AuthToken.objects.create(user, expiry=lifetime)
    record.token = token
    return Response(NewTokenSerializer(record).data, status=201, headers={"Cache-Control": "no-store"})


class LoginView(APIView):
    """Log in."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [LoginThrottle]

    @extend_schema(
        operation_id="login",
        tags=["tokens"],
        summary="Get a token for a name and a password",
        description="The token is shown once. Send it as 'Authorization: Token …'. Staff create users in the admin.",
        request=LoginSerializer,
        responses={201: NewTokenSerializer},
        examples=[NEW_TOKEN],
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Check the password and issue a token."""
        wanted = LoginSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        name, password = wanted.validated_data["username"], wanted.validated_data["password"]
        user = authenticate(request, username=name, password=password)
        if user is None:
            raise Problem(401, "wrong_password", "The name or the password is wrong.", remedy="Try again, or ask staff for a new password.")
        return issue(user, wanted.validated_data.get("hours"))


class TokensView(APIView):
    """List and issue one's own tokens."""

    @extend_schema(operation_id="tokens_list", tags=["tokens"], summary="Your tokens", responses=TokenListSerializer)
    def get(self, request: Request) -> Response:
        """Return the tokens, newest first, without what would let anyone in."""
        tokens = AuthToken.objects.filter(user=request.user).order_by("-created")
        return Response({"tokens": TokenSerializer(tokens, many=True).data})

    @extend_schema(
        operation_id="tokens_create",
        tags=["tokens"],
        summary="Issue another token",
        request=TokenOptionsSerializer,
        responses={201: NewTokenSerializer},
        examples=[NEW_TOKEN],
    )
    def post(self, request: Request) -> Response:
        """Issue a token; it is shown once, so that no idempotency key keeps it."""
        wanted = TokenOptionsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return issue(request.user, wanted.validated_data.get("hours"))


class TokenView(APIView):
    """Revoke one of one's own tokens."""

    @extend_schema(operation_id="tokens_revoke", tags=["tokens"], summary="Revoke a token", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Delete it; open websockets that came in with it end within seconds."""
        if not AuthToken.objects.filter(user=request.user, token_key=key).delete()[0]:
            raise Http404
        return Response(status=204)


class TicketsView(APIView):
    """Issue tickets for websockets."""

    @extend_schema(
        operation_id="tickets_create",
        tags=["tokens"],
        summary="Get a ticket for one websocket",
        description="For browsers, which cannot send headers with a websocket: open ws/imports/{uuid}?ticket=… within a minute. "
        "A ticket opens one connection.",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        """Issue one."""
        body = {"ticket": issue_ticket(of_request(request)), "expires_in": TICKET_SECONDS}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})
