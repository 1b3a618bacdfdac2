"""How a worker's metrics are told: one form a file."""
