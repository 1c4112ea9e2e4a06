"""The pages, in the order of the sidebar; each module has render()."""

from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class View:
    """A page; its module is loaded when it is first opened, so that nobody waits for what only other pages need.

    Attributes:
        module: of this package.
        title, icon: in the sidebar.
        coordinator: whether the page is about studies and must not be seen by annotators.
    """

    module: str
    title: str
    icon: str
    coordinator: bool = False

    def render(self) -> None:
        """Lay out the page."""
        import_module(f"{__name__}.{self.module}").render()


PAGES = {
    "overview": View("overview", "Overview", ":material/dashboard:"),
    "search": View("search", "Search", ":material/search:"),
    "prefixes": View("prefixes", "Prefixes", ":material/bar_chart:"),
    "document": View("document", "Document", ":material/description:"),
    "collapse": View("collapse", "Collapse", ":material/monitoring:"),
    "map": View("semantic_map", "Map", ":material/map:"),
    "compare": View("compare", "Compare", ":material/compare_arrows:"),
    "try": View("try_text", "Try a text", ":material/edit_note:"),
    "recommend": View("recommend", "Recommend", ":material/recommend:"),
    "methods": View("methods", "Task results", ":material/leaderboard:"),
    "runs": View("runs", "Runs", ":material/folder_open:"),
    "corpus": View("corpus", "Your corpus", ":material/upload_file:"),
    "studies": View("study_desk", "Studies", ":material/assignment:", coordinator=True),
    "label": View("labelling", "Label", ":material/ballot:"),
    "results": View("human_results", "Results", ":material/how_to_vote:", coordinator=True),
    "adjudicate": View("adjudication", "Adjudicate", ":material/gavel:", coordinator=True),
}
