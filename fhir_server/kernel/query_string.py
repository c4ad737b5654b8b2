"""Search parameters and conditional criteria as they stand in URLs and headers.

Spec: https://hl7.org/fhir/R4/search.html#escaping, https://www.rfc-editor.org/rfc/rfc3986#section-2.1
"""

import re
from urllib.parse import parse_qsl

from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse(text: str, limit: int = 10_000) -> Params:
    """Return the (name, value) pairs of a query string, in order, percent-decoded, empty values kept.

    Errors: Invalid for a broken percent-escape, bytes that are not UTF-8, or more than `limit` pairs
    """
    if not text:
        return ()
    if _BAD_ESCAPE.search(text):
        raise Invalid(Issue("value", "the query has a '%' that is not followed by two hexadecimal digits"))
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=limit))
    except UnicodeDecodeError:
        raise Invalid(Issue("value", "the query is not percent-encoded UTF-8")) from None
    except ValueError:
        raise Invalid(Issue("too-costly", f"the query has more than {limit} parameters")) from None
