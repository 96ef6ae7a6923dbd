"""The desk's page about a book: every fact with where it came from, edits that lock, and the rows it came from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from bookops.admin import DeskAdmin, ThemedTextarea
from bookops.books import FACTS, Book
from bookops.list_actions import list_actions
from bookops.markup import ago
from bookops.markup import text as foreign
from enrichment import imports
from enrichment.admin.buttons import BOOK_BUTTONS, CHANGE_BOOK
from enrichment.asking import NAMES

#: What a person may set; genres are typed as names, one a line.
EDITABLE = [name for name in FACTS if name != "genres"]
SOURCE_NAMES = NAMES | {"export": "the export", "person": "a person"}


class BookForm(forms.ModelForm):
    """Edit facts; `facts_changed` is what edit_book wants."""

    genre_names = forms.CharField(
        label="Genres", help_text="One a line, the most fitting first.", widget=ThemedTextarea(attrs={"rows": 6}), required=False
    )

    class Meta:
        model = Book
        fields = EDITABLE
        labels = {"isbn13": "ISBN-13", "cover_url": "Cover address", "small_cover_url": "Small cover address"}
        help_texts = {"year": "Of this edition.", "original_year": "When the work first appeared; negative before our era."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "genre_names" in self.fields:
            self.initial["genre_names"] = "\n".join(genre["name"] for genre in self.instance.genres)

    def clean_genre_names(self) -> list[str]:
        """Return the names, each once."""
        lines = (line.strip() for line in self.cleaned_data["genre_names"].splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def facts_changed(self) -> dict[str, Any]:
        """Return the new values by the name of the fact."""
        return {"genres" if name == "genre_names" else name: self.cleaned_data[name] for name in self.changed_data}


@admin.register(Book)
class BookAdmin(DeskAdmin):
    """Books of all owners. Saving a fact locks it."""

    form = BookForm
    fieldsets = [
        (None, {"fields": ["title", "author", "genre_names", "language", "publisher", "pages", "year", "original_year", "isbn13"]}),
        ("Description", {"fields": ["description"]}),
        ("Flag", {"fields": ["flagged", "flagged_reason"]}),
        (
            "Covers and keys at the sources",
            {
                "fields": ["cover_url", "small_cover_url", "openlibrary_work_key", "openlibrary_edition_key", "google_volume_id"],
                "classes": ["collapse"],
            },
        ),
    ]
    list_display = ["title_shown", "author_shown", "genres_shown", "isbn13", "owner", "locks", "enriched"]
    list_filter = [("enriched_at", admin.EmptyFieldListFilter), "flagged"]
    list_select_related = ["owner"]
    search_fields = ["title", "author", "isbn13"]
    ordering = ["-id"]
    change_form_template = "enrichment/desk/book.html"
    buttons = BOOK_BUTTONS

    def list_queryset(self, books: QuerySet[Book]) -> QuerySet[Book]:
        """Leave the long columns out of the list."""
        return books.defer("description", "subjects", "provenance", "reads")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return list_actions("book", request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Books go with the imports they came from.
        return False

    @admin.display(description="title", ordering="title")
    def title_shown(self, book: Book) -> str:
        return foreign(book.title, 70)

    @admin.display(description="author", ordering="author")
    def author_shown(self, book: Book) -> str:
        return foreign(book.author, 40)

    @admin.display(description="genres")
    def genres_shown(self, book: Book) -> str:
        return foreign(", ".join(genre["name"] for genre in book.genres[:3]), 60)

    @admin.display(description="locked")
    def locks(self, book: Book) -> str:
        return foreign(", ".join(book.locked), 30)

    @admin.display(description="enriched", ordering="enriched_at")
    def enriched(self, book: Book) -> str:
        return ago(book.enriched_at)

    def save_model(self, request: HttpRequest, obj: Book, form: Any, change: bool) -> None:
        """Store what was changed, and nothing else, through the gate that locks it."""
        if changes := form.facts_changed():
            imports.edit_book(obj, changes, by=request.user)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        book = kwargs.get("obj")
        if book is not None:
            context |= {"title": book.title, "subtitle": None, "cover": ""} | self.page(request, book)
        return super().render_change_form(request, context, *args, **kwargs)

    def page(self, request: HttpRequest, book: Book) -> dict[str, Any]:
        """Return what is shown below the form."""
        stored = Book.objects.get(pk=book.pk)  # the form may have put refused values into `book`
        told = [(name, stored.provenance.get(name, {})) for name in FACTS if getattr(stored, name) not in ("", None, [])]
        return {
            "book": stored,
            "buttons": self.buttons_for(request, stored),
            "facts": [
                {
                    "name": name,
                    "label": name.replace("_", " "),
                    "value": ", ".join(genre["name"] for genre in stored.genres) if name == "genres" else getattr(stored, name),
                    "source": _source_words(origin.get("source", "")),
                    "by": origin.get("by", ""),
                    "at": datetime.fromisoformat(origin["at"]) if origin.get("at") else None,
                    "locked": name in stored.locked,
                }
                for name, origin in told
            ],
            "cover": stored.cover_url if settings.SHOW_OUTSIDE_COVERS and stored.cover_url.startswith("https://") else "",
            "subjects": [(NAMES.get(source, source), names) for source, names in stored.subjects.items()],
            "rows": stored.rows.select_related("library_import").order_by("-pk")[:20],
            "may_lock": request.user.has_perm(CHANGE_BOOK),
            "lock_address": self.address_of(stored, "lock"),
            "unlock_address": self.address_of(stored, "unlock"),
        }


def _source_words(sources: str) -> str:
    """Return "open_library+google_books" in words."""
    return " and ".join(SOURCE_NAMES.get(one, one) for one in sources.split("+")) if sources else "–"
