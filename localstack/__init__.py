"""The emulator: an AWS-and-Nuclio-shaped server that runs whatever is uploaded to it."""
