"""How fast searches are when the data grows: a large data set, every documented query, and how each is planned.

Spec: https://hl7.org/fhir/R4/search.html
"""
