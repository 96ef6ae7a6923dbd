"""The theme's lists are the theme's own, drawn with less work a row."""

import pytest
from django.contrib import admin
from unfold.admin import ModelAdmin

from bookops.books import Book
from bookops.quick_lists import action_checkbox
from tests.factories import make_book, make_owner

pytestmark = pytest.mark.django_db


def templates_of_boxes(client, books: int) -> int:
    """Return how many boxes a list of so many more books draws by a template."""
    owner = make_owner()
    for number in range(books):
        make_book(owner, title=f"Volume {number}")
    shown = client.get("/admin/bookops/book/")
    assert shown.content.count(b'name="_selected_action"') == Book.objects.count()
    return sum(template.name == "django/forms/widgets/checkbox.html" for template in shown.templates)


def test_a_box_is_the_one_that_the_theme_draws():
    book, shown_by = make_book(make_owner()), admin.site.get_model_admin(Book)

    assert action_checkbox(shown_by, book) == ModelAdmin.action_checkbox(shown_by, book)


def test_no_row_draws_a_box_or_the_headings_by_a_template_of_its_own(admin_client):
    templates_of_boxes(admin_client, 1)  # the first ever makes the pattern

    assert templates_of_boxes(admin_client, 2) == templates_of_boxes(admin_client, 3)


def test_every_cell_is_labelled_by_the_heading_of_its_column(admin_client):
    make_book(make_owner(), title="Volume 1")

    shown = admin_client.get("/admin/bookops/book/").content.decode()

    for label in ("title", "author", "genres", "owner", "locked", "enriched"):
        assert f'data-label="{label}"' in shown.lower()
