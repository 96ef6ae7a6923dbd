"""A purpose is found by its file alone, in whichever app that lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
#: What a new app brings: one file in its package `purposes`.
WEATHER = """
from pydantic import BaseModel

from bookops.book_purpose import BookPurpose
from bookops.purposes import Change, purpose


class Weather(BaseModel):
    confidence: float


@purpose
class Rain(BookPurpose):
    name = "rain"
    label = "Does it rain in it?"
    Answer = Weather
    template = "Does it rain in {{title}}?"

    def changes(self, target, answer, job):
        return {}
"""


def test_a_purpose_is_added_by_a_file_in_a_package_of_any_app(tmp_path):
    package = tmp_path / "almanac" / "purposes"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "rain.py").write_text(WEATHER)
    (tmp_path / "with_almanac.py").write_text("from tests.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'almanac']\n")
    program = (
        "import django\n"
        "django.setup()\n"
        "from bookops.purposes import all_purposes, purpose_named\n"
        "print(purpose_named('rain').label, 'flag' in all_purposes())\n"
    )

    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "with_almanac", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (found.stdout.strip(), found.returncode) == ("Does it rain in it? True", 0), found.stderr
