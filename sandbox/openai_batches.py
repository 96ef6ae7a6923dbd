"""Batches: validated, worked through by the clock, ended with an output and an error file (https://platform.openai.com/docs/guides/batch)."""

from __future__ import annotations

import random
import secrets
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.openai_answers import ANSWERED, FATES, IMAGE_LOST, Writer
from sandbox.openai_batch import ENDINGS, Batch
from sandbox.openai_batch_lines import CANCELLED, ENDPOINT, EXPIRED, STALLED, UNREADABLE, BadLine, Line, Results, appraise, read_line
from sandbox.openai_errors import Refused, cannot_find_file, missing, wrong_value
from sandbox.openai_files import SECONDS_A_BATCH_FILE_IS_KEPT, File, Files, check_expiry, page
from sandbox.openai_limits import rate_limited
from sandbox.openai_models import model_called
from sandbox.openai_options import OpenAIOptions
from sandbox.openai_requests import check_metadata
from sandbox.openai_timeline import Timeline
from sandbox.openai_webhooks import Webhooks
from sandbox.party import Request

#: Lines read or written between other callers' requests.
LINES_A_STEP = 50
#: Errors told of a file that is full of them.
MOST_ERRORS = 100
_FATES = (ANSWERED, *FATES, IMAGE_LOST, STALLED, UNREADABLE)
_FAILING = {"failed", IMAGE_LOST, UNREADABLE}


