"""Lambda extensions: who they are, what they are told, and how a sandbox waits for them."""
