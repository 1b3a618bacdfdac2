"""An app becomes artifacts: a Lambda zip, a Nuclio function."""
