"""pytest fixtures for people who test functions built with pelton."""
