"""What was found a moment ago and is only referred to: practitioners, organizations and locations named in passing.

Nearly every message names the same few; asking for them each time would be half of all that is asked.
"""

from collections import OrderedDict
from collections.abc import Callable

_MOST = 20_000
_SECONDS = 60.0
"""For so long a resource that somebody deletes or merges may still be referred to."""

_TYPES = frozenset({"Device", "Location", "MessageHeader", "Organization", "Practitioner", "PractitionerRole"})


class Known:
    """References by type and key, for a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._found: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def get(self, type_: str, key: str) -> str | None:
        """Return the reference of the resource that has a key, None when it was not seen of late."""
        reference, until = self._found.get((type_, key), (None, 0.0))
        return reference if until > self._now() else None

    def put(self, type_: str, key: str, reference: str) -> None:
        """Remember what is stored, if it is of a type that is mostly referred to."""
        if type_ in _TYPES:
            now = self._now()
            self._found[type_, key] = reference, now + _SECONDS
            self._found.move_to_end((type_, key))
            while len(self._found) > _MOST or next(iter(self._found.values()))[1] <= now:
                self._found.popitem(last=False)
