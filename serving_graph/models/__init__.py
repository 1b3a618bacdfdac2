"""What a model step can load, one format a file."""
