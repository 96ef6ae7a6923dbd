"""What is made for one machine is made once, works, and is nobody else's to read."""

from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model
from knox.models import AuthToken

from bookops.stack.machine import ADMIN, MachineSecrets, ensure_admin


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    made = MachineSecrets.load_or_make(path)
    assert MachineSecrets.load_or_make(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(made.secret_key) >= 50
    assert MachineSecrets.load_or_make(tmp_path / "other.json").password != made.password


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "machine.json"
    path.write_text('{"secret_key": "x"')
    assert MachineSecrets.load_or_make(path).password


@pytest.mark.django_db
def test_the_admin_can_log_in_and_its_token_is_kept(tmp_path: Path) -> None:
    kept = ensure_admin(MachineSecrets.load_or_make(tmp_path / "machine.json"))
    user = authenticate(username=ADMIN, password=kept.password)
    assert user is not None
    assert user.is_staff
    assert ensure_admin(kept) == kept
    assert AuthToken.objects.count() == 1


@pytest.mark.django_db
def test_a_token_that_ran_out_is_replaced(tmp_path: Path) -> None:
    kept = ensure_admin(MachineSecrets.load_or_make(tmp_path / "machine.json"))
    AuthToken.objects.update(expiry="2020-01-01T00:00:00Z")
    renewed = ensure_admin(kept)
    assert renewed.token != kept.token


@pytest.mark.django_db
def test_a_password_that_a_person_changed_stays(tmp_path: Path) -> None:
    kept = ensure_admin(MachineSecrets.load_or_make(tmp_path / "machine.json"))
    user = get_user_model().objects.get(username=ADMIN)
    user.set_password("theirs-and-theirs-alone")
    user.save()
    ensure_admin(kept)
    assert authenticate(username=ADMIN, password="theirs-and-theirs-alone") is not None
