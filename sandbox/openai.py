"""OpenAI: responses, files, batches and models, as strict on requests and as slow as the real one (https://platform.openai.com/docs/api-reference)."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any, ClassVar

from sandbox.catalogue import Catalogue
from sandbox.chance import happens
from sandbox.clock import Clock
from sandbox.openai_answers import Writer
from sandbox.openai_batches import Batches
from sandbox.openai_errors import Headers, Refused, no_key, wrong_key
from sandbox.openai_files import File, Files
from sandbox.openai_limits import RateLimits, on_demand
from sandbox.openai_models import MODELS, model_called
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_requests import read_question
from sandbox.openai_responses import Responses
from sandbox.openai_timeline import Timeline
from sandbox.openai_webhooks import Webhooks
from sandbox.party import JSON, Answer, Options, Party, Request, encoded

BASE = "/v1"
#: Not OpenAI's: what was posted to the webhook address, and posting it again.
EVENTS = "/_webhooks"
OCTETS = b"application/octet-stream"


class OpenAI(Party):
    """Answer as api.openai.com does; beside it, GET /_webhooks lists the events sent and POST /_webhooks/replay?id= repeats them."""

    name: ClassVar[str] = "openai"
    default_options: ClassVar[Options] = OpenAIOptions()
    options: OpenAIOptions

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        self._timeline = Timeline(clock)
        self._webhooks = Webhooks(catalogue.seed, self._timeline, lambda: self.options)
        super().__init__(catalogue, clock, options)

    def forget_calls(self) -> None:
        """Forget everything that was ever asked: responses, files, batches and events too."""
        seed = self.catalogue.seed
        self._timeline.stop()
        self._webhooks.forget()
        self._calls = 0
        self._limits = RateLimits()
        self._files = Files()
        writer = Writer(seed)
        self._responses = Responses(seed, writer, self._timeline, self._webhooks, lambda: self.options)
        self._batches = Batches(seed, writer, self._timeline, self._webhooks, self._files, lambda: self.options)

    def answer(self, request: Request) -> Answer:
        """Return what OpenAI says to a request."""
        self._timeline.catch_up()
        endpoint = f"{request.method} {_endpoint(request.path)}"
        try:
            if request.path.startswith(EVENTS):
                answer = self._events(request)
            else:
                self._check_gate(request)
                answer = self._routed(request)
        except Refused as refusal:
            answer = Answer(refusal.status, encoded(refusal.body), headers=refusal.headers, refused=refusal.status in (401, 403, 429))
        told = ((b"x-request-id", f"req_{secrets.token_hex(16)}".encode()), (b"openai-version", b"2020-10-01"))
        return replace(answer, headers=(*told, *answer.headers), endpoint=endpoint)

    # The gate

    def _check_gate(self, request: Request) -> None:
        scheme, _, key = request.header(b"authorization").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise no_key()
        if self.options.keys and key not in self.options.keys.split(","):
            raise wrong_key(key)
        self._calls += 1
        if self._is_troubled(request):
            raise on_demand(self.options.trouble, self.options)

    def _is_troubled(self, request: Request) -> bool:
        options = self.options
        fits = bool(options.trouble) and f"{request.method} {request.path}".startswith(options.trouble_with)
        return fits and happens(options.trouble_share, "trouble", self.catalogue.seed, self._calls)

    # The calls

    def _routed(self, request: Request) -> Answer:
        parts = request.path.removeprefix(BASE).strip("/").split("/") if request.path.startswith(f"{BASE}/") else [""]
        match parts[0]:
            case "responses":
                return self._of_responses(request, parts[1:])
            case "files":
                return self._of_files(request, parts[1:])
            case "batches":
                return self._of_batches(request, parts[1:])
            case "models":
                return self._of_models(request, parts[1:])
        raise _no_such_address(request)

    def _of_responses(self, request: Request, rest: list[str]) -> Answer:
        now = self.clock.now()
        match request.method, rest:
            case "POST", []:
                return self._create_response(request)
            case "GET", [response_id]:
                return Answer(200, self._responses.retrieve(response_id, now), keys=(response_id,))
            case "POST", [response_id, "cancel"]:
                return Answer(200, self._responses.cancel(response_id, now), keys=(response_id,))
            case "DELETE", [response_id]:
                return _told(self._responses.delete(response_id, now), response_id)
        raise _no_such_address(request)

    def _create_response(self, request: Request) -> Answer:
        now = self.clock.now()
        question = read_question(_content(request), now)
        headers: Headers = self._limits.take(question.model.name, question.input_tokens, now, self.options)
        return Answer(200, self._responses.create(question, now), headers=headers)

    def _of_files(self, request: Request, rest: list[str]) -> Answer:
        now = self.clock.now()
        match request.method, rest:
            case "POST", []:
                return _told(self._files.upload(request, now, self.options).as_dict())
            case "GET", []:
                return _told(self._files.listed(request, now))
            case "GET", [file_id]:
                return _told(self._files.retrieve(file_id, now).as_dict(), file_id)
            case "GET", [file_id, "content"]:
                return _download(self._files.retrieve(file_id, now))
            case "DELETE", [file_id]:
                return _told(self._files.delete(file_id, now), file_id)
        raise _no_such_address(request)

    def _of_batches(self, request: Request, rest: list[str]) -> Answer:
        now = self.clock.now()
        match request.method, rest:
            case "POST", []:
                return _told(self._batches.create(_content(request), now))
            case "GET", []:
                return _told(self._batches.listed(request, now))
            case "GET", [batch_id]:
                return _told(self._batches.retrieve(batch_id, now), batch_id)
            case "POST", [batch_id, "cancel"]:
                return _told(self._batches.cancel(batch_id, now), batch_id)
        raise _no_such_address(request)

    def _of_models(self, request: Request, rest: list[str]) -> Answer:
        now = self.clock.now()
        match request.method, rest:
            case "GET", []:
                return _told({"object": "list", "data": [model.as_dict() for model in MODELS if not model.is_gone(now)]})
            case "GET", [name]:
                return _told(model_called(name, now).as_dict() | {"id": name}, name)
        raise _no_such_address(request)

    def _events(self, request: Request) -> Answer:
        match request.method, request.path.removeprefix(EVENTS):
            case "GET", "":
                return _told(self._webhooks.sent())
            case "POST", "/replay":
                return _told(self._webhooks.replay(request.parameter("id")))
        raise _no_such_address(request)


def _endpoint(path: str) -> str:
    """Return a path without what changes from call to call."""
    parts = path.split("/")
    return "/".join("*" if place == 3 and parts[1] == "v1" else part for place, part in enumerate(parts))


def _content(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(request.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. "
            "The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        )
    return content


def _told(content: dict[str, Any], *keys: str) -> Answer:
    return Answer(200, encoded(content), JSON, keys=keys)


def _download(file: File) -> Answer:
    disposition = f'attachment; filename="{file.filename}"'.encode("latin-1", "replace")
    return Answer(200, b"", OCTETS, headers=((b"content-disposition", disposition),), pieces=file.pieces(), keys=(file.id,))


def _no_such_address(request: Request) -> Refused:
    return Refused(f"Invalid URL ({request.method} {request.path})", status=404)
