"""A linkage from its file to what may be released."""
