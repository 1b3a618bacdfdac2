"""A wrapper of two modules, as plain as the protocol allows, written for tests.

It stands for Nuclio's own where none is at hand: `_nuclio_wrapper.py` beside `wrapper_common.py`,
measurements behind responses, responses piece by piece, logs on the control socket at first.
"""
