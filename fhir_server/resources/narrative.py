"""The links of a narrative: `href` of `a` and `src` of `img` in its XHTML.

Spec: https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable
from html import escape, unescape

_LINK = re.compile(r"""(<(?:a|img)\s(?:[^<>"']|"[^"]*"|'[^']*')*?\b(?:href|src)\s*=\s*)(?:"([^"]*)"|'([^']*)')""")


def rewrite_links(div: object, replace: Callable[[str], str | None]) -> object:
    """Return the XHTML with each link for which `replace` knows a new one; anything else stays as it is."""
    if not isinstance(div, str) or ("href" not in div and "src" not in div):
        return div
    return _LINK.sub(lambda link: _rewritten(link, replace), div)


def _rewritten(link: re.Match[str], replace: Callable[[str], str | None]) -> str:
    target = replace(unescape(link[2] if link[2] is not None else link[3]))
    return link[0] if target is None else f'{link[1]}"{escape(target)}"'
