"""Between tests that commit the tables are emptied, but for what the models alone have put there."""

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType

from bookops.books import Book
from enrichment.models import ImportRow
from tests.emptying import empty_tables
from tests.factories import make_row


@pytest.mark.django_db(transaction=True)
def test_rows_that_refer_to_each_other_go_and_permissions_stay():
    make_row()
    kept = [set(model.objects.values_list("pk", flat=True)) for model in (Permission, ContentType)]
    assert all(kept)
    assert all(model.objects.exists() for model in (User, Book, ImportRow))
    empty_tables()
    assert not any(model.objects.exists() for model in (User, Book, ImportRow))
    assert [set(model.objects.values_list("pk", flat=True)) for model in (Permission, ContentType)] == kept
