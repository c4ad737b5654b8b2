"""What `fhir-server load` is made of: files → submissions → answers → rejects.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""
