from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
import requests

from sandbox.ebay_images import image_hash
from sandbox.listings import by_case
from sandbox.running import RunningSandbox
from tests.sandbox.anthropic_client import DUNE, FLAG, HELLO, MODEL, asked, client, image, image_block

HEADERS = {"x-api-key": "a-key", "anthropic-version": "2026-10-21"}


@pytest.fixture
def claude(sandbox: RunningSandbox) -> anthropic.Anthropic:
    return client(sandbox)


def refused(call: Callable[[], Any]) -> anthropic.APIStatusError:
    with pytest.raises(anthropic.APIStatusError) as caught:
        call()
    return caught.value


def post(sandbox: RunningSandbox, body: Any, *, path: str = "/v1/messages", headers: dict[str, str] = HEADERS) -> requests.Response:
    return requests.post(f"{sandbox.url}/anthropic{path}", json=body, headers=headers, timeout=20)


def test_it_answers_with_usage_that_adds_up(claude: anthropic.Anthropic) -> None:
    said = claude.messages.create(**asked())
    assert (said.role, said.model, said.stop_reason, said.usage.service_tier) == ("assistant", MODEL, "end_turn", "standard")
    assert said.content[0].text.startswith("Dune is a work by Frank Herbert.")
    counted = claude.messages.count_tokens(model=MODEL, messages=asked()["messages"]).input_tokens
    usage = said.usage
    assert usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens == counted
    assert 0 < usage.output_tokens < 500


def test_it_says_the_same_to_the_same_and_gives_each_answer_an_id(claude: anthropic.Anthropic) -> None:
    first, second = claude.messages.create(**asked()), claude.messages.create(**asked())
    assert first.content == second.content
    assert first.id != second.id
    assert first._request_id and first._request_id != second._request_id


def test_it_holds_an_answer_to_its_schema(claude: anthropic.Anthropic) -> None:
    said = claude.messages.create(**asked("Title: Dune Boxed Set\nAuthor: Frank Herbert", schema=FLAG))
    flag = json.loads(said.content[0].text)
    assert set(flag) == set(FLAG["properties"])
    assert (flag["flagged"], flag["flagged_reason"]) == (True, "This looks like a set of several books.")


def test_it_tells_old_names_from_dated_ones(claude: anthropic.Anthropic) -> None:
    assert claude.messages.create(**asked(model="claude-haiku-4-5")).model == "claude-haiku-4-5-20251001"


@pytest.mark.parametrize("name", ["claude-nope", "claude-3-haiku-20240307"])
def test_it_knows_no_model_that_is_not_served(claude: anthropic.Anthropic, name: str) -> None:
    error = refused(lambda: claude.messages.create(**asked(model=name)))
    assert (error.status_code, error.type, error.api_message) == (404, "not_found_error", f"model: {name}")


