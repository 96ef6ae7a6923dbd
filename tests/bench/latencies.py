"""How long the sandbox takes to answer an evaluation's calls, as the real third parties do about."""

from __future__ import annotations

from collections.abc import Mapping

#: Seconds by third party.
Latencies = Mapping[str, float]

#: Claude's would be some eight seconds; the shorter it is, the more what the product adds stands out.
REALISTIC: Latencies = {"ebay": 0.3, "ebayimg": 0.15, "anthropic": 2.0, "abebooks": 0.5}
SHORT: Latencies = {"ebay": 0.02, "ebayimg": 0.02, "anthropic": 0.1, "abebooks": 0.05}


def told(latencies: Latencies) -> str:
    """Return them for a reader."""
    return ", ".join(f"{name} {seconds:g} s" for name, seconds in latencies.items())
