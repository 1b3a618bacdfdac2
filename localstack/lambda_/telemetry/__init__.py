"""What a sandbox tells: lines and platform events, to CloudWatch Logs and to subscribers."""
