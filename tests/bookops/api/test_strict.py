"""A serializer that reads nothing it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers

from bookops.api.strict import StrictSerializer


class AskSerializer(StrictSerializer):
    model = serializers.CharField(required=False)
    effort = serializers.CharField(required=False)


class JobSerializer(StrictSerializer):
    purpose = serializers.CharField()
    number = serializers.IntegerField(read_only=True)
    asks = AskSerializer(many=True, required=False)


def refused(**data: Any) -> Any:
    wanted = JobSerializer(data=data)
    assert not wanted.is_valid()
    return wanted.errors


def test_a_name_that_nobody_reads_is_refused_with_those_that_are_read():
    errors = refused(purpose="flag", model="gpt-6-luna", zeal="high")
    assert errors == dict.fromkeys(["model", "zeal"], "This is not known here. Known: purpose, asks.")
    assert errors["model"].code == "unknown_field"


def test_a_name_within_another_is_refused_with_those_known_there():
    errors = refused(purpose="flag", asks=[{"modell": "gpt-6-luna"}])["asks"]
    assert errors[0] == {"modell": "This is not known here. Known: model, effort."}


@pytest.mark.parametrize("data", [{"purpose": "flag"}, {"purpose": "flag", "asks": [{"model": "gpt-6-luna"}]}])
def test_what_is_known_is_read(data):
    wanted = JobSerializer(data=data)
    assert wanted.is_valid()
    assert wanted.validated_data == data
