"""What operations on Observations share: finding them, taking their measurements, computing with these.

Spec: https://hl7.org/fhir/R4/observation.html
"""
