"""What may be asked about runbooks, one file a purpose; each is found by itself."""