@pytest.mark.filterwarnings("ignore:The model 'claude-sonnet-4-5' is deprecated")
def test_it_retires_a_model_on_its_day(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    sandbox.settings(clock={"now": "2026-11-29T00:00:00+00:00"})
    claude.messages.create(**asked(model="claude-sonnet-4-5"))
    assert claude.models.retrieve("claude-sonnet-4-5").lifecycle == "deprecated"
    sandbox.settings(clock={"now": "2026-11-30T00:00:01+00:00"})
    assert refused(lambda: claude.messages.create(**asked(model="claude-sonnet-4-5"))).status_code == 404
    assert claude.models.retrieve("claude-sonnet-4-5").lifecycle == "retired"


def test_it_lists_models_page_by_page(claude: anthropic.Anthropic) -> None:
    pages = list(claude.models.list(limit=4).iter_pages())
    names = [model.id for page in pages for model in page.data]
    assert len(pages) > 3
    assert len(names) == len(set(names))
    assert MODEL in names and "claude-3-haiku-20240307" not in names
    assert "claude-3-haiku-20240307" in [model.id for model in claude.models.list(lifecycle=["retired"], limit=1000)]
    before = claude.models.list(before_id=names[5], limit=2)
    assert [model.id for model in before.data] == names[3:5]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": None}, "messages: Field required"),
        ({"model": None}, "model: Field required"),
        ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": 129_000}, "max_tokens: 129000 > 128000, which is the maximum allowed number of output tokens"),
        ({"temperature": 0.2}, "temperature: Extra inputs are not permitted"),
        ({"top_p": 0.2}, "top_p: Extra inputs are not permitted"),
        ({"top_k": 2}, "top_k: Extra inputs are not permitted"),
        ({"output_format": {}}, "output_format: Extra inputs are not permitted"),
        ({"metadata": {"job": "1"}}, "metadata: Extra inputs are not permitted"),
        ({"service_tier": "flex"}, "service_tier: Input should be"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "assistant", "content": "x"}, *HELLO]}, 'messages: first message must use the "user" role'),
        ({"messages": [*HELLO, {"role": "assistant", "content": "{"}]}, "This model does not support assistant message prefill"),
        ({"messages": [{"role": "user", "content": " "}]}, "text content blocks must contain non-whitespace text"),
        ({"messages": [{"role": "user", "content": []}]}, "must have non-empty content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: Input should be"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages.0.content.0: Input tag 'video' found"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking.type: 'enabled' is not supported"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: Input should be"),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format.type: Input should be 'json_schema'"),
        ({"tool_choice": {"type": "any"}}, "tool_choice may only be specified while providing tools"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.custom.name: String should match pattern"),
        ({"tools": [{"name": "a", "input_schema": {"type": "array"}}]}, "tools.0.custom.input_schema.type"),
        ({"tools": [{"name": "a", "input_schema": {"type": "object"}}] * 2}, "tools: Tool names must be unique."),
        ({"system": [{"type": "text", "text": "x", "cache_control": {"type": "forever"}}]}, "cache_control: Input should be"),
    ],
)
def test_it_refuses_a_request_that_is_not_as_it_must_be(sandbox: RunningSandbox, changes: dict[str, Any], said: str) -> None:
    body = {name: value for name, value in {**asked(), **changes}.items() if value is not None}
    answer = post(sandbox, body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert said in answer.json()["error"]["message"]
    assert answer.json()["request_id"] == answer.headers["request-id"]


def test_it_takes_sampling_under_the_older_version(sandbox: RunningSandbox) -> None:
    assert post(sandbox, asked(temperature=0.2), headers=HEADERS | {"anthropic-version": "2023-06-01"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"anthropic-version": "2026-10-21"}, 401, "x-api-key header is required"),
        ({"x-api-key": "stolen", "anthropic-version": "2026-10-21"}, 401, "invalid x-api-key"),
        ({"x-api-key": "a-key"}, 400, "anthropic-version: header is required"),
        ({"x-api-key": "a-key", "anthropic-version": "2030-01-01"}, 400, "is not a valid version"),
    ],
)
def test_it_looks_at_key_and_version_first(sandbox: RunningSandbox, headers: dict[str, str], status: int, said: str) -> None:
    sandbox.settings(sources={"anthropic": {"keys": "a-key,b-key"}})
    answer = post(sandbox, {}, headers=headers)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True)


def test_it_refuses_what_is_not_json(sandbox: RunningSandbox) -> None:
    answer = requests.post(
        f"{sandbox.url}/anthropic/v1/messages", data=b"{", headers=HEADERS | {"content-type": "application/json"}, timeout=20
    )
    assert (answer.status_code, "not valid JSON" in answer.json()["error"]["message"]) == (400, True)


def test_it_refuses_a_prompt_that_is_longer_than_the_context(claude: anthropic.Anthropic) -> None:
    error = refused(lambda: claude.messages.create(**asked("word " * 200_000, model="claude-haiku-4-5")))
    assert (error.status_code, error.api_message) == (400, "prompt is too long: 250008 tokens > 200000 maximum")


def test_it_refuses_a_body_of_more_than_32_megabytes(claude: anthropic.Anthropic) -> None:
    error = refused(lambda: claude.messages.create(**asked("x" * (32 << 20))))
    assert (error.status_code, error.body["error"]["type"]) == (413, "request_too_large")


