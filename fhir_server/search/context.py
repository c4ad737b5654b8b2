"""What the meaning of a search value depends on besides its text.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from fhir_server.kernel.errors import Issue, NotSupported


class Terminology(Protocol):
    """Codes as (system, code) pairs; each method returns None for what it does not know."""

    def members(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        """Return the codes of a value set."""

    def below(self, system: str, code: str) -> Sequence[tuple[str, str]] | None:
        """Return a code and all that it subsumes."""

    def above(self, system: str, code: str) -> Sequence[tuple[str, str]] | None:
        """Return a code and all that subsume it."""


class NoTerminology:
    """Knows nothing, so that modifiers which need codes are refused."""

    def members(self, value_set: str) -> None:
        raise _refusal(f"the value set {value_set[:200]}")

    def below(self, system: str, code: str) -> None:
        raise _refusal(f"the codes below {code[:60]!r} of {system[:200]}")

    def above(self, system: str, code: str) -> None:
        raise _refusal(f"the codes above {code[:60]!r} of {system[:200]}")


def _refusal(what: str) -> NotSupported:
    return NotSupported(Issue("not-supported", f"{what} cannot be looked up here"))


@dataclass(frozen=True, slots=True)
class Context:
    """Shape: `now` decides how near "ap" is (None: nothing is near); links to `base_url` are to this server."""

    now: datetime | None = None
    zone: tzinfo = UTC
    base_url: str = ""
    terminology: Terminology = field(default_factory=NoTerminology)
