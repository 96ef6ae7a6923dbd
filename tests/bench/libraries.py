"""Made-up libraries of any size, with valid ISBNs, in the form of a Goodreads export."""

# ruff: noqa: SIM905 - lists of words read better as text
from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = (
    "Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,Binding,Number of Pages,"
    "Year Published,Original Publication Year,Date Read,Date Added,Bookshelves,Bookshelves with positions,Exclusive Shelf,"
    "My Review,Spoiler,Private Notes,Read Count,Owned Copies"
).split(",")
ADJECTIVES = "Amber Bitter Broken Crimson Distant Early Fallen Gentle Hidden Iron Late Lost Quiet Restless Silver Sunken Winter".split()
NOUNS = "Archive Bridge Cartographer Daughter Estuary Forest Garden Harbour Island Journal Kingdom Lantern Mirror Orchard River".split()
PLACES = "Alder Brannock Caldera Dunmore Eskdale Farrow Galloway Hollin Ivarsk Jorvik Kestrel Lorne Marrow Norrland Orrin".split()
FIRST = "Ada Bruno Clara Dmitri Elif Farid Greta Hugo Ines Jonas Katya Liam Mina Noor Otto Petra Quentin Rosa Sven Tove".split()
LAST = "Abbott Bergström Castellan Dufresne Eriksen Fontaine Grünwald Haddad Ibsen Jankowski Kovács Lindqvist Moreau Novak".split()
SHELVES = ("fantasy", "science-fiction", "history", "mystery", "biography", "romance", "philosophy", "travel")


def isbn13(number: int) -> str:
    """Return the valid ISBN-13 with this running number."""
    body = f"978{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def books(count: int, *, first: int = 0) -> Iterator[dict[str, str]]:
    """Yield rows of an export; the same numbers give the same books."""
    for number in range(first, first + count):
        chance = random.Random(number)
        title = f"The {chance.choice(ADJECTIVES)} {chance.choice(NOUNS)} of {chance.choice(PLACES)} {_roman(number)}"
        name, surname = chance.choice(FIRST), chance.choice(LAST)
        year = chance.randint(1930, 2024)
        shelf = chance.choice(SHELVES)
        yield {
            "Book Id": str(1_000_000 + number),
            "Title": title,
            "Author": f"{name} {surname}",
            "Author l-f": f"{surname}, {name}",
            "ISBN13": f'="{isbn13(100_000_000 + number * 7)}"',
            "ISBN": '=""',
            "My Rating": str(chance.randint(0, 5)),
            "Average Rating": f"{chance.uniform(3, 4.8):.2f}",
            "Publisher": f"{chance.choice(PLACES)} Press",
            "Binding": "Paperback",
            "Number of Pages": str(chance.randint(90, 900)),
            "Year Published": str(year),
            "Original Publication Year": str(year),
            "Date Read": f"{chance.randint(2012, 2025)}/{chance.randint(1, 12):02d}/{chance.randint(1, 28):02d}",
            "Date Added": "2020/01/01",
            "Bookshelves": shelf,
            "Bookshelves with positions": f"{shelf} (#{number})",
            "Exclusive Shelf": "read",
            "Read Count": "1",
            "Owned Copies": "0",
        }


def write(path: Path, rows: Iterator[dict[str, str]] | list[dict[str, str]]) -> Path:
    """Write rows as an export and return its path; the first row names the columns, made-up ones have those of HEADER."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*HEADER, *(name for name in rows[0] if name not in HEADER)], restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of an export."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _roman(number: int) -> str:
    """Return a word that no other number has, so that no two titles are alike."""
    letters = "bcdfghjklmnprstv"
    vowels = "aeiou"
    word = ""
    while True:
        word += letters[number % 16] + vowels[number // 16 % 5]
        number //= 80
        if not number:
            return word.capitalize() + "a"
