"""Remedies of the package's errors, which speak of Python's keywords, as options to type."""

import ast
import re
import shlex
from collections.abc import Mapping

from lmindexer.common.errors import CorpusError, LMIndexerError

_FORM = {"encoding": "encoding", "delimiter": "delimiter", "quote": "quote", "escape": "escape"}
# keyword of the reader → what follows the two dashes
CORPUS = {name: name for name in ("id", "text", "title", "category", "separator", "missing", "html")} | _FORM
CORPUS |= {"on_error": "on-error", "on_change": "on-change"}
QUERIES = {"query_id": "queries-id", "text": "queries-text", "doc_id": "queries-document", "missing": "queries-missing"}
QUERIES |= {name: f"queries-{name}" for name in _FORM} | {"on_error": "queries-on-error"}
INTERACTIONS = {"user_id": "interactions-user", "doc_id": "interactions-document", "position": "interactions-position"}
INTERACTIONS |= {name: f"interactions-{name}" for name in _FORM} | {"on_error": "interactions-on-error"}
INTERACTIONS |= {"missing": "interactions-missing"}

_KEYWORD = re.compile(r"""(?<!--set )\b([a-z_]+)=(None|…|"[^"]*"|'[^']*'|\[[^\]]*\]|[\w.]*\w)""")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")
_LEFT_OUT = re.compile(r"\b([Ll]eave) ([a-z_]+)(?:=\S+)? out")
_WITHIN = "keep what is about known documents with .within(corpus)"
_ATTACHED = re.compile(r"set corpus\.(queries|interactions) = \w+\.from_file\(…\)")
_FLAGS = {"id=None": "--number-rows", "resume=False": "--restart"}


class SideFileError(CorpusError):
    """A CorpusError about a file beside the corpus, its remedy in that file's own options."""

    def __init__(self, error: CorpusError, options: Mapping[str, str]):
        super().__init__(on_the_command_line(error, options))


def on_the_command_line(error: LMIndexerError | str, options: Mapping[str, str] = CORPUS) -> str:
    """An error's remedy in Python's words → the option to type, quoted for the shell.

    options: of the file that it is about.

    >>> on_the_command_line(CorpusError('Pass on_error="skip" to leave such rows out.'))
    'Pass --on-error skip to leave such rows out.'
    >>> on_the_command_line(CorpusError("Pass delimiter=';'."), QUERIES)
    "Pass --queries-delimiter ';'."
    """

    def option(found: re.Match) -> str:
        name, value = found.groups()
        if found.group() in _FLAGS and (options is CORPUS or name not in options):
            return _FLAGS[found.group()]
        values = [_typed(word) for word in _QUOTED.findall(value)] or [value]
        if name in options:
            return " ".join(f"--{options[name]} {'none' if word == 'None' else word}" for word in values)
        if isinstance(error, CorpusError | str):
            return found.group()  # words of the file, perhaps
        return f"--set {name}={','.join(values)}"

    def left_out(found: re.Match) -> str:
        verb, name = found.groups()
        return f"{verb} --{options[name]} out" if name in options else found.group()

    said = _ATTACHED.sub(r"give --\1 FILE", str(error))
    if _WITHIN in said and options is not CORPUS:
        said = said.replace(_WITHIN, f"leave such rows out with --{options['on_error']} skip")
    return _KEYWORD.sub(option, _LEFT_OUT.sub(left_out, said))


def _typed(word: str) -> str:
    r"""A string as Python writes it → as a shell takes it; a tab is typed as two characters, \t."""
    try:
        value = ast.literal_eval(word)
    except (SyntaxError, ValueError):
        value = word[1:-1]
    if value == "'":
        return '"\'"'
    # signs that no keyboard has, as Python writes them: `written` reads them back
    return shlex.quote(value if value.isprintable() else repr(value)[1:-1])
