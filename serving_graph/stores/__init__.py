"""Stores, one a file, all of one shape (`base.Store`): where `once` keeps what is done."""
