from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import pytest

from bookops.outbound.errors import BadAnswer, Refused, SourceError, TryAgain
from bookops.outbound.http import Door
from bookops.outbound.quota import Limits, Quota
from bookops.outbound.sdk import anthropic_client
from bookops.outbound.sdk_usage import Usage
from bookops.outbound.wire import Bounds
from runbooks.conditions import Grade
from runbooks.sources.claude import (
    MOST_PHOTOS,
    PROMPT,
    PROMPT_VERSION,
    Claude,
    PhotoQuestion,
    Said,
    ShownPhoto,
    message_params,
    most_tokens,
    reading_in,
)
from tests.bookops.outbound.rude_server import FAULTS, RudeServer, answer, ok, running
from tests.runbooks.sources.claude_answers import MODEL, answered, claim, listing, message, question
from tests.shared_data import shared_path

TOTAL = 0.6


@pytest.fixture(scope="module", autouse=True)
def sdk() -> None:
    """Load the SDK beforehand: that takes seconds on a busy machine, and no deadline counts them."""
    with running(RudeServer(default=ok(message(answered())))) as rude:
        claude_at(rude, bounds=Bounds()).read_photos(question())


@pytest.fixture
def server() -> Iterator[RudeServer]:
    with running(RudeServer(default=ok(message(answered())))) as rude:
        yield rude


def claude_at(server: RudeServer, **changes) -> Claude:
    bounds = Bounds(connect=0.5, read=TOTAL, total=TOTAL, max_bytes=1_000_000)
    door = Door("anthropic", server.url, **{"user_agent": "bookops/1", "bounds": bounds} | changes)
    return Claude(anthropic_client(door, "sk-canary"))


def asked(server: RudeServer) -> dict:
    return json.loads(server.asked[-1].body)


def test_it_reads_what_claude_sees(server):
    seen = answered(condition_positives=[claim("gilt edges bright", 2)], identified={"author": claim("Charles Dickens", 0, 3)})
    server.default = ok(message(seen))

    reading = claude_at(server).read_photos(question())

    assert reading.condition_grade is Grade.GOOD
    assert (reading.condition_positives[0].text, reading.condition_positives[0].image_ids) == ("gilt edges bright", ("id-2",))
    author = reading.item_identification["author"]
    assert (author.text, author.image_ids, author.in_text) == ("Charles Dickens", ("id-3",), True)
    assert (reading.model, reading.prompt_version) == (MODEL, PROMPT_VERSION)
    assert reading.usage == Usage(input_tokens=9_120, output_tokens=800, cached_tokens=100, cache_write_tokens=20)


def test_photos_come_numbered_before_the_words(server):
    claude_at(server).read_photos(question(2))
    content = asked(server)["messages"][0]["content"]
    assert [block.get("text", "a photo") for block in content[:4]] == ["Photo 1", "a photo", "Photo 2", "a photo"]
    assert base64.b64decode(content[1]["source"]["data"]) == b"\xff\xd8photo"
    assert content[1]["source"]["media_type"] == "image/jpeg"
    assert "<listing>" in content[4]["text"] and len(content) == 5


