"""Versions of deployed functions: which one answers, how another takes over, and the way back."""
