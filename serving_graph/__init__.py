"""Typed steps joined into a graph: a frozen spec, a checked graph, an executor."""
