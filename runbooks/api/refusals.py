"""What the domain refuses, as problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core import exceptions
from rest_framework.exceptions import ValidationError

from bookops.api.problems import Problem
from runbooks.comparing import CannotCompare
from runbooks.deciding import CopyIsOwned, WrongStatus
from runbooks.executions import CannotRetry
from runbooks.tables import CellRefused, TableRefused


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn what the functions of this app raise into what the API answers."""
    try:
        yield
    except exceptions.ValidationError as error:
        raise ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages) from error
    except CellRefused as error:
        raise ValidationError({error.column: error.why}) from error
    except TableRefused as error:
        raise Problem(422, "table_refused", str(error), remedy="Mend the file as detail says and send it again.") from error
    except CopyIsOwned:
        raise  # whose view names the copy
    except WrongStatus as error:
        raise Problem(400, "wrong_status", str(error), remedy="Ask for the copy's status.") from error
    except CannotCompare as error:
        raise Problem(409, "cannot_compare", str(error), remedy="Do as detail says.") from error
    except CannotRetry as error:
        raise Problem(409, "not_retryable", str(error), remedy="Ask for its status; retry a step that has ended.") from error
