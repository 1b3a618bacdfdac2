"""The handlers are for functions on the emulator: pytest does not import them here."""

collect_ignore = ["handlers.py", "once.py"]
