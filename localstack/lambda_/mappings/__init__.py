"""Event source mappings, one source a file."""
