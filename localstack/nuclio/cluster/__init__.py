"""What a cluster has beside Nuclio: Secrets and ConfigMaps, as variables and as files."""
