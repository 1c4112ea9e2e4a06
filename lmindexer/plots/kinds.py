"""Kinds of values that several figures take (`lmindexer.common.kinds`): one, or a dict by the runs' names."""

from collections.abc import Mapping

from lmindexer.common.kinds import TABLE, Kind, kind_of
from lmindexer.quality.quality import IDQuality


def _one_or_by_name(kind: Kind, what: str) -> Kind:
    def take(value):
        values = list(value.values()) if isinstance(value, Mapping) else [value]
        return value if values and all(kind.take(one) is not None for one in values) else None

    return Kind(what, kind.remedy, take)


QUALITIES = _one_or_by_name(
    kind_of(IDQuality, "", "Call lmindexer.evaluate_ids(ids, corpus) first."), "an IDQuality or a dict of them by run"
)
HISTORIES = _one_or_by_name(
    Kind("", "Give indexer.history_ or bundle.history.", TABLE.take), "a history frame or a dict of them by run"
)
