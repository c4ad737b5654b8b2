"""Searching current versions: order and pages, steps of chains, counts.

Spec: https://hl7.org/fhir/R4/search.html
"""

from fhir_server.storage.find.finder import Finder

__all__ = ["Finder"]