def test_the_model_gets_no_tools_and_must_answer_in_the_form(server):
    claude_at(server).read_photos(question())
    request = asked(server)
    assert {"tools", "tool_choice"}.isdisjoint(request)
    assert request["max_tokens"] == 4_000
    schema = request["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["condition_grade"]["enum"] == [*Grade.__members__, "UNKNOWN"]
    assert sum(len(one.get("required", ())) for one in schema["$defs"].values()) == sum(
        len(one["properties"]) for one in schema["$defs"].values()
    )


def test_nobody_asks_the_model_for_money():
    written = json.dumps(message_params(question())["output_config"])
    assert not any(word in written for word in ("price", "value", "offer", "recommend", "cost", "worth"))


def test_without_photos_it_reads_the_words_alone(server):
    server.default = ok(message(answered(condition_negatives=[claim("foxing", 0), claim("loose hinge", 1)])))
    reading = claude_at(server).read_photos(question(0))
    content = asked(server)["messages"][0]["content"]
    assert [block["type"] for block in content] == ["text"]
    assert "There are no photos" in content[0]["text"]
    assert [(one.text, one.image_ids, one.is_grounded) for one in reading.condition_negatives] == [
        ("foxing", (), True),
        ("loose hinge", (), False),
    ]


def test_withheld_words_are_not_sent_and_nothing_can_rest_on_them(server):
    server.default = ok(message(answered(identified={"author": claim("Dickens", 0)})))
    reading = claude_at(server).read_photos(question(with_text=False))
    assert "Dickens" not in server.asked[0].body.decode() and "<listing>" not in json.dumps(asked(server)["messages"])
    assert reading.item_identification == {}


def test_neither_who_sells_nor_for_how_much_is_sent(server):
    claude_at(server).read_photos(question())
    assert b"a_seller" not in server.asked[0].body


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (message("", None), "unexpected_shape"),
        (message('Here you are: {"condition_grade": "GOOD"}'), "bad_json"),
        (message(""), "bad_json"),
        (message("[" * 100_000), "bad_json"),
        (message("9" * 5_000), "bad_json"),
        (message('{"condition_grade": "GOOD"}'), "unexpected_shape"),
        (message("[]"), "unexpected_shape"),
        (message(answered(), content=None), "unexpected_shape"),
        (message(answered(), content=[{"type": "text", "text": 7}]), "bad_json"),
        ([], "unexpected_shape"),
        ({"id": "msg_1"}, "unexpected_shape"),
    ],
)
def test_a_message_that_is_not_as_documented_has_its_own_reason(server, said, reason):
    server.default = ok(said)
    with pytest.raises(BadAnswer) as caught:
        claude_at(server).read_photos(question())
    assert (caught.value.reason, caught.value.source) == (reason, "anthropic")


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [(400, "prompt is too long: 3 tokens > 2 maximum", "prompt_too_long"), (402, "no credit", "spend_limit")],
)
def test_a_refusal_of_an_unknown_type_goes_by_its_status_and_words(server, status, error, reason):
    server.default = answer(status, json.dumps({"type": "error", "error": {"type": "x", "message": error}}).encode())
    with pytest.raises(Refused) as caught:
        claude_at(server).read_photos(question())
    assert (caught.value.reason, caught.value.source) == (reason, "anthropic")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_of_the_four_errors_within_the_deadline(server, fault):
    server.default = FAULTS[fault]
    started = time.monotonic()
    with pytest.raises(SourceError):
        claude_at(server).read_photos(question())
    assert time.monotonic() - started < TOTAL + 0.5
    assert len(server.asked) == 1


def test_a_step_that_has_little_time_left_says_so(server):
    server.default = FAULTS["hang before the status"]
    started = time.monotonic()
    with pytest.raises(TryAgain):
        claude_at(server).read_photos(question(), seconds=0.2)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("text", ["no json", json.dumps(answered())])
def test_what_was_said_is_told_before_it_is_judged_because_it_is_paid_for(server, text):
    server.default = ok(message(text))
    heard: list[Said] = []
    try:
        claude_at(server).read_photos(question(), on_said=heard.append)
    except BadAnswer:
        assert text == "no json"
    assert [(said.text, said.usage.output_tokens) for said in heard] == [(text, 800)]


def test_a_kept_answer_can_be_read_again_without_a_call():
    said = Said(json.dumps(answered(analysis_narrative="A sound copy.")), "end_turn", Usage(1, 2), MODEL)
    assert reading_in(said, question()).narrative == "A sound copy."


def test_it_shares_its_pace_by_flow(server):
    flows = []

    class Paced(Quota):
        def take(self, flow: str = "") -> None:
            flows.append(flow)

    claude_at(server, quota=Paced("anthropic", None, Limits())).read_photos(question(flow="execution 7"))
    assert flows == ["execution 7"]


