"""AWS Lambda: API, function states, sandboxes under the real runtime client, event sources."""
