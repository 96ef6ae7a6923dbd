"""What a job refuses, said by the fields of the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from bookops.language_models import UnknownModel


@contextmanager
def said_by_field() -> Iterator[None]:
    """Turn what the job's own verbs raise into the errors of a request's fields."""
    try:
        yield
    except ValidationError as error:
        raise serializers.ValidationError(get_error_detail(error)) from error
    except UnknownModel as error:
        raise serializers.ValidationError({"asks": str(error)}, "unknown_model") from error
    except (ArithmeticError, DataError) as error:
        # A number that a filter's column cannot hold is noticed by the database, or on the way to it.
        raise serializers.ValidationError({"scope": "A filter has a value out of range."}, "out_of_range") from error
