"""Signature Version 4 as the receiver checks it: read, compute, check, refuse."""
