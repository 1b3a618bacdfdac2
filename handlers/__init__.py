"""The words people write: App, functions, triggers, events, typed input and output. Knows no other part."""
