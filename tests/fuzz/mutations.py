"""Ways in which files go wrong: bytes, structure, types, huge fields, odd Unicode, odd separators.

Every change takes a `random.Random`, so that a seed and a number say what came out.
"""

import gzip
import io
import random
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ODD_TEXTS = (
    "", " ", "\0", "\ufeff", "\u2028", "\u200b", "\u202eabc", "é", "e\u0301", "हिन्दी", "日本語", "😀", "\U0010ffff",
    "ß", "İ", "NULL", "nan", "None", "N/A", "\\N", "-", "0", "1", "1.0", "-0", "1e400", "9" * 400, "true", "=1+1",
    "'", '"',
    '""', '\\"', "`", "a\nb", "a\r\nb", "a\tb", "<b>x</b>", "&amp;", "A > B > C", "A>B", "A|B", "A/B", " > ", "> >",
    "A > ", " > B", "['A', 'B']", "[['A', 'B']]", "[]", "{}", '["A", "B"]', "sep=;", "2024-01-01", "\x1a", "\x85",
)  # fmt: skip
SEPARATORS = (",", ";", "\t", "|", " ", ":", ", ", ";;")
LONG = 3_000_000  # characters of a huge field


# ------------------------------------------------------------------------------------------------- bytes


def flip(data: bytes, rng: random.Random) -> bytes:
    """Some bytes become others."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return data[: rng.randrange(len(data))]


def drop(data: bytes, rng: random.Random) -> bytes:
    """A piece is missing."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 2, 10, 100)) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    """A piece is there several times."""
    start = rng.randrange(len(data))
    piece = data[start : start + rng.choice((1, 5, 50))]
    return data[:start] + piece * rng.choice((2, 3, 100)) + data[start:]


def insert(data: bytes, rng: random.Random) -> bytes:
    """Something odd stands in between."""
    start = rng.randrange(len(data) + 1)
    bad = (b"\xff", b"\xc3", b"\x80" * 3, b"\xed\xa0\x80", b"\r", b"\n\n")
    odd = rng.choice((*(text.encode() for text in ODD_TEXTS), *bad))
    return data[:start] + odd + data[start:]


def recode(data: bytes, rng: random.Random) -> bytes:
    """Another encoding, a byte-order mark, other line ends, gzip around it."""
    text = data.decode("utf-8", "replace")
    how = rng.choice(("utf-16", "utf-16-le", "utf-32", "cp1252", "utf-8-sig", "cr", "crlf", "gzip", "twice"))
    if how in ("cr", "crlf"):
        return text.replace("\n", "\r" if how == "cr" else "\r\n").encode()
    if how in ("gzip", "twice"):
        return gzip.compress(data) if how == "gzip" else data + data
    return text.encode(how, "replace")


# --------------------------------------------------------------------------------------------- structure


def lines(data: bytes, rng: random.Random) -> bytes:
    """Lines lost, doubled, swapped, blank, or something before the header."""
    rows = data.split(b"\n")
    place = rng.randrange(len(rows))
    how = rng.choice(("lose", "double", "swap", "blank", "before", "many", "join"))
    if how == "lose":
        del rows[place]
    elif how == "double":
        rows.insert(place, rows[place])
    elif how == "swap":
        other = rng.randrange(len(rows))
        rows[place], rows[other] = rows[other], rows[place]
    elif how == "blank":
        rows[place:place] = [b"", b"   ", b",,,", b"\t"]
    elif how == "before":
        rows.insert(0, rng.choice((b"sep=;", b"sep=,", b"# a comment", b"Title of the table", b"")))
    elif how == "many":
        rows[place:place] = [rows[place]] * 2_000
    else:
        rows[place : place + 2] = [b" ".join(rows[place : place + 2])]
    return b"\n".join(rows)


def fields(data: bytes, rng: random.Random) -> bytes:
    """Fields lost, added, emptied, odd, huge; quotation marks opened; another delimiter throughout."""
    rows = data.decode("utf-8", "replace").split("\n")
    place = rng.randrange(len(rows))
    parts = re.split(r"([,;\t])", rows[place])
    field = 2 * rng.randrange((len(parts) + 1) // 2)
    how = rng.choice(("lose", "add", "odd", "odd", "odd", "huge", "quote", "delimiter", "spare", "column"))
    if how == "lose":
        del parts[field : field + 2]
    elif how == "add":
        parts[field:field] = ["x", ","]
    elif how == "odd":
        parts[field] = rng.choice(ODD_TEXTS)
    elif how == "huge":
        parts[field] = rng.choice(("word ", "a", "<script", "A > ", '"', "é")) * (LONG // rng.choice((5, 50)))
    elif how == "quote":
        parts[field] = rng.choice(('"', ' "', '"x" y', '"x""', "'")) + parts[field]
    rows[place] = "".join(parts)
    if how == "delimiter":
        other = rng.choice(SEPARATORS)
        rows = [row.replace(",", other) for row in rows]
    elif how == "spare":
        rows = [row + "," for row in rows]
    elif how == "column":
        rows = [row + f",{number}" for number, row in enumerate(rows)]
    return "\n".join(rows).encode("utf-8", "surrogatepass")


def json_values(data: bytes, rng: random.Random) -> bytes:
    """In JSON lines: a value of another type, a key that is missing or twice, deep nesting, lone surrogates, NaN."""
    rows = data.decode("utf-8", "replace").split("\n")
    place = rng.randrange(len(rows))
    value = rng.choice(
        ("null", "1", "1.5", "true", "[]", "{}", '[["A", "B"]]', '["A", null]', '"\\ud800"', '"\\u0000"', "NaN",
         "1" * 5000, "[" * 50_000, '{"a": ' * 3_000, '"' + "x" * LONG + '"', '"A > B"', "-1e999")
    )  # fmt: skip
    pattern = re.compile(r'("[^"]*": )("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^,}]*)')
    found = list(pattern.finditer(rows[place]))
    if found:
        match = rng.choice(found)
        new = rng.choice((match[1] + value, "", f"{match[0]}, {match[0]}", match[1] + value))
        rows[place] = rows[place][: match.start()] + new + rows[place][match.end() :]
    return "\n".join(rows).encode("utf-8", "surrogatepass")


# ----------------------------------------------------------------------------------------------- Parquet


def columns(data: bytes, rng: random.Random) -> bytes:
    """In Parquet: a column of another type, odd values, missing, twice, renamed, empty, nested or in a dictionary."""
    table = pq.read_table(io.BytesIO(data))
    place = rng.randrange(table.num_columns)
    name, size = table.column_names[place], table.num_rows
    arrays = {
        "bytes": lambda: pa.array([b"\xff\xfe"] * size),
        "numbers": lambda: pa.array(range(size)),
        "floats": lambda: pa.array([float("nan"), *[float(number) for number in range(size - 1)]]),
        "times": lambda: pa.array([pd.Timestamp("2024-01-01")] * size),
        "lists": lambda: pa.array([[["A"], ["B", None]]] * size),
        "structs": lambda: pa.array([{"a": {"b": [1]}}] * size),
        "dictionary": lambda: pa.array(["A"] * size).dictionary_encode(),
        "decimals": lambda: pa.array(range(size)).cast(pa.decimal128(20, 2)),
        "nulls": lambda: pa.nulls(size),
        "odd": lambda: pa.array([rng.choice(ODD_TEXTS) for _ in range(size)]),
        "large": lambda: pa.array(["x" * (LONG // 10)] * size, pa.large_string()),
        "not text": lambda: pa.StringArray.from_buffers(
            size, pa.py_buffer(np.arange(size + 1, dtype=np.int32)), pa.py_buffer(b"\xff" * size)
        ),
    }
    how = rng.choice([*arrays, "twice", "rename", "lose", "empty"])
    if how in arrays:
        table = table.set_column(place, name, arrays[how]())
    elif how == "twice":
        table = table.append_column(name, table.column(place))
    elif how == "rename":
        table = table.rename_columns([rng.choice(ODD_TEXTS) if n == name else n for n in table.column_names])
    elif how == "lose":
        table = table.remove_column(place)
    else:
        table = table.slice(0, 0)
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


BYTES = (flip, cut, drop, repeat, insert)
OF_KIND: dict[str, tuple[Callable, ...]] = {
    ".csv": (*BYTES, recode, lines, lines, fields, fields, fields),
    ".tsv": (*BYTES, recode, lines, fields, fields),
    ".jsonl": (*BYTES, recode, lines, json_values, json_values, json_values),
    ".gz": (*BYTES,),
    ".parquet": (flip, cut, drop, columns, columns, columns),
}


def mutate(data: bytes, ending: str, rng: random.Random) -> tuple[bytes, list[str]]:
    """One to three changes, and their names; a change that the one before made impossible is passed over."""
    names = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        change = rng.choice(OF_KIND[ending])
        try:
            data = change(data, rng)
        except (ValueError, IndexError, OSError, pa.ArrowException):
            continue
        names.append(change.__name__)
    return data, names
