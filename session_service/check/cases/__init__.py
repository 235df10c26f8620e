"""The checks, one module a group. Each is a `Check` with the function that looks; `catalogue` puts them in order."""
