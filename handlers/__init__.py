"""The words people write: App, functions, triggers, typed input; knows no other part."""
