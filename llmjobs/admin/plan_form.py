"""The form that staff begin a job with: scope, model, prompt, and what is done with the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.forms import BoundField

from bookops.admin import ThemedTextarea
from bookops.clock import database_now
from bookops.language_models import LanguageModel, ModelPrice, Tier
from bookops.owned_form import OwnedForm
from bookops.purposes import Purpose, all_purposes
from llmjobs.admin.job_buttons import dollars_typed
from llmjobs.doors import ways
from llmjobs.models import LLMJob
from llmjobs.plans import PRIORITIES, Plan, Scope

Kind = LLMJob.ScopeKind
POLICIES = [("review", "A person looks at each"), ("above", "Above a confidence at once, the rest is looked at"), ("apply", "At once")]
WAYS = {"responses": "one by one", "batch": "in batches: half the price, within 24 hours"}
#: Fields of the further models are the first one's with these before their names.
OTHERS = {"other_": "Another model, too", "third_": "A third model", "fourth_": "A fourth model"}
PREFIXES = ("", *OTHERS)
LONGEST_TEXT = 20_000
OWN_WORDS = "Empty: the purpose’s own."
#: What a field of the form is called where a job refuses it.
REFUSED_AT = {"scope": "scope_kind", "asks": "model", "template": "template", "policy": "policy", "above": "above", "label": "label"}


class ClosedSelect(forms.Select):
    """Show choices that cannot be chosen any more, such as retired models."""

    closed: frozenset[str] = frozenset()

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.closed:
            option["attrs"]["disabled"] = True
        return option


class PlanForm(OwnedForm):
    """Ask what to ask, about what and of whom; `scope` and `plan` are what create_job wants."""

    #: The purpose whose words stand in the form.
    worded_for = forms.CharField(widget=forms.HiddenInput, required=False)
    ids = forms.CharField(widget=forms.HiddenInput, required=False)
    #: What the shown estimate was made of.
    estimated = forms.CharField(widget=forms.HiddenInput, required=False)
    purpose = forms.ChoiceField(label="Purpose")
    scope_kind = forms.ChoiceField(label="About", widget=forms.RadioSelect)
    label = forms.CharField(label="Name of the job", max_length=200, required=False, help_text="It stands in what the job writes.")
    system = forms.CharField(
        label="Instructions", max_length=LONGEST_TEXT, widget=ThemedTextarea(attrs={"rows": 4}), required=False, help_text=OWN_WORDS
    )
    template = forms.CharField(
        label="Prompt", max_length=LONGEST_TEXT, widget=ThemedTextarea(attrs={"rows": 10}), required=False, help_text=OWN_WORDS
    )
    policy = forms.ChoiceField(label="Answers are applied", choices=POLICIES)
    above = forms.FloatField(label="Confidence that is enough", min_value=0, max_value=1, required=False)
    cap = forms.CharField(label="May spend, US dollars", max_length=20, required=False, help_text="Empty: as much as its owner may.")
    priority = forms.ChoiceField(label="Priority", choices=[(name, name) for name in PRIORITIES], initial="normal")
    uses_kept_answers = forms.BooleanField(label="Answer from kept answers what was asked before", initial=True, required=False)
    starts_paused = forms.BooleanField(label="Only render the prompts; send when somebody resumes it", required=False)
    larger_output_tokens = forms.IntegerField(
        label="Retry an answer that was cut short with so many output tokens", min_value=1, max_value=10**6, required=False
    )
    unanswered = forms.ChoiceField(
        label="What was perhaps sent, and nobody can tell", choices=LLMJob.Unanswered.choices, initial=LLMJob.Unanswered.HOLD
    )
    expired_to = forms.ChoiceField(label="What expires in a batch goes to", widget=ClosedSelect, required=False)

    def __init__(self, *args: Any, purpose: Purpose, ids: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen_purpose = purpose
        self.chosen_ids = ids
        self.initial = {**self.worded(), **self.initial, "ids": ",".join(map(str, ids))}
        self._choice("purpose").choices = [(name, one.label) for name, one in sorted(all_purposes().items())]
        what = f"{purpose.target}s"
        about = [(Kind.IDS, f"the {len(ids):,} chosen {what if len(ids) != 1 else purpose.target}")] if ids else []
        self._choice("scope_kind").choices = [*about, (Kind.FILTERS, f"{what} that match"), (Kind.ALL, f"all {what} of the owner")]
        self._add_filters()
        self._add_models()

    def worded(self) -> dict[str, Any]:
        """Return the purpose's own words and ways."""
        defaults = self.chosen_purpose.defaults
        return {
            "worded_for": self.chosen_purpose.name,
            "purpose": self.chosen_purpose.name,
            "scope_kind": Kind.IDS if self.chosen_ids else Kind.FILTERS,
            "model": f"{defaults.provider} {defaults.way} {defaults.model}",
            "effort": defaults.effort,
            "tier": defaults.tier,
            "most_output_tokens": defaults.most_output_tokens,
            "label": self.chosen_purpose.label,
            "system": self.chosen_purpose.system,
            "template": self.chosen_purpose.template,
            "policy": defaults.policy,
            "above": defaults.above,
        }

    def _choice(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        return field

    def _add_filters(self) -> None:
        for name, is_switch in self._switches().items():
            label = name.replace("_", " ").capitalize()
            if is_switch:
                self.fields[f"filter_{name}"] = forms.ChoiceField(
                    label=label, choices=[("", "either"), ("yes", "yes"), ("no", "no")], required=False
                )
            else:
                self.fields[f"filter_{name}"] = forms.CharField(label=label, max_length=200, required=False)

    def _switches(self) -> dict[str, bool]:
        """Return the purpose's filters, each with whether it is answered by yes or no."""
        rows = self.chosen_purpose.targets(self.user.pk).model
        return {name: is_yes_or_no(rows, lookup) for name, lookup in getattr(self.chosen_purpose, "FILTERS", {}).items()}

    def _add_models(self) -> None:
        known = list(LanguageModel.objects.prefetch_related("prices"))
        choices, closed = model_choices(known)
        efforts = list(dict.fromkeys(effort for model in known for effort in model.efforts))
        for prefix in PREFIXES:
            none = [("", "none")] if prefix else []
            self.fields[f"{prefix}model"] = forms.ChoiceField(
                label=OTHERS.get(prefix, "Model"), choices=[*none, *choices], widget=ClosedSelect, required=not prefix
            )
            self.fields[f"{prefix}model"].widget.closed = closed
            self.fields[f"{prefix}effort"] = forms.ChoiceField(
                label="Effort", choices=[("", "the model's own"), *((one, one) for one in efforts)], required=False
            )
            self.fields[f"{prefix}tier"] = forms.ChoiceField(
                label="Tier", choices=[one for one in Tier.choices if one[0] != Tier.BATCH], required=False
            )
            self.fields[f"{prefix}most_output_tokens"] = forms.IntegerField(
                label="Output tokens at most", min_value=1, max_value=10**6, required=False
            )
        self._choice("expired_to").choices = [("", "the same model again"), *choices]
        self.fields["expired_to"].widget.closed = closed

    def clean_ids(self) -> tuple[int, ...]:
        """Return the ids that were chosen in a list."""
        return ids_typed(self.cleaned_data["ids"])

    def clean_cap(self) -> int | None:
        """Return microdollars."""
        return dollars_typed(self.cleaned_data["cap"])

    @property
    def scope(self) -> Scope:
        """Return what the job is about."""
        given = self.cleaned_data
        if given["scope_kind"] == Kind.IDS:
            return Scope(Kind.IDS, ids=given["ids"])
        if given["scope_kind"] == Kind.ALL:
            return Scope(Kind.ALL)
        typed = {name: given[f"filter_{name}"].strip() for name in self._switches()}
        kept = {name: words == "yes" if self._switches()[name] else words for name, words in typed.items() if words}
        if not kept:
            raise ValidationError({"scope": "Name something that has to match, or choose all."})
        return Scope(Kind.FILTERS, filters=kept)

    @property
    def plan(self) -> Plan:
        """Return how the job asks, and what it does with the answers."""
        given = self.cleaned_data
        provider, way, model = given["expired_to"].split(" ", 2) if given["expired_to"] else ("", "", "")
        return Plan(
            label=given["label"],
            system=given["system"],
            template=given["template"],
            asks=tuple(self._ask(prefix) for prefix in PREFIXES if given[f"{prefix}model"]),
            policy=given["policy"],
            above=given["above"],
            priority=PRIORITIES[given["priority"]],
            cap=given["cap"],
            uses_kept_answers=given["uses_kept_answers"],
            starts_paused=given["starts_paused"],
            larger_output_tokens=given["larger_output_tokens"],
            unanswered=given["unanswered"],
            expired_to={"provider": provider, "way": way, "model": model} if model else {},
        )

    def _ask(self, prefix: str) -> dict[str, Any]:
        given = self.cleaned_data
        provider, way, model = given[f"{prefix}model"].split(" ", 2)
        return {
            "provider": provider,
            "way": way,
            "model": model,
            "effort": given[f"{prefix}effort"],
            "tier": given[f"{prefix}tier"],
            "most_output_tokens": given[f"{prefix}most_output_tokens"],
        }

    def digest(self) -> str:
        """Return what tells this form from one with anything else in it."""
        told = sorted((name, str(self[name].data)) for name in self.fields if name != "estimated")
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def refuse(self, error: ValidationError) -> None:
        """Show what a job refused beside the field that it is about."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, messages in error.message_dict.items():
            for message in messages:
                self.add_error(REFUSED_AT.get(name, name if name in self.fields else None), message)

    # The sections of the page.

    @property
    def owner_fields(self) -> list[BoundField]:
        return [self["owner"]] if "owner" in self.fields else []

    @property
    def filters(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith("filter_")]

    @property
    def model_fields(self) -> list[BoundField]:
        return self._bound("model", "effort", "tier", "most_output_tokens")

    @property
    def other_models(self) -> list[list[BoundField]]:
        return [self._bound(*(f"{prefix}{name}" for name in ("model", "effort", "tier", "most_output_tokens"))) for prefix in OTHERS]

    @property
    def prompt_fields(self) -> list[BoundField]:
        return self._bound("label", "system", "template")

    @property
    def answer_fields(self) -> list[BoundField]:
        return self._bound("policy", "above", "cap", "priority")

    @property
    def rare_fields(self) -> list[BoundField]:
        return self._bound("uses_kept_answers", "starts_paused", "larger_output_tokens", "unanswered", "expired_to")

    def _bound(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names]


def model_choices(known: Iterable[LanguageModel]) -> tuple[list[Any], frozenset[str]]:
    """Return the models by provider and way with what they cost, and which of the choices are retired."""
    today = database_now().date()
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {key: [] for key in sorted(ways(), key=lambda key: (key[0] != "openai", key))}
    closed = set()
    for model in known:
        for (provider, way), choices in groups.items():
            if provider != model.provider:
                continue
            choice = f"{provider} {way} {model.name}"
            choices.append((choice, _words(model, is_retired=model.is_retired(today))))
            if model.is_retired(today):
                closed.add(choice)
    titled = [(f"{provider}, {WAYS.get(way, way)}", choices) for (provider, way), choices in groups.items() if choices]
    return titled, frozenset(closed)


def _words(model: LanguageModel, *, is_retired: bool) -> str:
    if is_retired:
        return f"{model.name}: retired {model.retires_on}" + (f", use {model.successor}" if model.successor else "")
    prices: list[ModelPrice] = sorted(model.prices.all(), key=lambda price: price.from_day)
    cost = (
        f" (${prices[-1].input.normalize():f} in, ${prices[-1].output.normalize():f} out a million)" if prices else " (no price is known)"
    )
    ends = f", until {model.retires_on}" if model.retires_on else ""
    return f"{model.name}{cost}{ends}"


def is_yes_or_no(rows: type[models.Model], lookup: str) -> bool:
    """Say whether a filter is answered by yes or no."""
    if lookup.endswith("__isnull"):
        return True
    try:
        return isinstance(rows._meta.get_field(lookup), models.BooleanField)
    except FieldDoesNotExist:
        return False


def ids_typed(words: str) -> tuple[int, ...]:
    """Return the ids in a list with commas; what is none is left out."""
    return tuple(dict.fromkeys(int(one) for one in words.split(",") if one.isascii() and one.isdigit() and len(one) < 19))


def as_initial(job: LLMJob) -> Mapping[str, Any]:
    """Return what the form of a job like this one begins with."""
    asks = {
        # A batch has no other tier to choose.
        f"{prefix}{name}": "" if ask[name] == Tier.BATCH else ask[name]
        for prefix, ask in zip(PREFIXES, job.asks, strict=False)
        for name in ("effort", "tier", "most_output_tokens")
    }
    chosen = {f"{prefix}model": f"{ask['provider']} {ask['way']} {ask['model']}" for prefix, ask in zip(PREFIXES, job.asks, strict=False)}
    names = {number: name for name, number in PRIORITIES.items()}
    return {
        **asks,
        **chosen,
        "label": f"{job.label} (again)"[:200],
        "system": job.system,
        "template": job.template,
        "policy": job.policy,
        "above": job.above,
        "cap": f"{job.cap / 1_000_000:g}" if job.cap is not None else "",
        "priority": names.get(job.priority, "normal"),
        "uses_kept_answers": False,
        "larger_output_tokens": job.larger_output_tokens,
        "unanswered": job.unanswered,
        "expired_to": " ".join(job.expired_to[name] for name in ("provider", "way", "model")) if job.expired_to else "",
        "owner": job.owner.get_username(),
    }
