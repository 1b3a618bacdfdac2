"""What each event source promises, as docs/ tells it: all the tables of it."""
