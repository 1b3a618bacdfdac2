"""Nuclio triggers, one kind a file, all of one shape."""