def test_it_stops_where_the_context_ends(claude: anthropic.Anthropic) -> None:
    question = asked(DUNE, model="claude-haiku-4-5", schema=FLAG)
    counted = claude.messages.count_tokens(**{name: value for name, value in question.items() if name != "max_tokens"}).input_tokens
    # Four letters are a token, so the question ends ten before the context does.
    question["messages"] = [{"role": "user", "content": DUNE + " bla" * (200_000 - 10 - counted)}]
    said = claude.messages.create(**question)
    assert said.stop_reason == "model_context_window_exceeded"
    assert said.usage.input_tokens + said.usage.output_tokens == 200_000


def test_it_cuts_the_answer_off_at_max_tokens(claude: anthropic.Anthropic) -> None:
    whole = claude.messages.create(**asked(schema=FLAG))
    cut = claude.messages.create(**asked(schema=FLAG, max_tokens=12))
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 12)
    assert whole.content[0].text.startswith(cut.content[0].text)
    with pytest.raises(ValueError, match=r"line 1"):
        json.loads(cut.content[0].text)


def test_it_answers_nothing_when_it_only_warms_the_cache(claude: anthropic.Anthropic) -> None:
    said = claude.messages.create(**asked(max_tokens=0))
    assert (said.content, said.usage.output_tokens) == ([], 0)


def test_it_stops_at_a_stop_sequence(claude: anthropic.Anthropic) -> None:
    said = claude.messages.create(**asked(stop_sequences=[" by "]))
    assert (said.stop_reason, said.stop_sequence, said.content[0].text) == ("stop_sequence", " by ", "Dune is a work")


def test_it_thinks_where_it_may(claude: anthropic.Anthropic) -> None:
    said = claude.messages.create(**asked(thinking={"type": "adaptive"}))
    assert [block.type for block in said.content] == ["thinking", "text"]
    assert 0 < said.usage.output_tokens_details.thinking_tokens < said.usage.output_tokens