def test_a_question_too_large_to_send_is_not_sent(server):
    large = ShownPhoto("id-1", b"x" * (8 << 20), "image/jpeg", 700, 840)
    with pytest.raises(Refused) as caught:
        claude_at(server).read_photos(PhotoQuestion(listing(), MODEL, (large,)))
    assert (caught.value.reason, server.asked) == ("prompt_too_long", [])


def test_many_photos_that_are_too_large_together_are_not_sent(server):
    photos = tuple(ShownPhoto(f"id-{number}", b"x" * (3 << 20), "image/jpeg", 700, 840) for number in range(8))
    with pytest.raises(Refused) as caught:
        claude_at(server).read_photos(PhotoQuestion(listing(), MODEL, photos))
    assert caught.value.reason == "prompt_too_long"


@pytest.mark.parametrize(
    "changes",
    [
        {"with_text": False},
        {"photos": tuple(ShownPhoto(str(number), b"", "image/png", 1, 1) for number in range(MOST_PHOTOS + 1))},
        {"photos": (ShownPhoto("a", b"", "image/svg+xml", 1, 1),)},
        {"photos": (ShownPhoto("a", b"", "image/png", 1, 1), ShownPhoto("a", b"", "image/png", 1, 1))},
    ],
)
def test_a_question_that_makes_no_sense_cannot_be_put(changes):
    with pytest.raises(ValueError):
        PhotoQuestion(listing(), MODEL, **changes)


def test_the_most_it_can_cost_is_known_without_a_call():
    photos = (ShownPhoto("a", b"", "image/png", 1200, 1600), ShownPhoto("b", b"", "image/png", 500, 500))
    bare = most_tokens(question(0))
    shown = most_tokens(PhotoQuestion(listing(), MODEL, photos))
    # 2494 and 324 by the vendor's rule for the tier that sees most; the words around them differ a little.
    assert abs(shown.input_tokens - bare.input_tokens - (2494 + 324)) < 100
    assert bare.input_tokens > len(PROMPT)
    assert shown.output_tokens == 4_000
    longer = most_tokens(question(0, listing=listing(description="本" * 1_000)))
    assert longer.input_tokens - bare.input_tokens > 2_900


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        "rubyllm_vision_base64",
        "rubyllm_vision_remote",
        "rubyllm_structured_output",
        "rubyllm_tool_use_image_result",
        "pydanticai_test_anthropic_native_output_decimal_strict",
        "pydanticai_test_image_url_input",
        "sdk_parse_TestSyncParse_bd7029d5",
    ],
)
def test_recorded_messages_are_understood(server, name):
    heard = []
    for one in messages_in(json.loads(shared_path("contracts", "fixtures", "anthropic", f"{name}.json").read_text())):
        server.default = ok(one)
        heard.append((claude_at(server).ask(question()), one))
    assert heard
    for said, one in heard:
        assert said.text == "".join(block["text"] for block in one["content"] if block["type"] == "text")
        assert (said.stop_reason, said.model) == (one["stop_reason"], one["model"])
        assert said.usage.output_tokens == one["usage"]["output_tokens"] > 0
        assert said.usage.input_tokens >= one["usage"]["input_tokens"] > 0


def messages_in(recorded: object) -> list[dict]:
    """Return every message of the API in a recording, however it is wrapped."""
    if isinstance(recorded, list):
        return [one for part in recorded for one in messages_in(part)]
    if not isinstance(recorded, dict):
        return []
    if recorded.get("type") == "message" and "usage" in recorded:
        return [recorded]
    return [one for part in recorded.values() for one in messages_in(part)]


def test_a_changed_prompt_has_a_new_version():
    written = hashlib.sha256((PROMPT + json.dumps(message_params(question(0))["output_config"])).encode()).hexdigest()
    assert (PROMPT_VERSION, written[:12]) == ("1", "98bc01f200da")
