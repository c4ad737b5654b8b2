"""What the bridge needs of the world: a store to write to, a way to look into it, a journal. Each has two forms.

Inside of the server these are its own interactions and MongoDB; alone they are any FHIR server and a SQLite file.
Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

Resource: TypeAlias = dict[str, Any]
"""A FHIR resource in its JSON shape; never changed in place."""


class StoreError(Exception):
    """The store did not do what it was asked; the text holds no patient data."""


class Conflict(StoreError):
    """Another writer was faster: look again, decide again."""


class Refused(StoreError):
    """The store will not take this, however often it is tried.

    Shape: `issues` are (place in the Bundle, what is wrong)
    """

    def __init__(self, *issues: tuple[str, str]) -> None:
        self.issues = issues
        super().__init__("; ".join(f"{place}: {text}" if place else text for place, text in issues))


class Unavailable(StoreError):
    """The store cannot be reached, or has no time: the same may work in a moment."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which resources of a type do these criteria (a query string) mean?"""

    type: str
    criteria: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A name for which others compete, and the number that tells whether one of them has taken it since."""

    key: str
    seen: int


class Sink(Protocol):
    """Where transactions go."""

    @property
    def gives_ids(self) -> bool:
        """Whether only the store may choose the ids of new resources."""

    async def submit(self, bundle: Resource, claims: Sequence[Claim] = ()) -> None:
        """Store all entries of a transaction Bundle, or none; return once they are durable.

        Errors: Conflict (also when somebody has taken one of `claims` since it was seen), Refused, Unavailable
        """


class Lookup(Protocol):
    """What is stored now."""

    async def find(self, questions: Sequence[Question]) -> Sequence[Sequence[Resource]]:
        """Return for each question what it finds: one resource, none, or at least two where it is ambiguous.

        Errors: Refused for criteria that the store does not understand, Unavailable
        """

    async def claims(self, keys: Sequence[str]) -> Sequence[Claim]:
        """Return names as they are now, to be taken by `Sink.submit`; read them before what they are to protect.

        A store that knows of no names returns none: then two writers at the same moment may both be the first.
        Errors: Unavailable
        """

    async def search(self, type_: str, criteria: str, limit: int) -> Sequence[Resource]:
        """Return the first of the resources that fit a query string.

        Errors: Refused for criteria that the store does not understand, Unavailable
        """

    async def read(self, references: Collection[str]) -> dict[str, Resource]:
        """Return those of the resources ("Patient/1") that exist, by reference."""

    async def referring(self, reference: str) -> Sequence[Resource]:
        """Return every resource that refers to one."""

    async def later(self, references: Collection[str], moment: str) -> frozenset[str]:
        """Return those of the resources that an event after `moment` (a FHIR dateTime) has changed or confirmed.

        A Provenance tells it: each message leaves one, with the time of its event and all that it was about.
        """


State = Literal["received", "done", "dead"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a message was not processed: a code of table 0357, the place ("PID-3.1"), a text without patient data."""

    code: str
    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message in the journal.

    Shape: `id` as `inbound.letters` makes it; `sender` is "MSH-3|MSH-4"; `type` is "ORU^R01"; `digest` is that of the
           body as it came, `raw` may have been edited since; `ack` is what was answered last
    """

    id: str
    sender: str
    control_id: str
    type: str
    digest: str
    raw: bytes
    received: datetime
    state: State = "received"
    ack: bytes = b""
    reason: Reason | None = None
    edited: bool = False


class Journal(Protocol):
    """Every message as it came, and what became of it."""

    async def save(self, letter: Letter) -> Letter | None:
        """Keep a letter; return what already stands under its id, which then stays as it is.

        It is durable at the latest when its message is stored, or it is noted as dead.

        Errors: Unavailable
        """

    async def done(self, id_: str, ack: bytes) -> None:
        """Note that a letter was processed, and its acknowledgement."""

    async def dead(self, id_: str, ack: bytes, reason: Reason) -> None:
        """Note that a letter could not be processed: it waits for a person."""

    async def get(self, id_: str) -> Letter | None:
        """Return a letter, whatever its state."""

    async def dead_letters(self, *, sender: str | None = None, limit: int = 100) -> Sequence[Letter]:
        """Return letters that wait for a person, the oldest first."""

    async def edit(self, id_: str, raw: bytes) -> bool:
        """Replace the text of a dead letter; return False when there is none."""
