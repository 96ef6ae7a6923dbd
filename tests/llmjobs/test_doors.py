from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bookops.outbound.errors import Refused
from bookops.outbound.http import Door
from llmjobs import doors, providers
from llmjobs.providers.anthropic_batch import AnthropicBatches
from llmjobs.providers.openai_batch import OpenAIBatches
from llmjobs.providers.openai_responses import OpenAIResponses
from llmjobs.providers.registry import all_ways


def test_every_way_to_ask_is_found_by_its_file():
    folder = Path(providers.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "\n@registered\n" in path.read_text()}
    ways = all_ways()
    assert {way.__module__.rpartition(".")[2] for way in ways.values()} == files >= {"openai_responses", "openai_batch", "anthropic_batch"}
    assert {(way.provider, way.way): way for way in ways.values()} == ways


def test_a_provider_is_added_by_a_file_alone(tmp_path):
    (tmp_path / "acme_batch.py").write_text(
        "from llmjobs.providers.registry import registered\n\n@registered\nclass AcmeBatches:\n    provider = 'acme'\n    way = 'batch'\n"
    )
    program = (
        "import llmjobs.providers, sys\n"
        f"llmjobs.providers.__path__.append({str(tmp_path)!r})\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from llmjobs.providers.registry import all_ways\n"
        "print(sorted(all_ways()))\n"
        "assert 'django' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(sorted({("acme", "batch"), *all_ways()}))


def test_a_provider_is_opened_once_a_process(settings):
    settings.OPENAI_KEY = "sk-1"
    assert isinstance(doors.open_background("openai"), OpenAIResponses)
    assert isinstance(doors.open_batches("openai"), OpenAIBatches)
    assert isinstance(doors.open_batches("anthropic"), AnthropicBatches)
    assert doors.open_background("openai") is doors.open_background("openai")


def test_another_key_or_address_opens_another(settings):
    settings.OPENAI_KEY = "sk-1"
    first = doors.open_background("openai")
    settings.OPENAI_KEY = "sk-2"
    assert doors.open_background("openai") is not first
    settings.OPENAI_KEY, settings.OPENAI_URL = "sk-1", "http://127.0.0.1:1/v1"
    assert doors.open_background("openai") is not first


def test_both_ways_of_a_provider_share_a_door_and_so_its_breaker(settings, monkeypatch):
    opened: list[Door] = []

    def make(way):
        def of(door, key):
            opened.append(door)
            return way(door, key)

        return of

    ways = {name: make(way) for name, way in all_ways().items()}
    monkeypatch.setattr(doors, "all_ways", lambda: ways)
    settings.OPENAI_KEY = "sk-shared"
    doors.open_background("openai")
    doors.open_batches("openai")
    assert opened[0] is opened[1]
    assert opened[0].source == "openai"


def test_one_without_a_key_is_refused(settings):
    settings.ANTHROPIC_KEY = ""
    with pytest.raises(Refused) as caught:
        doors.open_batches("anthropic")
    assert (caught.value.reason, caught.value.account_wide) == ("not_configured", True)


def test_one_that_does_not_exist_is_said_to_be_none():
    with pytest.raises(KeyError, match="There are: openai"):
        doors.open_background("anthropic")


def test_another_stands_in_while_the_block_runs():
    class Acme:
        provider = "acme"
        way = "batch"

    acme = Acme()
    with doors.standing_in(acme):  # type: ignore[arg-type]  # it is only looked up
        assert doors.open_batches("acme") is acme
        assert ("acme", "batch") in doors.ways()
    assert ("acme", "batch") not in doors.ways()
