"""eBay's endpoint for closed accounts: it answers the challenge and keeps each notice; a worker that the sweeper rings purges.

Documentation: https://developer.ebay.com/marketplace-account-deletion
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookops.api.problems import PROBLEM_TYPE, Problem
from bookops.api.throttles import Throttle
from runbooks.closed_accounts import BadNotice, challenge_response, take_notice
from runbooks.sources.ebay_signatures import BadSignature

#: Of eBay's challenge, which is some 40 characters long.
LONGEST_CODE = 200


class NoticeThrottle(Throttle):
    """Limit one address as a user is: eBay sends many notices, and sends again what it was refused."""

    scope = "user"


class ChallengeSerializer(serializers.Serializer[Any]):
    """The answer to a challenge."""

    challengeResponse = serializers.CharField()


class TakenSerializer(serializers.Serializer[Any]):
    """That a notice is kept."""

    taken = serializers.BooleanField()


class AccountDeletionView(APIView):
    """Hear of closed accounts."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes = [NoticeThrottle]

    @extend_schema(
        operation_id="ebay_challenge",
        tags=["ebay"],
        summary="Answer eBay's challenge",
        description="The SHA-256 of eBay's code, EBAY_DELETION_TOKEN and this address under PUBLIC_URL, as it was told to eBay. 404 where "
        "the token is not set.",
        auth=[],
        parameters=[OpenApiParameter("challenge_code", str, required=True)],
        responses=ChallengeSerializer,
        examples=[OpenApiExample("Answered", {"challengeResponse": "ca527df75caa230092d7e90484071e8f05d63068f1317973d6a3a42593734bbb"})],
    )
    def get(self, request: Request) -> Response:
        """Prove that the token is ours."""
        code = request.query_params.get("challenge_code", "")
        if not 0 < len(code) <= LONGEST_CODE:
            raise Problem(400, "no_challenge", "There is no challenge_code.", remedy="eBay sends one when the endpoint is registered.")
        return Response({"challengeResponse": challenge_response(code, token(), settings.PUBLIC_URL + reverse("ebay-account-deletion"))})

    @extend_schema(
        operation_id="ebay_account_deletion",
        tags=["ebay"],
        summary="Take eBay's notice that an account was closed",
        description="Answers at once; the seller's listings here are purged within the hour, and not before X-EBAY-SIGNATURE was "
        "found to be eBay's: 412 where it is not; where eBay's key cannot be had now, it is checked later.",
        auth=[],
        parameters=[OpenApiParameter("X-EBAY-SIGNATURE", str, OpenApiParameter.HEADER, required=True)],
        request=OpenApiTypes.OBJECT,
        responses={200: TakenSerializer, (412, PROBLEM_TYPE): OpenApiResponse(OpenApiTypes.OBJECT, "Not signed by eBay.")},
        examples=[
            OpenApiExample(
                "A closed account",
                {
                    "metadata": {"topic": "MARKETPLACE_ACCOUNT_DELETION", "schemaVersion": "1.0", "deprecated": False},
                    "notification": {
                        "notificationId": "49feeaeb-4982-42d9-a377-9645b8479411",
                        "eventDate": "2026-11-22T12:00:00.000Z",
                        "publishDate": "2026-11-22T12:00:00.000Z",
                        "publishAttemptCount": 1,
                        "data": {"username": "test_user", "userId": "ma8vp1jySJC", "eiasToken": "nY+sHZ2PrBmdj6wVnY"},
                    },
                },
                request_only=True,
            ),
            OpenApiExample("Taken", {"taken": True}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Keep the notice; one that is sent again is the same."""
        token()
        # Before it is parsed, for the signature is that of each letter.
        body = request.body
        try:
            take_notice(request.data, body, request.headers.get("X-EBAY-SIGNATURE", ""))
        except BadSignature as refusal:
            raise Problem(412, "bad_signature", str(refusal), remedy="Only eBay sends these notices; it signs each of them.") from refusal
        except BadNotice as refusal:
            raise Problem(400, "bad_notice", str(refusal), remedy="Send the notice as eBay documents it.") from refusal
        return Response({"taken": True})


def token() -> str:
    """Return what was told to eBay; raises a 404 problem where nothing was."""
    if not settings.EBAY_DELETION_TOKEN:
        raise Problem(404, "not_configured", "This endpoint is off.", remedy="Set EBAY_DELETION_TOKEN to what was told to eBay.")
    return str(settings.EBAY_DELETION_TOKEN)
