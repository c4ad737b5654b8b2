"""Versions of HL7 v2: those that are known, and the nearest one to any other.

Spec: https://terminology.hl7.org/CodeSystem-v2-0104.html
"""

from functools import lru_cache

KNOWN = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9")


@lru_cache(maxsize=256)
def nearest(version: str) -> tuple[str, bool]:
    """Return the known version nearest to what MSH-12 says, and whether it is exactly that one.

    Shape: "2.5.1" -> ("2.5.1", True); "2.9.1" -> ("2.9", False); "" -> ("2.5.1", False)
    """
    text = version.strip()[:16]
    if text in KNOWN:
        return text, True
    wanted = numbers(text)
    if not wanted:
        return "2.5.1", False
    not_later = [one for one in KNOWN if numbers(one) <= wanted]
    return (not_later[-1] if not_later else KNOWN[0]), False


def numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isascii() and part.isdigit() for part in parts) else ()
