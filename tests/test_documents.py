"""What the documents name in backticks or link to is really there: files, settings, addresses, metrics, commands."""

import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path, PurePosixPath

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import Resolver404, resolve
from dotenv import dotenv_values

from config.urls import websocket_urlpatterns
from tests.test_settings import PROJECT, variables_read

DOCUMENTS = [path for name in ("docs/*.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md") for path in sorted(PROJECT.glob(name))]
#: Made on a machine, not kept in the repository.
NOT_OURS = {".git", ".venv", "var", "__pycache__", "secrets"}
OUR_CODE = ("bookops", "enrichment", "runbooks", "llmjobs", "sandbox", "config", "tests")
SUFFIXES = {".py", ".md", ".yml", ".toml", ".sh", ".lua", ".html", ".css", ".js", ".txt"}
#: What may stand for a part of an address in braces.
EXAMPLES = ("7a0ff8f8-2d2f-4d2c-8f0e-6f6f0a3d8a11", "1")


def named_in(document: Path) -> Iterator[str]:
    """Yield each word in backticks and each file that is linked to, relative to the repository."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`\n]+)`", text):
        yield from (word.strip(",;()\"'…") for word in span.split())
        if command := re.search(r"(?:manage\.py|make) ([a-z_]+)", span):
            yield command[0]
    for target in re.findall(r"\]\(([^)#:\s]+)\)", text):
        yield str((document.parent / target).resolve().relative_to(PROJECT))


@cache
def files() -> list[PurePosixPath]:
    """Return every file and folder of the repository."""
    found = []
    for folder, folders, names in os.walk(PROJECT):
        folders[:] = sorted(set(folders) - NOT_OURS)
        found += [PurePosixPath(folder, name).relative_to(PROJECT) for name in (*folders, *names)]
    return found


@cache
def constants() -> set[str]:
    """Return the names that our code defines in capitals, the settings and variables among them."""
    code = [path.read_text() for name in OUR_CODE for path in (PROJECT / name).rglob("*.py")]
    defined = {name for text in code for name in re.findall(r"^\s*([A-Z][A-Z0-9_]+)(?:: [^=\n]+)? =", text, flags=re.MULTILINE)}
    made = set(re.findall(r"^([A-Z]+) \??:?=", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    variables = variables_read() | set(dotenv_values(PROJECT / ".env.example"))
    from_files = {f"{name}_FILE" for name in (*variables, "NAME")}
    return defined | made | variables | from_files | set(dir(settings)) | {"ARGS", "BOOKOPS_SHARED"}


def is_served(address: str) -> bool:
    """Say whether an address leads to a view or to a websocket's consumer."""
    plain = re.sub(r"\{[^}]*\}|<[^>]*>", "{}", address.partition("?")[0])
    for values in product(EXAMPLES, repeat=plain.count("{}")):
        filled = plain.format(*values)
        if any(route.resolve(filled.lstrip("/")) for route in websocket_urlpatterns):
            return True
        try:
            resolve(filled)
        except Resolver404:
            continue
        return True
    return False


def exists(name: str) -> bool:
    """Say whether what a document names is there; True for what is none of the kinds known here."""
    name, _, test = name.partition("::")
    if re.match(r"/(api|admin|ws|[a-z]+$)", name):
        return is_served(name)
    if command := re.fullmatch(r"manage\.py (\w+)", name):
        return command[1] in get_commands()
    if target := re.fullmatch(r"make (\w+)", name):
        return bool(re.search(rf"^{target[1]}:", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    if setting := re.fullmatch(r"([A-Z]+_[A-Z0-9_]+|[A-Z]+(?==))(=.*)?", name):
        return setting[1] in constants()
    if re.fullmatch(r"bookops_[a-z_]+", name):
        # Prometheus adds the end to a counter's name.
        told = f'"{name.removesuffix("_total")}"'
        return any(told in module.read_text() for module in PROJECT.glob("*/metrics.py"))
    if re.fullmatch(r"[\w./*-]+", name) and (_begins_here(name) or PurePosixPath(name).suffix in SUFFIXES):
        # A document may leave the beginning of a path out.
        there = [file for file in files() if file.match(name.rstrip("/"))]
        return bool(there) and (not test or any(f"def {test}(" in (PROJECT / file).read_text() for file in there))
    return True


def _begins_here(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash and first.strip(".")) and first not in NOT_OURS and (PROJECT / first).is_dir()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_what_is_there(document: Path) -> None:
    missing = sorted({name for name in named_in(document) if not exists(name)})
    assert not missing, f"{document.name} names what is not there: {', '.join(missing)}"


@pytest.mark.parametrize(
    "name",
    [
        "enrichment/no_such_file.py",
        "no_such_file.py",
        "docs/NOTHING.md",
        "tests/test_documents.py::test_nothing",
        "NO_SUCH_SETTING",
        "NO_SUCH_VALUE=1",
        "/api/nothing",
        "/api/status/{word}/no",
        "/ws/nothing/{uuid}",
        "/nothing",
        "bookops_nothing_total",
        "manage.py nothing",
        "make nothing",
    ],
)
def test_it_sees_what_is_missing(name: str) -> None:
    assert not exists(name)
