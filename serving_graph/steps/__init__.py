"""The kinds of step, one a file, all of one shape."""
