"""Many callers' rows as few calls: when a batch goes, what may share it, who waits how."""