def test_it_remembers_the_marked_beginning_of_a_prompt(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    system = [{"type": "text", "text": "An instruction. " * 400, "cache_control": {"type": "ephemeral"}}]
    whole = claude.messages.count_tokens(model=MODEL, system=system, messages=HELLO).input_tokens
    usages = [claude.messages.create(**asked("Hello", system=system)).usage for _ in range(2)]
    sandbox.settings(clock={"advance": 301})
    usages.append(claude.messages.create(**asked("Hello", system=system)).usage)
    shares = [(usage.cache_creation_input_tokens, usage.cache_read_input_tokens, usage.input_tokens) for usage in usages]
    assert shares == [(1600, 0, whole - 1600), (0, 1600, whole - 1600), (1600, 0, whole - 1600)]
    assert usages[0].cache_creation.ephemeral_5m_input_tokens == 1600


# Tools

TOOL = {"name": "report", "description": "Report.", "input_schema": FLAG, "strict": True}


@pytest.mark.parametrize("choice", [None, {"type": "any"}, {"type": "tool", "name": "report"}])
def test_it_calls_a_tool(claude: anthropic.Anthropic, choice: dict[str, str] | None) -> None:
    said = claude.messages.create(**asked(tools=[TOOL], **({"tool_choice": choice} if choice else {})))
    assert (said.stop_reason, said.content[0].type, said.content[0].name) == ("tool_use", "tool_use", "report")
    assert set(said.content[0].input) == set(FLAG["properties"])


def test_it_answers_in_words_once_it_has_the_result_of_a_tool(claude: anthropic.Anthropic) -> None:
    question = asked(tools=[TOOL])
    called = claude.messages.create(**question).content[0]
    turns = [
        *question["messages"],
        {"role": "assistant", "content": [called.to_dict()]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": called.id, "content": "noted"}]},
    ]
    assert claude.messages.create(**(question | {"messages": turns})).stop_reason == "end_turn"
    assert claude.messages.create(**asked(tools=[TOOL], tool_choice={"type": "none"})).stop_reason == "end_turn"


def test_it_knows_no_tool_that_it_was_not_given(claude: anthropic.Anthropic) -> None:
    error = refused(lambda: claude.messages.create(**asked(tools=[TOOL], tool_choice={"type": "tool", "name": "other"})))
    assert error.api_message == "Tool 'other' not found in provided tools"


# Images


def test_it_counts_images_after_making_them_smaller(claude: anthropic.Anthropic) -> None:
    block = image_block(image(1200, 1600))
    messages = [{"role": "user", "content": [block, {"type": "text", "text": "Hello"}]}]
    without = claude.messages.count_tokens(model=MODEL, messages=HELLO).input_tokens
    counts = [claude.messages.count_tokens(model=name, messages=messages).input_tokens - without for name in (MODEL, "claude-sonnet-4-6")]
    assert counts == [2494, 1564]
    assert claude.messages.create(**asked(messages=messages)).usage.input_tokens == without + 2494


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (image_block(image(), "image/bmp"), "media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"),
        (image_block(image(kind="PNG")), "specified using the image/jpeg media type, but the image appears to be a image/png image"),
        (image_block(b"no image"), "Could not process image"),
        (image_block(b"\xff" * (8 << 20)), "image exceeds 10 MB maximum: 11184812 bytes > 10485760 bytes"),
        (image_block(image(8001, 10)), "image dimensions exceed max allowed size: 8000 pixels"),
        (image_block(image(2600, 100), transformations={"oversized_image": "error"}), "image is 2600x100 pixels"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%%"}}, "Invalid base64 data"),
        ({"type": "image", "source": {"type": "url", "url": "https://example.org/a.jpg"}}, "Unable to download the file"),
        ({"type": "image", "source": {"type": "file", "file_id": "file_x"}}, "File not found: file_x"),
        ({"type": "image", "source": {"type": "path"}}, "does not match any of the expected tags"),
        ({"type": "image"}, "image.source: Field required"),
    ],
)
def test_it_refuses_an_image_it_cannot_take(claude: anthropic.Anthropic, block: dict[str, Any], said: str) -> None:
    error = refused(lambda: claude.messages.create(**asked(messages=[{"role": "user", "content": [block]}])))
    assert error.status_code == 400
    assert said in error.api_message


def test_it_takes_smaller_sides_of_many_images_and_names_each_that_is_too_large(claude: anthropic.Anthropic) -> None:
    small, large = image_block(image()), image_block(image(2001, 10))
    claude.messages.create(**asked(messages=[{"role": "user", "content": [large] * 20}]))
    error = refused(lambda: claude.messages.create(**asked(messages=[{"role": "user", "content": [*[small] * 19, large, large]}])))
    assert "for many-image requests: 2000 pixels" in error.api_message
    assert error.error_code == "image_dimensions_too_large"
    assert error.details.paths == ["messages.0.content.19", "messages.0.content.20"]


def test_it_takes_only_so_many_images(claude: anthropic.Anthropic) -> None:
    messages = [{"role": "user", "content": [image_block(image())] * 101}]
    claude.messages.create(**asked(messages=messages))
    error = refused(lambda: claude.messages.create(**asked(model="claude-haiku-4-5", messages=messages)))
    assert error.api_message == "messages: too many images: 101 > 100 maximum"


def test_it_takes_an_image_by_the_id_of_an_uploaded_file(claude: anthropic.Anthropic) -> None:
    file = claude.files.upload(file=("front.png", image(280, 28, "PNG"), "image/png"))
    assert (file.filename, file.mime_type) == ("front.png", "image/png")
    assert claude.files.retrieve_metadata(file.id).size_bytes == file.size_bytes
    by_file = [
        {"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": file.id}}, {"type": "text", "text": "Hello"}]}
    ]
    counted = [claude.messages.count_tokens(model=MODEL, messages=messages).input_tokens for messages in (HELLO, by_file)]
    assert counted[1] - counted[0] == 10
    claude.files.delete(file.id)
    assert refused(lambda: claude.files.retrieve_metadata(file.id)).status_code == 404


@pytest.mark.parametrize("host", ["https://i.ebayimg.com", "{url}/ebayimg"])
def test_it_downloads_photographs_from_the_image_host(sandbox: RunningSandbox, claude: anthropic.Anthropic, host: str) -> None:
    address = f"{host.format(url=sandbox.url)}/images/g/{image_hash(by_case('strong-buy'), 0)}/s-l300.jpg"
    content = [{"type": "image", "source": {"type": "url", "url": address}}, {"type": "text", "text": "Hello"}]
    counted = [
        claude.messages.count_tokens(model=MODEL, messages=messages).input_tokens
        for messages in (HELLO, [{"role": "user", "content": content}])
    ]
    assert counted[1] > counted[0] + 50


