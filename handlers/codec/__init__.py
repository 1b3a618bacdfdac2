"""Annotations become decoders and encoders, chosen and checked once, at import."""
