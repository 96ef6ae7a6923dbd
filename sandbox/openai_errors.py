"""What OpenAI says when it refuses (https://platform.openai.com/docs/guides/error-codes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

INVALID = "invalid_request_error"

Headers = tuple[tuple[bytes, bytes], ...]


class Refused(Exception):
    """Refuse a request; the gate answers with the status and the error object."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        param: str | None = None,
        code: str | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
        self.headers = headers

    @property
    def body(self) -> dict[str, Any]:
        """Return the answer's content."""
        return {"error": self.error}


def missing(name: str) -> Refused:
    """Return the refusal of a request without a parameter."""
    return Refused(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def wrong_type(name: str, wanted: str, value: Any) -> Refused:
    """Return the refusal of a parameter that has another type than it should."""
    return Refused(f"Invalid type for '{name}': expected {wanted}, but got {_called(value)} instead.", param=name, code="invalid_type")


def wrong_value(name: str, value: Any, supported: tuple[str, ...]) -> Refused:
    """Return the refusal of a parameter that is none of the supported values."""
    return Refused(f"Invalid value: {value!r}. Supported values are: {_listed(supported)}.", param=name, code="invalid_value")


def below_minimum(name: str, value: float, least: int) -> Refused:
    """Return the refusal of a number that is too small."""
    kind = "decimal" if isinstance(value, float) else "integer"
    message = f"Invalid '{name}': {kind} below minimum value. Expected a value >= {least}, but got {value} instead."
    return Refused(message, param=name, code=f"{kind}_below_min_value")


def above_maximum(name: str, value: float, most: int) -> Refused:
    """Return the refusal of a number that is too large."""
    kind = "decimal" if isinstance(value, float) else "integer"
    message = f"Invalid '{name}': {kind} above maximum value. Expected a value <= {most}, but got {value} instead."
    return Refused(message, param=name, code=f"{kind}_above_max_value")


def too_long(name: str, length: int, most: int) -> Refused:
    """Return the refusal of a text that is too long."""
    message = (
        f"Invalid '{name}': string too long. Expected a string with maximum length {most}, but got a string with length {length} instead."
    )
    return Refused(message, param=name, code="string_above_max_length")


def unsupported_value(name: str, value: str, model: str, supported: tuple[str, ...]) -> Refused:
    """Return the refusal of a value that this model does not take, though others do."""
    message = f"Unsupported value: '{value}' is not supported with the '{model}' model. Supported values are: {_listed(supported)}."
    return Refused(message, param=name, code="unsupported_value")


def no_such_model(name: str) -> Refused:
    """Return the refusal of a model that does not exist."""
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refused(message, status=404, param="model", code="model_not_found")


def retired_model(name: str) -> Refused:
    """Return the refusal of a model past its shutdown date."""
    message = f"The model `{name}` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations"
    return Refused(message, status=404, param="model", code="model_not_found")


def cannot_find_file(file_id: str) -> Refused:
    """Return the refusal of a batch over a file that does not exist, or not yet everywhere."""
    return Refused(f"Cannot find file {file_id}, or project proj_sandbox does not have access to it.")


def server_error() -> Refused:
    """Return the error of a server that fails."""
    return Refused("The server had an error while processing your request. Sorry about that!", status=500, kind="server_error")


def overloaded() -> Refused:
    """Return the error of a server that has too much to do."""
    return Refused("The engine is currently overloaded, please try again later.", status=503, kind="server_error")


def bad_gateway() -> Refused:
    """Return what stands before the API says where it gets no answer."""
    return Refused("Bad gateway.", status=502, kind="server_error")


def gateway_timeout() -> Refused:
    """Return what stands before the API says where it waits too long for an answer."""
    return Refused("The server did not answer in time.", status=504, kind="server_error")


def quota_spent() -> Refused:
    """Return the refusal that no waiting ends: somebody must pay first."""
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: "
        "https://platform.openai.com/docs/guides/error-codes/api-errors."
    )
    return Refused(message, status=429, kind="insufficient_quota", code="insufficient_quota")


def forbidden() -> Refused:
    """Return the refusal of a caller in a country that is not served."""
    return Refused(
        "Country, region, or territory not supported",
        status=403,
        kind="request_forbidden",
        code="unsupported_country_region_territory",
    )


def no_key() -> Refused:
    """Return the refusal of a call without a key."""
    message = (
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: "
        "Bearer YOUR_KEY). You can obtain an API key from https://platform.openai.com/account/api-keys."
    )
    return Refused(message, status=401, headers=_ASKING_FOR_KEY)


def wrong_key(key: str) -> Refused:
    """Return the refusal of a key that is not known; only its ends are told."""
    shown = key if len(key) < 12 else f"{key[:7]}****{key[-4:]}"
    message = f"Incorrect API key provided: {shown}. You can find your API key at https://platform.openai.com/account/api-keys."
    return Refused(message, status=401, code="invalid_api_key", headers=_ASKING_FOR_KEY)


RATE_LIMIT = "rate_limit"
#: Refusals that one can have on demand beside it, by the name that the options `trouble` and `failure_trouble` take.
TROUBLES: Mapping[str, Callable[[], Refused]] = {
    "forbidden": forbidden,
    "quota": quota_spent,
    "server_error": server_error,
    "bad_gateway": bad_gateway,
    "overloaded": overloaded,
    "gateway_timeout": gateway_timeout,
}

_ASKING_FOR_KEY = ((b"www-authenticate", b'Bearer realm="OpenAI API"'),)


def _called(value: Any) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array", dict: "an object"}
    return names.get(type(value), "null")


def _listed(values: tuple[str, ...]) -> str:
    quoted = [f"'{value}'" for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
