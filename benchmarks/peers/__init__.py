"""What runs in the peers' own environments, one script a peer; each prints µs an event."""
