"""The side bar shows each what they may open, and what is opened each day first."""

import pytest
from django.test import RequestFactory

from bookops.navigation import DAILY, navigation
from bookops.staff_groups import VIEWER
from tests.desk import make_staff
from tests.factories import make_owner

pytestmark = pytest.mark.django_db


def titles_for(user) -> list[tuple[str, list[str]]]:
    request = RequestFactory().get("/admin/")
    request.user = user
    return [(str(group["title"]), [str(item["title"]) for item in group["items"]]) for group in navigation(request)]


def test_what_is_opened_each_day_comes_first_and_every_table_once():
    groups = titles_for(make_owner(is_staff=True, is_superuser=True))
    assert groups[0] == ("", ["Library imports", "Books", "Executions", "Evaluation runbooks", "LLM jobs", "Proposals"])
    assert len(groups[0][1]) == len(DAILY)
    assert [title for title, _ in groups[1:5]] == ["Library imports", "Evaluation runbooks", "LLM jobs", "Books and background work"]
    assert "Library imports" not in groups[1][1]


def test_who_may_view_sees_no_accounts_and_who_may_nothing_sees_nothing():
    assert "Authentication and Authorization" not in [title for title, _ in titles_for(make_staff(VIEWER))]
    assert titles_for(make_owner(is_staff=True)) == []


def test_who_logs_in_on_the_login_page_itself_gets_to_the_desk(client):
    staff = make_staff(VIEWER)
    staff.set_password("a long enough one")
    staff.save()
    answer = client.post("/admin/login/", {"username": staff.username, "password": "a long enough one"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
