"""Events at hand: made as each source delivers them, sent to real sources, recorded, replayed.

What `pelton events` does stands here; the command only reads flags.
"""
