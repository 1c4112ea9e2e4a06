"""The pages, in the order of the sidebar; each module has TITLE, ICON and render()."""

from explorer_app.views import (
    adjudication,
    collapse,
    compare,
    corpus,
    document,
    human_results,
    labelling,
    methods,
    overview,
    prefixes,
    recommend,
    runs,
    search,
    semantic_map,
    study_desk,
    try_text,
)

PAGES = {
    "overview": overview,
    "search": search,
    "prefixes": prefixes,
    "document": document,
    "collapse": collapse,
    "map": semantic_map,
    "compare": compare,
    "try": try_text,
    "recommend": recommend,
    "methods": methods,
    "runs": runs,
    "corpus": corpus,
    "studies": study_desk,
    "label": labelling,
    "results": human_results,
    "adjudicate": adjudication,
}
