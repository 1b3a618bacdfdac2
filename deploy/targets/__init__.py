"""One module a platform; an emulator is only another endpoint."""
