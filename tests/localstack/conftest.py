"""What is here for functions and extensions to run is not pytest's to import."""

collect_ignore = ["extension_program.py"]
