"""Why the first good call failed, in one finding."""
