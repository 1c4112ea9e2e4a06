"""Names of a package that are imported when they are first used: `import lmindexer` loads neither torch nor pandas."""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazy_names(package: str, home: Mapping[str, str]) -> tuple[Callable, Callable, list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose public names live in its modules.

    Args:
        package: its `__name__`.
        home: public name → the module below the package that it lives in; a module that is public as a whole is
            written as itself with a colon before it: {"checks": ":checks", "diagnostics": ":quality.diagnostics"}.

    >>> getattr_, dir_, all_ = lazy_names("lmindexer.common", {"read_json": "jsonfiles", "palette": ":palette"})
    >>> getattr_("read_json").__module__, getattr_("palette").__name__
    ('lmindexer.common.jsonfiles', 'lmindexer.common.palette')
    """

    def find(name: str):
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, whole = home[name].removeprefix(":"), home[name].startswith(":")
        found = importlib.import_module(f"{package}.{module}" if module else package)
        value = found if whole else getattr(found, name)
        setattr(sys.modules[package], name, value)  # the next look finds it without coming here
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home})

    return find, names, list(home)
