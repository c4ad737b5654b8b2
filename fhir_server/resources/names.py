"""What the names inside of a transaction stand for once its resources have their ids.

Spec: https://hl7.org/fhir/R4/bundle.html#references, https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable, Mapping

_RESTFUL = re.compile(r"(https?://.*/)[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}").fullmatch
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?.*=.*", re.DOTALL).fullmatch


def replacement(names: Mapping[str, str], full_url: str | None, conditional: set[str]) -> Callable[[str], str | None]:
    """Return the function that maps a link in the entry `full_url` to its new text, None to leave it.

    Links that look like conditional references are left, and collected in `conditional`.

    Shape: `names` "urn:uuid:…" or an absolute URL → "Patient/123". A relative link is first made absolute with the
           root of the entry's own URL; a fragment stays.
    """
    restful = _RESTFUL(full_url) if full_url else None
    root = restful[1] if restful else None

    def replace(link: str) -> str | None:
        known = names.get(link)
        if known is not None:
            return known
        # Most links are systems of codes: they leave here, after one look at their text.
        if "://" in link and "#" not in link and "?" not in link:
            return None
        if "?" in link and _CONDITIONAL(link):
            conditional.add(link)
            return None
        target, hash_, fragment = link.partition("#")
        known = names.get(target) or (names.get(root + target) if root is not None else None)
        return None if known is None or not target else known + hash_ + fragment

    return replace
