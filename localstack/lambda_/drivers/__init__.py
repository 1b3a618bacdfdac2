"""How a sandbox's programs are started: as processes, or in containers.  One kind a file."""
