"""Anthropic: messages, token counts, models, message batches and files (https://platform.claude.com/docs/en/api, version 2026-10-21)."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sandbox.anthropic_batches import Batch, Batches
from sandbox.anthropic_errors import ON_DEMAND, WORTH_ANOTHER_TRY, Refusal, invalid, on_demand
from sandbox.anthropic_files import Files
from sandbox.anthropic_limits import Limits, Rates
from sandbox.anthropic_messages import PromptCache, content_key, identifier, message, scripted
from sandbox.anthropic_models import listed, model_named
from sandbox.anthropic_requests import VERSIONS, Reader
from sandbox.catalogue import Catalogue
from sandbox.chance import happens
from sandbox.clock import Clock
from sandbox.ebay_images import EBayImages
from sandbox.hijacked_model import MODES
from sandbox.party import Answer, BadOption, Options, Party, Request, encoded

MEGABYTE = 1 << 20
MOST_BYTES = 32 * MEGABYTE
MOST_BYTES_OF_BATCH = 256 * MEGABYTE
JSON_LINES = b"application/x-jsonl"
WORKSPACE = b"wrkspc_01invented"
#: Contents whose askings are counted, for errors that pass when one asks again.
MOST_COUNTED = 50_000


@dataclass(frozen=True, slots=True)
class AnthropicOptions(Options):
    """What can be set of Anthropic. Rates are shares of requests, chosen by their content: the same request fares the same again.

    A prompt can ask for itself what the options ask for all: the word `sandbox:refusal` in it (or truncation, bad_json, hijack_html …,
    stop_pause_turn … as in `stop_reason`, overloaded_error … as in `failing`) spoils this one answer, alone or in a batch.
    """

    #: Keys taken, with commas between; "" takes any.
    keys: str = ""
    requests_per_minute: int = 4_000
    input_tokens_per_minute: int = 4_000_000
    output_tokens_per_minute: int = 800_000
    #: The error that calls are answered with, by a name of ON_DEMAND; "" for none.
    failing: str = ""
    #: Which calls these are, as a pattern of fnmatch: "* /v1/messages/batches*" for all about batches, "*" for every one.
    failing_calls: str = "POST /v1/messages"
    #: The share of these calls that fail, and how often one with the same content does at most (0 without end).
    failing_share: float = 1.0
    failing_times: int = 0
    #: The model declines; the answer is cut off at max_tokens; the JSON is broken and wrapped in words.
    refusal_rate: float = 0.0
    truncation_rate: float = 0.0
    bad_json_rate: float = 0.0
    #: What ends every answer ("pause_turn", or a word that is not in the documentation yet); "" for what does end it.
    stop_reason: str = ""
    #: The model does what an attacker wants: a name of MODES, or "answer" for exactly `hijack_answer`.
    hijack: str = ""
    hijack_answer: dict[str, Any] = field(default_factory=dict)
    #: Seconds a batch takes by the sandbox's clock, in all and for each request, and until a canceled one has ended.
    batch_seconds: float = 20.0
    batch_seconds_per_request: float = 0.0
    cancel_seconds: float = 2.0
    #: What a batch says in the place of "in_progress", for a word that is not in the documentation yet; "" for that.
    open_status: str = ""
    #: Requests that may wait in batches at once.
    batch_queue: int = 500_000
    #: Share of a batch's requests that end errored, and with what; share that expires.
    item_error_rate: float = 0.0
    item_error: str = "overloaded_error"
    expired_rate: float = 0.0
    #: "shuffled" or "sent"; shares of result lines that stand there twice or not at all.
    result_order: str = "shuffled"
    duplicate_results: float = 0.0
    missing_results: float = 0.0

    def changed(self, changes: dict[str, Any]) -> Options:
        """Return the options with some changed; raise BadOption for a name or value that means nothing."""
        for name, meant in (
            ("failing", ON_DEMAND),
            ("item_error", ON_DEMAND),
            ("hijack", (*MODES, "answer")),
            ("result_order", ("shuffled", "sent")),
        ):
            if changes.get(name) and changes[name] not in meant:
                raise BadOption(f"{name!r} takes one of {', '.join(meant)}")
        return Options.changed(self, changes)

    @property
    def rates(self) -> Rates:
        """Return the limits by the minute."""
        return Rates(self.requests_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute)


class Anthropic(Party):
    """Answer as api.anthropic.com does."""

    name: ClassVar[str] = "anthropic"
    default_options: ClassVar[Options] = AnthropicOptions()
    options: AnthropicOptions

    def __init__(self, catalogue: Catalogue, clock: Clock, options: dict[str, Any] | None = None) -> None:
        self._batches = Batches()
        self._image_host = EBayImages(catalogue, clock)
        super().__init__(catalogue, clock, options)

    def forget_calls(self) -> None:
        """Count calls against the limits from nothing, and forget batches, files and cached prompts."""
        self._batches.close()
        self._batches = Batches()
        self._files = Files()
        self._cache = PromptCache()
        self._limits: dict[str, Limits] = {}
        self._askings: OrderedDict[str, int] = OrderedDict()
        self._answers = 0

    def answer(self, request: Request) -> Answer:
        """Return what Anthropic says to a request."""
        self._answers += 1
        request_id = identifier("req", self.catalogue.seed, self._answers)
        limits = self._limits.setdefault(_key(request), Limits())
        try:
            self._check_caller(request, limits)
            self._fail_as_told(request)
            answered = self._routed(request, limits)
        except Refusal as refusal:
            answered = self._refused(request, refusal, request_id)
        headers = [(b"request-id", request_id.encode()), (b"anthropic-workspace-id", WORKSPACE)]
        if request.path.startswith("/v1/messages") and answered.status < 500:
            headers += limits.headers(self.clock.now(), self.options.rates)
        return replace(answered, headers=(*headers, *answered.headers))

    def _check_caller(self, request: Request, limits: Limits) -> None:
        key = _key(request)
        if not key:
            raise Refusal("authentication_error", "x-api-key header is required")
        if self.options.keys and key not in self.options.keys.split(","):
            raise Refusal("authentication_error", "invalid x-api-key")
        version = request.header(b"anthropic-version")
        if version not in VERSIONS:
            raise invalid(
                "anthropic-version: header is required" if not version else f'anthropic-version: "{version}" is not a valid version'
            )
        if len(request.body) > (MOST_BYTES_OF_BATCH if request.path == "/v1/messages/batches" else MOST_BYTES):
            raise Refusal("request_too_large", "Request exceeds the maximum allowed number of bytes.")
        if self.options.limits and request.method == "POST" and request.path.startswith("/v1/messages"):
            wait, limit = limits.seconds_to_wait(self.clock.now(), self.options.rates)
            if wait:
                message = f"This request would exceed the rate limit for your organization of {limit}."
                raise Refusal("rate_limit_error", message, retry_after=self.options.retry_after or str(wait))

    def _fail_as_told(self, request: Request) -> None:
        options, call = self.options, f"{request.method} {request.path}"
        if not options.failing or not fnmatchcase(call, options.failing_calls):
            return
        key = content_key([call, blake2b(request.body).hexdigest()])
        times = self._askings.pop(key, 0)
        self._askings[key] = times + 1
        if len(self._askings) > MOST_COUNTED:
            self._askings.popitem(last=False)
        if (not options.failing_times or times < options.failing_times) and happens(options.failing_share, "failing", key):
            raise self._error(options.failing)

    def _error(self, name: str) -> Refusal:
        return on_demand(name, self.options.retry_after or "1")

    def _refused(self, request: Request, refusal: Refusal, request_id: str) -> Answer:
        again = refusal.kind in WORTH_ANOTHER_TRY or bool(refusal.retry_after)
        headers: tuple[tuple[bytes, bytes], ...] = ((b"x-should-retry", b"true" if again else b"false"),)
        if refusal.retry_after:
            headers = (*headers, (b"retry-after", refusal.retry_after.encode()))
        return Answer(refusal.status, refusal.encoded(request_id), headers=headers, endpoint=_endpoint(request.path), refused=True)

    def _routed(self, request: Request, limits: Limits) -> Answer:
        match request.method, request.path.removeprefix("/v1/").split("/"):
            case "POST", ["messages"]:
                return self._message(request, limits)
            case "POST", ["messages", "count_tokens"]:
                return _told(request, {"input_tokens": self._reader(request).read(_json(request), counting=True).input_tokens})
            case "GET", ["models"]:
                lifecycles = [*request.query.get("lifecycle", ()), *request.query.get("lifecycle[]", ())]
                return _told(request, _page(request, listed(self.clock.now(), lifecycles)))
            case "GET", ["models", name]:
                return _told(request, model_named(name).as_dict(self.clock.now()))
            case _, ["messages", "batches", *rest]:
                return self._batch_call(request, rest, limits)
            case "POST", ["files"]:
                file = self._files.upload(request.body, request.header(b"content-type"), self.clock.now())
                return _told(request, file.as_dict())
            case "GET", ["files", name]:
                return _told(request, self._files.find(name).as_dict())
            case "DELETE", ["files", name]:
                self._files.delete(name)
                return _told(request, {"id": name, "type": "file_deleted"})
        raise Refusal("not_found_error", "Not Found")

    def _reader(self, request: Request) -> Reader:
        return Reader(request.header(b"anthropic-version"), self.clock.now(), self._files.content, self._image_at)

    def _image_at(self, address: str) -> bytes | None:
        """Return the photograph at an address of the image host; the sandbox reaches for nothing else."""
        path = "/" + urlsplit(address).path.removeprefix(f"/{EBayImages.name}").lstrip("/")
        found = self._image_host.answer(Request("GET", path, b"", ()))
        return found.body if found.status == 200 else None

    def _message(self, request: Request, limits: Limits) -> Answer:
        params = _json(request)
        key, now = content_key(params), self.clock.now()
        asked = self._reader(request).read(params)
        if (error := scripted(asked)) in ON_DEMAND:
            raise self._error(error)
        usage = self._cache.usage(asked, now)
        said = message(asked, usage, self.options, key=key, tier="standard", number=self._answers)
        limits.count(now, self.options.rates, input_tokens=usage.fresh, output_tokens=said["usage"]["output_tokens"])
        return _told(request, said, keys=(asked.model.id, key))

    def _batch_call(self, request: Request, rest: Sequence[str], limits: Limits) -> Answer:
        now = self.clock.now()
        match request.method, rest:
            case "POST", []:
                return self._create_batch(request, limits)
            case "GET", []:
                return _told(request, _page(request, [self._shown(request, batch) for batch in self._batches.newest_first()]))
            case "GET", [name]:
                said = self._shown(request, self._batches.find(name))
                waits = ((b"retry-after", b"10"),) if said["processing_status"] != "ended" else ()
                return _told(request, said, keys=(name,), headers=waits)
            case "DELETE", [name]:
                self._batches.delete(name, now)
                return _told(request, {"id": name, "type": "message_batch_deleted"}, keys=(name,))
            case "POST", [name, "cancel"]:
                return _told(request, self._shown(request, self._batches.cancel(name, self.options, now)), keys=(name,))
            case "GET", [name, "results"]:
                lines = self._batches.results(name, self.options, now)
                return Answer(200, b"", JSON_LINES, pieces=lines, endpoint=_endpoint(request.path), keys=(name,))
        raise Refusal("not_found_error", "Not Found")

    def _shown(self, request: Request, batch: Batch) -> dict[str, Any]:
        said = batch.as_dict(self.clock.now(), f"http://{request.header(b'host')}/{self.name}")
        if self.options.open_status and said["processing_status"] == "in_progress":
            said["processing_status"] = self.options.open_status
        return said

    def _create_batch(self, request: Request, limits: Limits) -> Answer:
        body, now = _json(request), self.clock.now()
        waiting = len(body["requests"]) if isinstance(body, Mapping) and isinstance(body.get("requests"), list) else 0
        if self._batches.in_progress(now) + waiting > self.options.batch_queue:
            raise Refusal("rate_limit_error", "Too many requests are in processing batches for your organization.", retry_after="60")
        worker = _BatchWorker(self._reader(request), self.options, self.catalogue.seed)
        batch, custom_ids = self._batches.create(body, worker.result, self.options, now)
        limits.count(now, self.options.rates)
        return _told(request, self._shown(request, batch), keys=(batch.id, *custom_ids))


class _BatchWorker:
    """Answer the requests of one batch, by what was set when it was made."""

    def __init__(self, reader: Reader, options: AnthropicOptions, seed: int) -> None:
        self._reader = reader
        self._options = options
        self._seed = seed
        self._cache = PromptCache()

    def result(self, custom_id: str, params: Any, number: int) -> dict[str, Any]:
        """Return what stands under "result"."""
        key = content_key(params)
        if happens(self._options.expired_rate, "expired", custom_id, key):
            return {"type": "expired"}
        try:
            self._check(params)
            asked = self._reader.read(params)
            error = scripted(asked)
            if error not in ON_DEMAND and happens(self._options.item_error_rate, "item error", custom_id, key):
                error = self._options.item_error
            if error == "expired":
                return {"type": "expired"}
            if error in ON_DEMAND:
                raise on_demand(error, "")
        except Refusal as refusal:
            return {"type": "errored", "error": refusal.body(identifier("req", self._seed, custom_id, key))}
        usage = self._cache.usage(asked, self._reader.now)
        said = message(asked, usage, self._options, key=key, tier="batch", number=number)
        return {"type": "succeeded", "message": said}

    def _check(self, params: Mapping[str, Any]) -> None:
        for name in ("stream", "speed"):
            if params.get(name):
                raise invalid(f"{name}: not supported within a message batch")
        if params.get("max_tokens") == 0:
            raise invalid("max_tokens: Input should be greater than or equal to 1 within a message batch")


def _key(request: Request) -> str:
    """Return the caller's key: the SDK sends it as a bearer token since 2.12, as x-api-key before."""
    return request.header(b"x-api-key") or request.header(b"authorization").removeprefix("Bearer ")


