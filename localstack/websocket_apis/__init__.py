"""API Gateway's WebSocket APIs: who may connect, which route a message takes, what is sent back."""
