"""What makes a function run: one kind a file, all of one shape."""
