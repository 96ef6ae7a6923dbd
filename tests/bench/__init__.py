"""What the product needs in seconds, calls and memory, each beside a bound measured in the same run: `make bench`."""
