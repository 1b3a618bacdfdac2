"""The server of `pelton run`: an app's functions over HTTP, as function URLs have them."""
