"""A resource for each different value of an indexed field: cost depends on how many values there are, not resources.

Spec: https://www.mongodb.com/docs/manual/core/indexes/index-types/index-wildcard/
"""

from itertools import pairwise
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Access, Filter
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.document import READING, SERVED, version_of
from fhir_server.storage.find.order import value_at
from fhir_server.storage.find.probe import joined

MOST_VALUES = 1_000


async def one_of_each(
    database: AsyncDatabase[dict[str, Any]], type_: str, path: str, access: Access, *, time_limit_ms: int
) -> list[Version]:
    """Return current versions of a type that have between them every text of a field, whose values are lists of texts.

    What lies between two texts is asked for until nothing does.

    Errors: TooCostly when there are more than MOST_VALUES texts, or beyond the time limit
    """
    collection = database.get_collection(type_, codec_options=READING)
    found: dict[str, Version] = {}
    known: set[str] = set()
    gaps: list[tuple[str | None, str | None]] = [(None, None)]
    while gaps:
        below, above = gaps.pop()
        inside = ({} if below is None else {"$gt": below}) | ({} if above is None else {"$lt": above})
        between: Filter = {path: {"$elemMatch": inside or {"$gte": ""}}}
        wanted = joined([between, access.filter]) if access.filter else between
        with translate.errors():
            document = await collection.find_one(wanted, {**SERVED, path: True}, max_time_ms=time_limit_ms)
        if document is None:
            continue
        texts = sorted(text for text in value_at(document, path) if _lies_between(text, below, above))
        known.update(texts)
        if len(known) > MOST_VALUES:
            raise TooCostly(f"more than {MOST_VALUES} of them are in use")
        found[document[ID]] = version_of(type_, document[ID], document)
        ends = [below, *texts, above]
        gaps += pairwise(ends)
    return list(found.values())


def _lies_between(text: str, below: str | None, above: str | None) -> bool:
    """Tell whether a text lies in an open interval, in the order of the database: that of its UTF-8 bytes."""
    value = text.encode()
    return (below is None or below.encode() < value) and (above is None or value < above.encode())
