"""Pages of `docs/` that follow from the tables by which the server works: text from templates, facts from the code."""
