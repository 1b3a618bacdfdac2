"""A bridge: reads brokers that a platform does not, and calls the deployed functions.

`payload` is what it sends and what it is answered, `callers` how each platform is called, `bridge`
puts them and the deliveries of `event_sources` together.
"""
