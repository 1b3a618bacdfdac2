"""What ships inside an artifact: one call path and an adapter per platform."""
