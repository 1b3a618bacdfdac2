"""A plan (data), then its application over the platform's own API."""
