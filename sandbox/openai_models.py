"""The models the sandbox's OpenAI has, what each takes, and when it is shut down (https://platform.openai.com/docs/deprecations)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sandbox.openai_errors import no_such_model, retired_model

_GPT_5 = ("minimal", "low", "medium", "high")
_LATER = ("none", "low", "medium", "high", "xhigh")
_SIX = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """A model; `efforts` is empty for one that does not reason."""

    name: str
    #: The day in the name of its snapshot, by which answers call it.
    released: date
    context_tokens: int
    most_output_tokens: int
    #: Prompt tokens that all unfinished batches of this model may hold together.
    enqueued_tokens: int
    efforts: tuple[str, ...]
    default_effort: str = "medium"
    shut_down: date | None = None

    @property
    def snapshot(self) -> str:
        return f"{self.name}-{self.released.isoformat()}"

    def as_dict(self) -> dict[str, Any]:
        """Return what `GET /v1/models` says of it."""
        created = datetime.combine(self.released, datetime.min.time(), UTC)
        return {"id": self.name, "object": "model", "created": int(created.timestamp()), "owned_by": "system"}

    def is_gone(self, now: float) -> bool:
        """Tell whether it is past its shutdown date."""
        return self.shut_down is not None and datetime.fromtimestamp(now, UTC).date() >= self.shut_down


MODELS = (
    Model("gpt-6-astra", date(2026, 7, 15), 1_000_000, 128_000, 2_000_000, _SIX),
    Model("gpt-6.1-sol", date(2026, 10, 1), 1_000_000, 128_000, 2_000_000, ("low", "medium", "high", "xhigh", "max")),
    Model("gpt-6-sol", date(2026, 7, 15), 1_000_000, 128_000, 2_000_000, _SIX),
    Model("gpt-6.1-terra", date(2026, 10, 1), 1_000_000, 128_000, 5_000_000, _SIX),
    Model("gpt-6-luna", date(2026, 7, 15), 1_000_000, 128_000, 20_000_000, _SIX),
    Model("gpt-5.6-sol", date(2026, 5, 20), 1_000_000, 128_000, 2_000_000, _LATER),
    Model("gpt-5.6-terra", date(2026, 5, 20), 1_000_000, 128_000, 5_000_000, _LATER),
    Model("gpt-5.6-luna", date(2026, 5, 20), 1_000_000, 128_000, 2_000_000, _LATER),
    Model("gpt-5.5", date(2026, 4, 23), 1_000_000, 128_000, 2_000_000, _LATER),
    Model("gpt-5.4", date(2026, 3, 5), 1_000_000, 128_000, 2_000_000, _LATER),
    Model("gpt-5.4-mini", date(2026, 3, 17), 400_000, 128_000, 20_000_000, _LATER),
    Model("gpt-5.4-nano", date(2026, 3, 17), 400_000, 128_000, 20_000_000, _LATER, shut_down=date(2027, 4, 1)),
    Model("gpt-5.1", date(2025, 11, 13), 400_000, 128_000, 2_000_000, ("none", "low", "medium", "high"), "none", date(2027, 4, 1)),
    Model("gpt-5", date(2025, 8, 7), 400_000, 128_000, 2_000_000, _GPT_5, shut_down=date(2026, 12, 11)),
    Model("gpt-5-mini", date(2025, 8, 7), 400_000, 128_000, 20_000_000, _GPT_5, shut_down=date(2026, 12, 11)),
    Model("gpt-5-nano", date(2025, 8, 7), 400_000, 128_000, 20_000_000, _GPT_5, shut_down=date(2026, 12, 11)),
    Model("o3", date(2025, 4, 16), 200_000, 100_000, 2_000_000, ("low", "medium", "high"), shut_down=date(2026, 12, 11)),
    Model("o4-mini", date(2025, 4, 16), 200_000, 100_000, 2_000_000, ("low", "medium", "high"), shut_down=date(2026, 10, 23)),
    Model("gpt-4.1", date(2025, 4, 14), 1_047_576, 32_768, 2_000_000, (), shut_down=date(2027, 1, 14)),
    Model("gpt-4o", date(2024, 8, 6), 128_000, 16_384, 2_000_000, (), shut_down=date(2027, 1, 14)),
)

_BY_NAME = {name: model for model in MODELS for name in (model.name, model.snapshot)}


def model_called(name: str, now: float) -> Model:
    """Return a model by its name or its snapshot's; raise Refused when there is none, or no longer."""
    model = _BY_NAME.get(name)
    if model is None:
        raise no_such_model(name)
    if model.is_gone(now):
        raise retired_model(name)
    return model
