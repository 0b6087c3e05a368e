"""The schema of the data: codebooks, cell states, findings, direct identifiers."""
