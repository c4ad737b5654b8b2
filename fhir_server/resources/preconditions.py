"""If-Match, If-None-Match and If-Modified-Since: may the interaction go on?

Spec: https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#cread
"""

import re

from fhir_server.kernel.call import Conditions
from fhir_server.kernel.errors import PreconditionFailed
from fhir_server.kernel.types import Version

_TAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)|([^\s,"]+)')


def check_write(conditions: Conditions, current: Version | None) -> None:
    """Raise PreconditionFailed when a write's If-Match or If-None-Match forbids it.

    `current` is None where nothing was ever stored; a deleted version does not satisfy If-Match: *.
    """
    exists = current is not None and not current.deleted
    if conditions.if_match is not None:
        if current is None:
            raise PreconditionFailed("If-Match names a version, but nothing was ever stored here")
        tags = _tags(conditions.if_match)
        if not (str(current.version) in tags or ("*" in tags and exists)):
            raise PreconditionFailed("If-Match names another version than the current one")
    if conditions.if_none_match is not None and current is not None and exists:
        tags = _tags(conditions.if_none_match)
        if "*" in tags or str(current.version) in tags:
            raise PreconditionFailed("If-None-Match names the version that is current")


def not_modified(conditions: Conditions, current: Version) -> bool:
    """Tell whether a read's caller already has this version; If-None-Match goes before If-Modified-Since."""
    if conditions.if_none_match is not None:
        tags = _tags(conditions.if_none_match)
        return "*" in tags or str(current.version) in tags
    if conditions.if_modified_since is not None:
        # HTTP dates have whole seconds: the version's fraction must not make it look newer.
        return current.updated.replace(microsecond=0) <= conditions.if_modified_since
    return False


def _tags(header: str) -> set[str]:
    return {quoted or star or bare for quoted, star, bare in _TAG.findall(header)}