def _json(request: Request) -> Any:
    if not request.header(b"content-type").startswith("application/json"):
        raise invalid("content-type: must be application/json")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise invalid(f"The request body is not valid JSON: {error}") from error


def _told(request: Request, content: Any, *, keys: tuple[str, ...] = (), headers: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    return Answer(200, encoded(content), headers=headers, endpoint=_endpoint(request.path), keys=keys)


def _endpoint(path: str) -> str:
    """Return a path without what changes from call to call."""
    return "/".join("*" if part.startswith(("msgbatch_", "file_", "claude-")) else part for part in path.split("/"))


def _page(request: Request, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the page of a list that is asked for by limit, after_id and before_id."""
    try:
        limit = int(request.parameter("limit", "20"))
    except ValueError as error:
        raise invalid("limit: Input should be a valid integer, unable to parse string as an integer") from error
    if not 1 <= limit <= 1000:
        raise invalid(f"limit: Input should be {'less than or equal to 1000' if limit > 1000 else 'greater than or equal to 1'}")
    places = {item["id"]: place for place, item in enumerate(items)}
    before, after = request.parameter("before_id"), request.parameter("after_id")
    if before and after:
        raise invalid("only one of before_id and after_id may be given")
    for given in filter(None, (before, after)):
        if given not in places:
            raise invalid(f"{'before_id' if before else 'after_id'}: no such id {given}")
    if before:
        end = places[before]
        start = max(0, end - limit)
        more = start > 0
    else:
        start = places[after] + 1 if after else 0
        end = start + limit
        more = end < len(items)
    page = list(items[start:end])
    return {"data": page, "has_more": more, "first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
