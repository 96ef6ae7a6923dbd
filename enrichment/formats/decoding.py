"""Which encoding a file is in, settled over the whole file before anything of it is read."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from .entry import ExportRefused

_CHUNK = 1 << 18

_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
    (b"<!", "a web page"),
    (b"<?xml", "an XML document"),
    (b"<html", "a web page"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
)
_SAVE_AS_UTF8 = "Upload the export as it was downloaded, or save it again as “CSV UTF-8”."
_TOO_LARGE = "The file is larger than {:.0f} MB. Part it, keep the header in each part, and upload the parts one by one."

_PAGES = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2", "iso8859-9", "iso8859-13", "iso8859-15")


def _meanings(byte: int) -> set[str]:
    return {bytes([byte]).decode(page, errors="replace") for page in _PAGES}


# Letters that every Windows and ISO page for Latin script writes with the same byte: é, ö, ß are in, è and ñ are not (č and ń elsewhere).
_AGREED = b"".join(bytes([byte]) for byte in range(0xC0, 0x100) if len(_meanings(byte)) == 1 and bytes([byte]).decode("cp1252").isalpha())
# Certain are such a letter beside ASCII letters (a Cyrillic or Greek word would have none), a curly apostrophe in an English ending (in a Mac's
# encoding that byte is í), and quotes and dashes that stand where no letter could.
_CERTAIN = re.compile(
    rb"(?:(?<=[A-Za-z])[" + re.escape(_AGREED) + rb"]|[" + re.escape(_AGREED) + rb"](?=[A-Za-z]))(?![\x80-\xff])"
    rb"|(?<=[A-Za-z])\x92(?=(?:s|t|d|m|re|ve|ll)\b)"
    rb"|(?<![A-Za-z\x80-\xff])[\x91\x93](?=[A-Za-z0-9])|(?<=[A-Za-z0-9.,!?])[\x92\x94](?![A-Za-z\x80-\xff])|(?<=[ 0-9])[\x96\x97](?=[ 0-9])"
)
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Name the codec a file decodes with, and how many lines it has at most."""

    #: For Python's codecs.
    codec: str
    #: For people: "utf-8", "utf-16", "cp1252".
    name: str
    lines: int


def settle_encoding(stream: BinaryIO, *, max_bytes: int) -> Encoding:
    """Return the file's encoding; the stream is left at its start.

    Reads the whole file once, a chunk at a time. UTF-8 is certain because nothing else decodes as it; UTF-16 needs its byte order mark; a
    Windows code page is certain only when each of its bytes means the same in all of them. Raises `ExportRefused` for everything else.
    """
    stream.seek(0)
    head = stream.read(_CHUNK)
    _refuse_other_types(head)
    codec, name = _announced(head)
    decoder = codecs.getincrementaldecoder(codec)(errors="surrogatepass")
    size = lines = 0
    ascii_so_far = True
    stream.seek(0)
    try:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise ExportRefused("file_too_large", _TOO_LARGE.format(max_bytes / 1_000_000), status_hint=413)
            text = decoder.decode(chunk)
            lines += text.count("\n") or text.count("\r")
            ascii_so_far = ascii_so_far and text.isascii()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        if codec != "utf-8" or not (ascii_so_far and before.isascii()):
            line = lines + before.count(b"\n") + 1
            raise ExportRefused(
                "encoding_broken", f"Line {line} is not valid {name}: the file is damaged or cut off. {_SAVE_AS_UTF8}"
            ) from error
        codec = name = "cp1252"
        lines = _check_code_page(stream)
    stream.seek(0)
    return Encoding(codec, name, lines + 1)


def _refuse_other_types(head: bytes) -> None:
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise ExportRefused("file_empty", "The file is empty. Download the export again and upload it unchanged.")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for magic, kind in _NOT_TEXT:
        if start[: len(magic)].lower() == magic.lower():
            raise ExportRefused("not_csv", f"The file is {kind}, no CSV file. Upload the .csv file that the service's export gives you.")


def _announced(head: bytes) -> tuple[str, str]:
    """Return codec and name as the byte order mark announces them, UTF-8 without one."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise ExportRefused("encoding_unknown", f"Line 1: the file is in UTF-32. {_SAVE_AS_UTF8}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "utf-8"
    first_line = re.split(rb"[\r\n]", head.lstrip(b"\r\n"), maxsplit=1)[0]
    if b"\0" in first_line:
        raise ExportRefused("not_csv", f"Line 1 holds zero bytes: the file is binary, or UTF-16 without its mark. {_SAVE_AS_UTF8}")
    return "utf-8", "utf-8"


def _check_code_page(stream: BinaryIO) -> int:
    """Return the number of lines when each byte of the file is certain as cp1252; raise `ExportRefused` at the first that is not."""
    stream.seek(0)
    number = 0
    line = stream.readline(_CHUNK)
    while line:
        if _HIGH.search(line):
            doubtful = _HIGH.search(_CERTAIN.sub(lambda match: b"?" * len(match[0]), line))
            if doubtful:
                raise ExportRefused(
                    "encoding_unknown",
                    f"Line {number + 1}, character {doubtful.start() + 1}: the file is not UTF-8, and byte 0x{doubtful[0][0]:02X} means different "
                    f"letters in different encodings. {_SAVE_AS_UTF8}",
                )
        number += max(line.count(b"\n"), line.count(b"\r"), 1)
        line = stream.readline(_CHUNK)
    return number