class Batches:
    """Create, tell, list and cancel batches."""

    def __init__(
        self, seed: int, writer: Writer, timeline: Timeline, webhooks: Webhooks, files: Files, options: Callable[[], OpenAIOptions]
    ) -> None:
        self._seed = seed
        self._writer = writer
        self._timeline = timeline
        self._webhooks = webhooks
        self._files = files
        self._options = options
        self._batches: dict[str, Batch] = {}
        self._created: deque[float] = deque()

    def create(self, asked: dict[str, Any], now: float) -> dict[str, Any]:
        """Begin a batch; what is wrong with its lines is told later, by its status."""
        batch = self._checked(asked, now)
        self._count_creation(now)
        self._batches[batch.id] = batch
        validated_at = now + self._options().validating_seconds
        self._timeline.work_through(
            self._reading(batch), lambda: self._timeline.at(validated_at, lambda when: self._validated(batch, when))
        )
        return self._shown(batch, now)

    def retrieve(self, batch_id: str, now: float) -> dict[str, Any]:
        """Return a batch; raise Refused when there is none."""
        return self._shown(self._find(batch_id), now)

    def listed(self, request: Request, now: float) -> dict[str, Any]:
        """Return a page of batches, the newest first."""
        return page([self._shown(batch, now) for batch in reversed(self._batches.values())], request, most=100, default=20)

    def cancel(self, batch_id: str, now: float) -> dict[str, Any]:
        """Begin to cancel a batch; what is done by now stays in its output. Raise Refused for one that has ended."""
        batch = self._find(batch_id)
        if batch.status in ENDINGS:
            raise Refused(f"Cannot cancel a batch with status '{batch.status}'.", status=409)
        if batch.status != "cancelling":
            batch.stopped_at = batch.done(now)
            batch.come_to("cancelling", now)
            self._timeline.at(now + self._options().cancelling_seconds, lambda when: self._end(batch, "cancelled", when))
        return self._shown(batch, now)

    def _shown(self, batch: Batch, now: float) -> dict[str, Any]:
        told = batch.as_dict(now)
        if self._options().open_status and batch.status == "in_progress":
            told["status"] = self._options().open_status
        return told

    def _find(self, batch_id: str) -> Batch:
        try:
            return self._batches[batch_id]
        except KeyError:
            raise Refused(f"No batch found with id '{batch_id}'.", status=404, param="id") from None

    def _checked(self, asked: dict[str, Any], now: float) -> Batch:
        for name in ("input_file_id", "endpoint", "completion_window"):
            if not asked.get(name):
                raise missing(name)
        for name in asked.keys() - {"input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"}:
            raise Refused(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
        if asked["endpoint"] != ENDPOINT:
            raise wrong_value("endpoint", asked["endpoint"], (ENDPOINT,))
        if asked["completion_window"] != "24h":
            raise wrong_value("completion_window", asked["completion_window"], ("24h",))
        check_metadata(asked.get("metadata"))
        expiry = asked.get("output_expires_after")
        seconds_to_keep = SECONDS_A_BATCH_FILE_IS_KEPT if expiry is None else check_expiry("output_expires_after", expiry)
        file = self._files.find(str(asked["input_file_id"]), now)
        if file is None or now < file.created_at + self._options().file_hidden_seconds:
            raise cannot_find_file(str(asked["input_file_id"]))
        if file.purpose != "batch":
            message = f"Invalid file purpose: '{file.purpose}'. The purpose of an input file must be 'batch'."
            raise Refused(message, param="input_file_id")
        return Batch(f"batch_{secrets.token_hex(16)}", file, asked.get("metadata"), now, seconds_to_keep)

    def _count_creation(self, now: float) -> None:
        options = self._options()
        while self._created and self._created[0] <= now - 3600:
            self._created.popleft()
        if options.limits and len(self._created) >= options.batches_per_hour:
            message = f"Rate limit reached for batch creations per hour: Limit {options.batches_per_hour}. Please try again later."
            raise rate_limited(message, "requests", self._created[0] + 3600 - now, options)
        self._created.append(now)

    # The life of a batch

    def _reading(self, batch: Batch) -> Iterator[None]:
        """Read all lines, and note what is wrong with them or what will befall them."""
        options = self._options()
        seen: set[str] = set()
        at = number = 0
        batch.input.content.seek(0)
        while raw := batch.input.content.readline():
            number += 1
            if raw.strip() and len(batch.errors) < MOST_ERRORS:
                try:
                    self._note(batch, read_line(raw), seen, options)
                    batch.begins.append(at)
                except BadLine as bad:
                    batch.errors.append(bad.problem | {"line": number})
            at += len(raw)
            if number % LINES_A_STEP == 0:
                yield
                # Another batch over the same file may have read on meanwhile.
                batch.input.content.seek(at)
        if number > options.batch_requests:
            message = f"The batch contains {number} requests. A batch may contain up to {options.batch_requests} requests."
            batch.errors = [{"code": "too_many_tasks", "message": message, "param": None, "line": None}]
        elif not (batch.begins or batch.errors):
            batch.errors = [{"code": "empty_file", "message": "The input file is empty.", "param": None, "line": None}]

    def _note(self, batch: Batch, line: Line, seen: set[str], options: OpenAIOptions) -> None:
        if line.custom_id in seen:
            message = (
                "The custom_id for this request is a duplicate of another request. "
                "The custom_id parameter must be unique for each request in a batch."
            )
            raise BadLine("duplicate_custom_id", message, param="custom_id")
        seen.add(line.custom_id)
        try:
            model = model_called(line.model, batch.created_at)
        except Refused:
            message = f"The provided model '{line.model}' is not supported by the Batch API."
            raise BadLine("model_not_found", message, param="body.model") from None
        if batch.model not in (None, model.snapshot):
            message = "The provided model does not match the model of the batch. All requests of a batch must be for the same model."
            raise BadLine("mismatched_model", message, param="body.model")
        batch.model = model.snapshot
        fate, tokens = appraise(line, self._writer, self._seed, batch.created_at, options)
        batch.fates.append(_FATES.index(fate))
        batch.tokens += tokens

    def _validated(self, batch: Batch, now: float) -> None:
        if batch.status != "validating":
            return
        if not batch.errors and (problem := self._too_much_enqueued(batch, now)):
            batch.errors = [problem]
        if batch.errors:
            self._close(batch, "failed", now)
            return
        batch.seconds = self._options().batch_seconds
        order = [number for number, fate in enumerate(batch.fates) if _FATES[fate] != STALLED]
        random.Random(batch.id).shuffle(order)
        batch.order = array("L", order)
        batch.failing = array("L", (place for place, number in enumerate(order) if _FATES[batch.fates[number]] in _FAILING))
        batch.come_to("in_progress", now)
        if len(order) < len(batch.fates) or now + batch.seconds > batch.expires_at:
            self._timeline.at(batch.expires_at, lambda when: self._finalize(batch, "expired", when))
        else:
            self._timeline.at(now + batch.seconds, lambda when: self._finalize(batch, "completed", when))

    def _too_much_enqueued(self, batch: Batch, now: float) -> dict[str, Any] | None:
        options = self._options()
        model = model_called(batch.model or "", batch.created_at)
        cap = options.enqueued_tokens or model.enqueued_tokens
        others = (other for other in self._batches.values() if other is not batch and other.model == batch.model)
        enqueued = sum(other.tokens for other in others if other.status in ("in_progress", "finalizing", "cancelling"))
        if not options.limits or enqueued + batch.tokens <= cap:
            return None
        message = (
            f"Enqueued token limit reached for {model.name} in organization org-sandbox. Limit: {cap:,} enqueued tokens. "
            "Please try again once some in_progress batches have been completed."
        )
        return {"code": "token_limit_exceeded", "message": message, "param": None, "line": None}

    def _finalize(self, batch: Batch, ending: str, now: float) -> None:
        if batch.status == "in_progress":
            batch.stopped_at = len(batch.order) if ending == "completed" else batch.done(now)
            batch.come_to("finalizing", now)
            ends_at = now + (self._options().finalizing_seconds if ending == "completed" else 0)
            self._timeline.at(ends_at, lambda when: self._end(batch, ending, when))

    def _end(self, batch: Batch, ending: str, now: float) -> None:
        """Write the results and close; a batch cancelled while it is finalized is not ended twice."""
        if batch.status == ("cancelling" if ending == "cancelled" else "finalizing"):
            self._timeline.work_through(self._writing(batch, ending, now), lambda: self._close(batch, ending, now))

    def _writing(self, batch: Batch, ending: str, now: float) -> Iterator[None]:
        options = self._options()
        results = Results(self._writer, self._seed, now, options)
        expires_at = batch.created_at + batch.seconds_to_keep
        output, errors = (File(f"{batch.id}_{name}.jsonl", "batch_output", now, expires_at) for name in ("output", "error"))
        done = batch.order[: batch.stopped_at]
        reason = {"expired": EXPIRED, "cancelled": CANCELLED if options.cancelled_lines else None}.get(ending)
        others = sorted(set(range(len(batch.fates))).difference(done)) if reason else ()
        for place, number in enumerate((*done, *others), start=1):
            line = self._line(batch, number)
            if place > len(done):
                errors.write([results.not_done(line, reason or {})])
            else:
                went_well, lines = results.done(line, _FATES[batch.fates[number]])
                (output if went_well else errors).write(lines)
            if place % LINES_A_STEP == 0:
                yield
                if batch.status == "cancelling" and ending != "cancelled":
                    return
        batch.usage = results.usage()
        batch.output, batch.error_file = (self._files.add(file) if file.size else None for file in (output, errors))

    def _line(self, batch: Batch, number: int) -> Line:
        batch.input.content.seek(batch.begins[number])
        return read_line(batch.input.content.readline())

    def _close(self, batch: Batch, ending: str, now: float) -> None:
        if batch.status in ENDINGS or (batch.status == "cancelling") != (ending == "cancelled"):
            return
        batch.come_to(ending, now)
        self._webhooks.announce(f"batch.{ending}", batch.id, now)
