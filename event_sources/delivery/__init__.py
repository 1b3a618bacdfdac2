"""Delivery: `engine` decides (no socket, no clock, no task in it), `delivery` does.

What may be set is in `rules`, what a handler is given and gives back in `outcome`.
"""
