"""The `pelton` command: one command a file, flags only; the work is done by the parts it calls."""
