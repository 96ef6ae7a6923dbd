"""What may be asked about books, one file a purpose; each is found by itself."""
