"""Paired ratios: each pair is timed in one run, because machines are noisy and ratios are not."""
