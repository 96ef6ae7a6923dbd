"""The exit code of every command whose arguments cannot be meant: argparse's own."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from bookops.asked_wrongly import AskedWrongly

NOBODY = "nobody"
NO_ID = "00000000-0000-0000-0000-000000000000"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["import_library", "library.csv", "--owner", NOBODY], "createsuperuser --username nobody"),
        (["import_status", NO_ID], "There is no import"),
        (["retry_row", NO_ID, "1"], "There is no import"),
        (["run_runbook", "https://www.ebay.com/itm/1", "--owner", NOBODY], "no user 'nobody'"),
        (["retry_step", NO_ID, "claude_analysis"], "There is no execution"),
        (["rescore", "--owner", NOBODY], "no user 'nobody'"),
        (["load_reference_data", "--owner", NOBODY], "no user 'nobody'"),
        (["submit_llm_job", "flag", "--owner", NOBODY], "no user 'nobody'"),
        (["llm_job_status", NO_ID], "There is no job"),
        (["cancel_llm_job", NO_ID], "There is no job"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_named_and_is_not_there_was_asked_wrongly(command, words):
    with pytest.raises(AskedWrongly, match=words) as refused:
        call_command(*command)
    assert refused.value.returncode == 2
