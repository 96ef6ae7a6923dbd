from __future__ import annotations

import openai
import pytest
import requests

from tests.sandbox.asking_openai import client_of, passed, with_options

CONTENT = b'{"custom_id": "caf\xc3\xa9"}\r\n\r\n--not-the-boundary\n'


def uploaded(client: openai.OpenAI, name: str = "requests.jsonl", content: bytes = CONTENT, purpose: str = "batch", **more):
    return client.files.create(file=(name, content, "application/jsonl"), purpose=purpose, **more)  # type: ignore[arg-type]


def test_it_gives_back_what_was_uploaded(sandbox) -> None:
    client = client_of(sandbox)
    file = uploaded(client)
    assert (file.bytes, file.purpose, file.filename, file.status) == (len(CONTENT), "batch", "requests.jsonl", "processed")
    assert file.expires_at == file.created_at + 30 * 86400
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == CONTENT
    with client.files.with_streaming_response.content(file.id) as answer:
        assert answer.headers["content-disposition"] == 'attachment; filename="requests.jsonl"'
        assert b"".join(answer.iter_bytes(7)) == CONTENT


def test_it_keeps_a_file_larger_than_it_holds_in_memory(sandbox) -> None:
    client = client_of(sandbox)
    content = bytes(range(256)) * 20_000
    assert client.files.content(uploaded(client, content=content).id).read() == content


def test_it_lists_by_purpose_in_pages(sandbox) -> None:
    client = client_of(sandbox)
    ids = [uploaded(client).id for _ in range(3)]
    other = uploaded(client, name="cover.png", purpose="vision")
    assert [file.id for file in client.files.list(purpose="batch", limit=2)] == ids[::-1]
    assert [file.id for file in client.files.list(order="asc")] == [*ids, other.id]


def test_it_deletes(sandbox) -> None:
    client = client_of(sandbox)
    file = uploaded(client)
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(file.id)


def test_a_file_expires(sandbox) -> None:
    client = client_of(sandbox)
    file = uploaded(client, expires_after={"anchor": "created_at", "seconds": 3600})
    passed(sandbox, 3601)
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)
    assert client.files.list().data == []


@pytest.mark.parametrize(
    ("upload", "message"),
    [
        ({"name": "requests.csv"}, "Must be .jsonl"),
        ({"content": b""}, "empty"),
        ({"purpose": "holiday"}, "Supported values are"),
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after.seconds"),
    ],
)
def test_it_refuses_a_file_that_its_purpose_cannot_have(sandbox, upload: dict, message: str) -> None:
    with pytest.raises(openai.BadRequestError, match=message):
        uploaded(client_of(sandbox), **upload)


def test_it_refuses_a_file_that_is_too_large(sandbox) -> None:
    with pytest.raises(openai.APIStatusError) as refusal:
        uploaded(with_options(sandbox, file_bytes=len(CONTENT) - 1))
    assert refusal.value.status_code == 413


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
def test_it_refuses_what_is_no_form(sandbox, content_type: str) -> None:
    headers = {"Authorization": "Bearer key", "Content-Type": content_type}
    answer = requests.post(f"{sandbox.url}/openai/v1/files", data=b"{}", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_it_refuses_half_a_form(sandbox) -> None:
    headers = {"Authorization": "Bearer key", "Content-Type": "multipart/form-data; boundary=x"}
    form = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbat'
    answer = requests.post(f"{sandbox.url}/openai/v1/files", data=form, headers=headers, timeout=10)
    assert "ends before its last boundary" in answer.json()["error"]["message"]


def test_a_long_file_is_sent_in_pieces_that_two_readers_do_not_mix_up(sandbox) -> None:
    client = client_of(sandbox)
    sent = b"".join(b'{"line": %d, "text": "%s"}\n' % (number, b"x" * 80) for number in range(20_000))
    file = client.files.create(file=("x.jsonl", sent, "application/jsonl"), purpose="batch")
    sandbox.clear_log()
    with client.files.with_streaming_response.content(file.id) as one, client.files.with_streaming_response.content(file.id) as other:
        received = [one.iter_bytes(100_000), other.iter_bytes(100_000)]
        first, second = zip(*zip(*received, strict=True), strict=True)
    assert b"".join(first) == b"".join(second) == sent
    assert sandbox.log()["bytes_sent"] == 2 * len(sent)


def test_a_file_in_pieces_can_be_spoiled_too(sandbox) -> None:
    client = client_of(sandbox)
    file = client.files.create(file=("x.jsonl", b'{"a": 1}\n' * 100, "application/jsonl"), purpose="batch")
    sandbox.settings(faults=[{"kind": "truncated", "source": "openai"}])
    assert client.files.content(file.id).content == b'{"a": 1}\n' * 50


def test_a_file_as_large_as_a_batch_may_be_is_taken(sandbox) -> None:
    client = client_of(sandbox)
    sent = b'{"a": 1}\n' * (100 * 1024 * 1024 // 9)
    assert client.files.create(file=("x.jsonl", sent, "application/jsonl"), purpose="batch").bytes == len(sent)
