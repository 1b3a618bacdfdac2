"""A debugger (debugpy) in the process of a function: what is asked, how it starts, what it says."""
