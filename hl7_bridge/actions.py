"""What a message asks for beyond its own resources: changes that need to see the store.

Full URLs name entries of the same conversion. Spec: https://hl7.org/fhir/R4/patient.html#linking
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Merge:
    """One resource replaces another of its type: every reference to the prior one is re-pointed to the survivor.

    A merged Patient stays, inactive and linked `replaced-by`; its identifiers live on in the survivor with use `old`.
    """

    survivor: str
    prior: str


@dataclass(frozen=True, slots=True)
class Move:
    """A resource (Encounter, Account) comes to belong to another Patient, with all that refers to both of them."""

    resource: str
    owner: str
    former: str


@dataclass(frozen=True, slots=True)
class Link:
    """Two Patients are the same person, kept as two records (`seealso`)."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """Two Patients are not the same person: links between them go, in both."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Book:
    """An Appointment takes the time of these of its participants: none of them may be taken by another one.

    None are named by a message that says no more than another time: then it is those that are stored.
    """

    appointment: str
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inherit:
    """An element that the message does not tell, a reference, comes from another resource that it speaks of."""

    heir: str
    element: str
    source: str


@dataclass(frozen=True, slots=True)
class Reverse:
    """A ChargeItem takes back the charge that is stored under its number, if there is one; else it is a credit."""

    credit: str


@dataclass(frozen=True, slots=True)
class Reassign:
    """Numbers that were given to the wrong Patient go to another one, with all that refers to who had them.

    The two stay two persons. The numbers are those that both entries have; `named` are all (system, value) that the
    message tells of the former one.
    """

    owner: str
    former: str
    named: frozenset[tuple[str | None, str]] = frozenset()


Action = Merge | Move | Reassign | Link | Unlink | Book | Inherit | Reverse