# Errors on demand


@pytest.mark.parametrize(
    ("failing", "status", "kind"),
    [
        ("invalid_request_error", 400, "invalid_request_error"),
        ("spend_limit", 400, "invalid_request_error"),
        ("authentication_error", 401, "authentication_error"),
        ("billing_error", 402, "billing_error"),
        ("permission_error", 403, "permission_error"),
        ("not_found_error", 404, "not_found_error"),
        ("conflict_error", 409, "conflict_error"),
        ("request_too_large", 413, "request_too_large"),
        ("rate_limit_error", 429, "rate_limit_error"),
        ("spend_cap", 429, "rate_limit_error"),
        ("api_error", 500, "api_error"),
        ("bad_gateway", 502, "api_error"),
        ("unavailable", 503, "api_error"),
        ("timeout_error", 504, "timeout_error"),
        ("overloaded_error", 529, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("by_prompt", [True, False])
def test_it_fails_on_demand(
    sandbox: RunningSandbox, claude: anthropic.Anthropic, failing: str, status: int, kind: str, by_prompt: bool
) -> None:
    if not by_prompt:
        sandbox.settings(sources={"anthropic": {"failing": failing}})
    error = refused(lambda: claude.messages.create(**asked(f"{DUNE}\nsandbox:{failing}" if by_prompt else DUNE)))
    assert (error.status_code, error.body["error"]["type"]) == (status, kind)
    assert error.request_id == error.body["request_id"]
    # Only a true rate limit says when to come back: a spend cap does not pass by waiting.
    assert ("retry-after" in error.response.headers) == (failing == "rate_limit_error")
    assert error.response.headers["x-should-retry"] == ("true" if status >= 500 or failing == "rate_limit_error" else "false")


@pytest.mark.parametrize(
    ("calls", "failing"),
    [
        ("POST /v1/messages", {"message"}),
        ("* /v1/messages/batches*", {"create", "list", "retrieve"}),
        ("GET */msgbatch_*", {"retrieve"}),
        ("*", {"message", "create", "list", "retrieve", "models"}),
    ],
)
def test_it_fails_at_the_calls_it_is_told(sandbox: RunningSandbox, claude: anthropic.Anthropic, calls: str, failing: set[str]) -> None:
    batches = claude.messages.batches
    batch = batches.create(requests=[{"custom_id": "a", "params": asked()}])
    sandbox.settings(sources={"anthropic": {"failing": "conflict_error", "failing_calls": calls}})
    tried = {
        "message": lambda: claude.messages.create(**asked()),
        "create": lambda: batches.create(requests=[{"custom_id": "a", "params": asked()}]),
        "list": batches.list,
        "retrieve": lambda: batches.retrieve(batch.id),
        "models": claude.models.list,
    }
    failed = set()
    for name, call in tried.items():
        try:
            call()
        except anthropic.ConflictError:
            failed.add(name)
    assert failed == failing


def test_it_lets_the_second_asking_through(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    sandbox.settings(sources={"anthropic": {"failing": "overloaded_error", "failing_times": 1}})
    assert refused(lambda: claude.messages.create(**asked())).status_code == 529
    assert claude.messages.create(**asked()).stop_reason == "end_turn"
    assert refused(lambda: claude.messages.create(**asked("Another book"))).status_code == 529


def test_it_counts_requests_and_tokens_by_the_minute(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    sandbox.settings(sources={"anthropic": {"requests_per_minute": 2}})
    raw = claude.messages.with_raw_response.create(**asked())
    assert raw.headers["anthropic-ratelimit-requests-limit"] == "2"
    assert raw.headers["anthropic-ratelimit-requests-remaining"] == "1"
    spent = raw.read() and claude.messages.create(**asked()).usage
    error = refused(lambda: claude.messages.create(**asked()))
    assert (error.status_code, error.response.headers["retry-after"]) == (429, "30")
    sandbox.settings(clock={"advance": 31})
    claude.messages.create(**asked())
    sandbox.settings(sources={"anthropic": {"requests_per_minute": 100, "input_tokens_per_minute": spent.input_tokens}})
    assert "input tokens per minute" in refused(lambda: claude.messages.create(**asked())).api_message
    assert client(sandbox, "another-key").messages.create(**asked()).stop_reason == "end_turn"


@pytest.mark.parametrize("by_prompt", [True, False])
def test_it_refuses_cuts_off_and_breaks_answers_on_demand(sandbox: RunningSandbox, claude: anthropic.Anthropic, by_prompt: bool) -> None:
    def said(option: str) -> anthropic.types.Message:
        if not by_prompt:
            sandbox.settings(
                sources={"anthropic": {f"{name}_rate": float(name == option) for name in ("refusal", "truncation", "bad_json")}}
            )
        return claude.messages.create(**asked(f"{DUNE}\nsandbox:{option}" if by_prompt else DUNE, schema=FLAG))

    refusal = said("refusal")
    assert (refusal.stop_reason, refusal.content, refusal.stop_details.type) == ("refusal", [], "refusal")
    cut = said("truncation")
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 500)
    for text in (cut.content[0].text, said("bad_json").content[0].text):
        with pytest.raises(ValueError, match=r"line \d"):
            json.loads(text)


@pytest.mark.parametrize("by_prompt", [True, False])
@pytest.mark.parametrize(
    ("reason", "kinds"),
    [
        ("end_turn", ["text"]),
        ("stop_sequence", ["text"]),
        ("max_tokens", ["text"]),
        ("model_context_window_exceeded", ["text"]),
        ("refusal", []),
        ("tool_use", ["tool_use"]),
        ("pause_turn", ["text"]),
        ("of_next_year", ["text"]),
    ],
)
def test_it_ends_an_answer_as_told(
    sandbox: RunningSandbox, claude: anthropic.Anthropic, reason: str, kinds: list[str], by_prompt: bool
) -> None:
    if not by_prompt:
        sandbox.settings(sources={"anthropic": {"stop_reason": reason}})
    told = claude.messages.create(**asked(f"{DUNE}\nsandbox:stop_{reason}" if by_prompt else DUNE, schema=FLAG))
    assert (told.stop_reason, [block.type for block in told.content]) == (reason, kinds)
    assert bool(told.stop_sequence) == (reason == "stop_sequence")
    assert bool(told.stop_details) == (reason == "refusal")


def test_it_spoils_the_same_share_of_requests_each_time(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    sandbox.settings(sources={"anthropic": {"refusal_rate": 0.3}})
    runs = [[claude.messages.create(**asked(f"Title: {number}")).stop_reason for number in range(40)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert 4 <= runs[0].count("refusal") <= 22


@pytest.mark.parametrize(
    "mode", ["html", "links", "orders", "large_numbers", "negative_numbers", "huge", "many", "odd_letters", "extra", "misshapen"]
)
def test_it_says_what_an_attacker_wants(sandbox: RunningSandbox, claude: anthropic.Anthropic, mode: str) -> None:
    honest = claude.messages.create(**asked(schema=FLAG)).content[0].text
    sandbox.settings(sources={"anthropic": {"hijack": mode}})
    hijacked = claude.messages.create(**asked(schema=FLAG))
    assert hijacked.stop_reason == "end_turn"
    assert json.loads(hijacked.content[0].text) != json.loads(honest)


def test_it_says_word_for_word_what_an_attacker_wants(sandbox: RunningSandbox, claude: anthropic.Anthropic) -> None:
    sandbox.settings(sources={"anthropic": {"hijack": "answer", "hijack_answer": {"flagged": "maybe", "confidence": 7}}})
    assert json.loads(claude.messages.create(**asked(schema=FLAG)).content[0].text) == {"flagged": "maybe", "confidence": 7}


@pytest.mark.parametrize("options", [{"failing": "rain"}, {"hijack": "politely"}, {"result_order": "random"}, {"refusal_rate": "often"}])
def test_it_knows_no_other_options(sandbox: RunningSandbox, options: dict[str, Any]) -> None:
    answer = requests.post(f"{sandbox.url}/_sandbox/settings", json={"sources": {"anthropic": options}}, timeout=10)
    assert answer.status_code == 400
