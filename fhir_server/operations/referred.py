"""The resources of this server that other resources refer to, read off their text.

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

import re
from collections.abc import Collection, Iterable

from fhir_server.resources.references import parse_reference

# 300 resources of a patient cost 0.7 ms this way, 3.3 ms when they are decoded and walked. Text that only looks like a
# reference cannot mislead it: inside of a JSON string every quote has a backslash.
_LINKS = re.compile(rb'"(?:reference|url)":"([^"]+)"').findall


def referred(
    texts: Iterable[bytes], base_url: str, resource_types: Collection[str], *, known: Collection[bytes] = ()
) -> list[tuple[str, str]]:
    """Return the (type, id) of each resource that a Reference or the url of an Attachment means, in order.

    Shape: `texts` are compact JSON, as the server stores it; versioned references mean the current version; `known` are
           references that need not be told (b"Patient/1"): most references within a record are such
    """
    links = dict.fromkeys(link for text in texts for link in _LINKS(text))
    parsed = (parse_reference(link.decode("utf-8"), (base_url,)) for link in links if link not in known)
    return list(dict.fromkeys((one.type, one.id) for one in parsed if one is not None and one.type in resource_types))
