"""Nuclio: dashboard API, processor, worker processes, triggers."""
