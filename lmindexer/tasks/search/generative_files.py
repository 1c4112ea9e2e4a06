"""A fitted `GenerativeRetriever` in a folder: IDs, document vectors, the form's tensors, the embeddings."""

from pathlib import Path

import torch

from lmindexer.common.errors import BundleError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.tasks.base import Task
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.search.asked import Asked
from lmindexer.tasks.search.forms import NodeRows, PrefixRows, SharedRows
from lmindexer.tasks.search.summaries import Layout, SummaryHead
from lmindexer.tasks.search.vectors import TextVectors

KIND = "lmindexer-generative_retriever"


def write(model, folder: Path) -> None:
    """Everything but the corpus, which the run holds."""
    config = {"codebook_sizes": list(model.ids_.codebook_sizes), "lambda": model.lambda_}
    tensors = {f"form.{name}": value for name, value in model.form_.state_dict().items()}
    tensors |= {"ids.codes": torch.from_numpy(model.ids_.codes.copy())}
    tensors |= {"ids.suffix": torch.from_numpy(model.ids_.suffix.copy())}
    tensors |= {"documents": torch.from_numpy(model.documents_)}
    if isinstance(model.form_, NodeRows):
        head = model.form_.head
        tensors |= {"places": head.places, "offsets": head.offsets, "times": head.log_times.exp().round().int()}
        if head.asked is not None:
            tensors |= head.asked.tensors()
            config["query_weight"] = head.asked.weight
    write_model(folder, KIND, config, tensors)
    model.vectors_.save(folder)


def read(model, folder: Path, task: Task) -> None:
    """Make `model` the one that was written.

    Raises BundleError where the folder does not hold one.
    """
    config, tensors = read_model(folder, KIND)
    try:
        sizes = config["codebook_sizes"]
        model.ids_ = SemanticIDs(
            task.corpus.doc_ids, tensors["ids.codes"].numpy(), tensors["ids.suffix"].numpy(), tuple(sizes)
        )
        model.documents_, model.lambda_ = tensors["documents"].numpy(), float(config["lambda"])
        model.vectors_ = TextVectors.load(folder, task.corpus)
        if "places" in tensors:
            model.form_ = NodeRows.around(_head(model, tensors, config.get("query_weight")))
        elif model.settings["form"] == "prefix":
            model.form_ = PrefixRows(model.ids_, model.documents_.shape[1], model.settings["rank"])
        else:
            width = model.documents_.shape[1]
            model.form_ = SharedRows(model.ids_, width, None, model.settings["normalise"])
        state = {name.removeprefix("form."): value for name, value in tensors.items() if name.startswith("form.")}
        model.form_.load_state_dict(state)
        model.form_.eval()
    except (LookupError, ValueError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleError(f"{folder} holds a model that this version cannot use ({why}); fit it again.") from error


def _head(model, tensors: dict, query_weight: float | None) -> SummaryHead:
    """A head of the layout that was written, whose parameters are still to be loaded."""
    settings, asked = model.settings, Asked.from_tensors(tensors, query_weight)
    names = ("form.head.centres", "form.head.bias", "places", "offsets")
    times = tensors.get("times", torch.ones(len(tensors["places"])))  # older runs know no queries
    layout = Layout(*(tensors[name].numpy() for name in names), times.numpy())
    tree = DecodingTree.from_ids(model.ids_)
    return SummaryHead(tree, model.documents_, layout, settings["rows"], settings["learn_rows"], asked)
