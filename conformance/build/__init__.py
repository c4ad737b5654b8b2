"""Developer tool: the official definition package -> the compact files of `conformance/data`.

Spec: https://hl7.org/fhir/R4/downloads.html (npm package hl7.fhir.r4.examples 4.0.1, HL7, CC0-1.0)
"""
