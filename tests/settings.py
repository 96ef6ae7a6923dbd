"""The project's settings as tests want them: fast hashing, no outside, and servers and files of this run only.

Each process of a run (pytest-xdist starts several) has a folder of its own and, on the socket named here, a Valkey that
tests/conftest.py starts. TEST_REDIS_URL and TEST_DATABASE_URL name other servers; what a person set for the product is left alone.
"""

import atexit
import os
import shutil
from pathlib import Path

from bookops.stack.sockets import private_folder
from tests import migrated

RUN_DIR = private_folder("bookops-t-", longest_name="v.sock")
atexit.register(shutil.rmtree, RUN_DIR, ignore_errors=True)
os.environ["VAR_DIR"] = str(RUN_DIR)
os.environ["REDIS_URL"] = os.environ.get("TEST_REDIS_URL") or f"unix://{RUN_DIR}/v.sock"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
os.environ["ENVIRONMENT"] = "development"

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASE, DATABASE_IS_SQLITE  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Static files are found when they are asked for: each test client would list them all anew.
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if DATABASE_IS_SQLITE:
    # In a file: threads and worker processes of a test see it too.
    DATABASE["TEST"] = {"NAME": str(Path(RUN_DIR) / "test.sqlite3")}
elif template := os.environ.get(migrated.VARIABLE):
    DATABASE["TEST"] = {"TEMPLATE": template}
