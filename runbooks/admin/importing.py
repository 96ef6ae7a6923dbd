"""The forms that staff begin an evaluation with: a link, or a listing typed and pasted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import lazy

from bookops.admin import ThemedFileInput, ThemedTextarea
from bookops.language_models import LanguageModel
from bookops.owned_form import OwnedForm
from runbooks.admin.examples import examples
from runbooks.images.fetching import MOST_PHOTOS
from runbooks.images.formats import ACCEPTED as PHOTO_FORMATS
from runbooks.images.formats import HEAD, refused_photo
from runbooks.links import ACCEPTED
from runbooks.plan import ABEBOOKS_FMV, CLAUDE_ANALYSIS, EBAY_FMV
from runbooks.sources.claude import NAME as CLAUDE
from runbooks.sources.records import ListingFacts, Money

#: Characters of a listing's text.
LONGEST_TEXT = 50_000


def models_to_ask() -> list[tuple[str, str]]:
    """Return the models that may read photos, as choices."""
    return [("", "As the settings say"), *((one.name, one.name) for one in LanguageModel.objects.filter(provider=CLAUDE))]


def accepted_here() -> str:
    """Return which links are taken; where the sandbox stands in for eBay, by one of a listing that it knows."""
    tried = examples()
    return f"Paste the address of a listing of the sandbox, such as {tried[0][0]}, or its item number." if tried else ACCEPTED


class LinkForm(OwnedForm):
    """Ask for a link and how to evaluate it."""

    url = forms.CharField(label="Link of the listing", help_text=lazy(accepted_here, str)(), max_length=4096)
    model = forms.ChoiceField(label="Model that looks at the photos", choices=models_to_ask, required=False)
    ebay_query = forms.CharField(
        label="Search at eBay", help_text="Empty: worded from the listing, as the rules say.", max_length=200, required=False
    )
    without = forms.MultipleChoiceField(
        label="Leave out",
        choices=[(CLAUDE_ANALYSIS, "Claude analysis"), (EBAY_FMV, "eBay comparables"), (ABEBOOKS_FMV, "AbeBooks comparables")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of start_import; what is left empty is left to the settings."""
        given = self.cleaned_data
        options: dict[str, Any] = {"model": given["model"], "without": given["without"]}
        if given["ebay_query"]:
            options["queries"] = {EBAY_FMV: given["ebay_query"]}
        return {name: value for name, value in options.items() if value}


class SeveralFiles(ThemedFileInput):
    """Let several files be chosen."""

    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Take several photos; whether they are sound is the decoder's to say, in a process of its own."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> Sequence[UploadedFile]:
        """Return the files; refuses too many, too large ones and what is no photo."""
        files = [super(PhotosField, self).clean(one, initial) for one in (data if isinstance(data, list | tuple) else [data]) if one]
        if len(files) > MOST_PHOTOS:
            raise forms.ValidationError(f"{len(files)} photos; at most {MOST_PHOTOS} are taken.")
        for one in files:
            why = refused_photo(one.name, one.size, one.read(HEAD))
            one.seek(0)
            if why:
                raise forms.ValidationError(why)
        return files


class PasteForm(OwnedForm):
    """Ask for a listing as a person sees it, where eBay gives none; `facts` is what start_pasted wants."""

    title = forms.CharField(label="Title", max_length=300)
    author = forms.CharField(label="Author", help_text="Tells works of the same title apart.", max_length=300, required=False)
    price = forms.DecimalField(
        label="Asking price",
        help_text="Empty: none is asked, as in an auction.",
        min_value=0,
        max_digits=10,
        decimal_places=2,
        required=False,
    )
    currency = forms.RegexField(r"^[A-Za-z]{3}$", label="Currency", initial="USD", help_text="Three letters, such as USD or GBP.")
    text = forms.CharField(
        label="Text",
        help_text="The seller's description.",
        max_length=LONGEST_TEXT,
        widget=ThemedTextarea(attrs={"rows": 10}),
        required=False,
    )
    condition = forms.CharField(label="Condition", help_text="As the seller names it.", max_length=100, required=False)
    seller = forms.CharField(label="Seller", max_length=100, required=False)
    photos = PhotosField(
        label="Photos",
        help_text=f"Up to {MOST_PHOTOS} {PHOTO_FORMATS} files; they are decoded apart and stored without their metadata.",
        widget=SeveralFiles(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif", "multiple": True}),
        required=False,
    )

    @property
    def facts(self) -> ListingFacts:
        given = self.cleaned_data
        price = given["price"]
        return ListingFacts(
            item_id="",
            legacy_id="",
            url="",
            title=given["title"],
            description=given["text"],
            price=Money(price, given["currency"].upper()) if price is not None else None,
            condition=given["condition"],
            seller=given["seller"],
            aspects={"Author": given["author"]} if given["author"] else {},
        )

    def read_photos(self) -> list[bytes]:
        """Return the files' bytes."""
        return [one.read() for one in self.cleaned_data["photos"]]
