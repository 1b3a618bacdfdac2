"""Container images as functions: the machine's engine, its images, its running containers."""
