"""Measurements, each against a floor of the same run: the ratio is what can be compared between machines.

Spec: https://hl7.org/fhir/R4/http.html
"""
