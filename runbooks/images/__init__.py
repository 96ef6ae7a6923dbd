"""Photos of a listing: fetched from allowed hosts, decoded where nothing can be reached, chosen, reduced for a model, stored."""
