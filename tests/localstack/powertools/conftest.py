"""The handlers are for functions on the emulator: pytest does not import them here."""

collect_ignore = [f"{name}.py" for name in ("once", "records", "routes", "settings", "telling")]
