"""What each broker's own client makes of the same messages, a module a broker."""
