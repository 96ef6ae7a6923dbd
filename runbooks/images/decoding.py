"""Photos made safe: a few warm processes of their own decode them, and what becomes of those harms nobody here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bookops.outbound.wire import PlainSocket
from runbooks.images.refusals import ImageRefused, Refusal

MAX_BYTES = 15_000_000
#: Seconds for one image, from handing it over to the last byte of the answer.
LONGEST = 5.0
#: Seconds for a process to start; a busy machine takes its time.
LONGEST_START = 30.0
#: Images after which a process is replaced: what one of them left behind meets no more than these.
IMAGES_EACH = 100

COMMAND = (sys.executable, "-s", "-P", "-B", "-m", "runbooks.images.decoder_process")

_JPEG = b"\xff\xd8\xff"
_LARGEST_LINE = 500
_PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold a JPEG that was made here: no metadata, upright, on white."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Hold one photo in the sizes in which it is used."""

    full: Picture
    #: For a model: at most reducing.PHOTO_TOKENS.
    reduced: Picture
    #: For a page of many.
    thumbnail: Picture
    #: SHA-256 of `full`, so that the same pixels are the same photo whatever their metadata; in hexadecimal.
    digest: str
    #: "JPEG", "PNG", "WEBP" or "GIF".
    format_before: str
    bytes_before: int


class Decoder:
    """Decode in processes that are started when first needed and kept; may be shared by any number of threads, and survives a fork."""

    def __init__(
        self,
        *,
        processes: int | None = None,
        images_each: int = IMAGES_EACH,
        longest: float = LONGEST,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Up to `processes` at once, by default one for each processor; `longest` is in seconds."""
        self._count = processes or len(os.sched_getaffinity(0))
        self._images_each = images_each
        self._longest = longest
        self._command = command
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def prepare(self, data: bytes, *, patience: float = 60.0) -> Prepared:
        """Return the image in all its sizes; raises ImageRefused and nothing else.

        `patience` is how many seconds to wait while all processes are busy.
        """
        if len(data) > MAX_BYTES:
            raise ImageRefused(Refusal.TOO_LARGE, f"{len(data)} bytes")
        with self._process(patience) as process:
            return process.prepare(data, self._longest)

    @property
    def idle(self) -> list[int]:
        """Return the process ids of those that wait for an image."""
        return [process.pid for process in list(self._idle)]

    def warm(self) -> None:
        """Start one process ahead of the first image; where that fails, the first image will say so."""
        with contextlib.suppress(ImageRefused), self._process(patience=0.0):
            pass

    def close(self) -> None:
        """End the idle processes; the next image starts another."""
        while self._idle:
            self._idle.pop().end()

    @contextmanager
    def _process(self, patience: float) -> Iterator[_Process]:
        """Lend a process, and end it instead of taking it back in the middle of an image: it failed, or its borrower was interrupted."""
        if not self._turns.acquire(timeout=patience):
            raise ImageRefused(Refusal.NO_DECODER, "all are busy")
        try:
            process = self._take()
            try:
                yield process
            finally:
                if process.is_between_images and process.images < self._images_each:
                    self._idle.append(process)
                else:
                    process.end()
        finally:
            self._turns.release()

    def _take(self) -> _Process:
        with contextlib.suppress(IndexError):
            while True:
                process = self._idle.pop()
                if process.is_alive:
                    return process
                process.end()
        try:
            return _Process(self._command)
        except OSError as error:
            raise ImageRefused(Refusal.NO_DECODER, f"it did not start ({type(error).__name__})") from error

    def _forget(self) -> None:
        """Start with none: after a fork those known are the parent's, and share their socket with it."""
        for process in getattr(self, "_idle", ()):
            process.disown()
        self._idle: deque[_Process] = deque()
        self._turns = threading.BoundedSemaphore(self._count)


@cache
def shared_decoder() -> Decoder:
    """Return the decoder of this process."""
    return Decoder()


class _Process:
    """Talk to one `decoder_process`."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it and wait until it is ready; raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - a command of ours, without a shell
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    cwd=_PROJECT,
                    env={"PYTHONPATH": str(_PROJECT)},  # nothing else: our environment holds secrets
                    start_new_session=True,  # whoever stops us from a terminal lets it finish
                )
            except BaseException:
                ours.close()
                raise
        self.images = 0
        self.is_between_images = True
        self._socket = PlainSocket(fileno=ours.detach())
        self._answers = self._socket.makefile("rb")
        self._await_start()

    def _await_start(self) -> None:
        is_ready = False
        try:
            self._set_deadline(LONGEST_START)
            is_ready = self._answers.read(1) == b"\n"
        finally:
            if not is_ready:
                self.end()
        if not is_ready:
            raise OSError("it did not start")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def prepare(self, data: bytes, longest: float) -> Prepared:
        """Return what it made of the image; raises ImageRefused."""
        self.images += 1
        self.is_between_images = False
        self._set_deadline(longest)
        try:
            self._socket.sendall(struct.pack("!I", len(data)) + data)
            said = json.loads(self._answers.readline(_LARGEST_LINE))
            if "refused" in said:
                refused = ImageRefused(Refusal(said["refused"]), str(said["detail"]))
                self.is_between_images = True
                raise refused
            full, reduced, thumbnail = (self._picture(*measures) for measures in said["jpegs"])
            digest = hashlib.sha256(full.jpeg).hexdigest()
            prepared = Prepared(full, reduced, thumbnail, digest, format_before=str(said["format"]), bytes_before=len(data))
            self.is_between_images = True
            return prepared
        except TimeoutError:
            raise ImageRefused(Refusal.TIMEOUT, f"more than {longest:g} s") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            # It hung up half-way, or an image has taken it over and it says what it likes.
            raise self._last_words() from error

    def end(self) -> None:
        """Kill it and forget it."""
        self._hang_up()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """Let go of a process that belongs to our parent."""
        self._hang_up()
        self._process.returncode = 0  # keeps Popen from waiting for a child that is not ours

    def _set_deadline(self, seconds: float) -> None:
        self._socket.start(time.monotonic() + seconds, seconds)

    def _picture(self, width: int, height: int, size: int) -> Picture:
        if not all(type(measure) is int and 0 < measure <= MAX_BYTES for measure in (width, height, size)):
            raise ValueError("not the measures of a JPEG")
        jpeg = self._answers.read(size)
        if len(jpeg) != size or not jpeg.startswith(_JPEG):
            raise ValueError("not a JPEG")
        return Picture(jpeg, width, height)

    def _last_words(self) -> ImageRefused:
        """Tell a process that used up its processor time from one that died."""
        self._hang_up()
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1.0)
            if code == -signal.SIGXCPU:
                return ImageRefused(Refusal.TIMEOUT, "processor time used up")
            return ImageRefused(Refusal.CRASHED, f"exit code {code}")
        return ImageRefused(Refusal.CRASHED, "it answered nonsense")

    def _hang_up(self) -> None:
        self._answers.close()
        self._socket.close()
