"""A step written by hand against the package's own, with the same numbers inside and the same dice (notebook 14)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.course.verdict import difference, right, tensor, wrong
from lmindexer.model.backbones import T5Backbone
from lmindexer.model.hints import AskedWords
from lmindexer.model.model import IndexerModel
from lmindexer.model.tokens import TokenisedDocuments
from lmindexer.settings.settings import Settings, make_settings
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.objective import Objective
from lmindexer.training.stages import Stage


def as_on_the_slides(codebook_size: list[int], hint_share: float, warmup_hint_share: float, **more) -> Settings:
    """The package's settings that leave the slides' losses alone: dot products, all weights 1, no extension.

    >>> as_on_the_slides([4, 3], 0.2, 0.5).codebook_sizes
    (4, 3)
    """
    return make_settings(
        "tiny", positions=len(codebook_size), codebook_size=codebook_size, hint_share=hint_share,
        warmup_hint_share=warmup_hint_share, target_weights="all", contrastive="dot", contrastive_weight=1.0,
        contrastive_from=1, contrastive_temperature=1.0, **more,
    )  # fmt: skip


def package_model(model: nn.Module, settings: Settings) -> IndexerModel:
    """The package's model with the numbers of one written by hand: its `t5`, `books` and `recon`.

    T5 and codebooks are shared; the reconstructor's numbers are copied, by the names of `in_the_package`.
    """
    words = torch.arange(len(model.t5.shared.weight))
    twin = IndexerModel(T5Backbone(model.t5, None, False), words, settings)
    for book, rows in zip(twin.codebooks, model.books, strict=True):
        book.rows = rows
    numbers = {in_the_package(name): value for name, value in model.recon.state_dict().items()}
    twin.reconstructor.load_state_dict(numbers, strict=False)  # but place_bias, which the form "target" alone uses
    return twin


def in_the_package(name: str) -> str:
    """What a parameter of the reconstructor of notebook 14 is called in `lmindexer.model.Reconstructor`.

    >>> in_the_package("q.weight"), in_the_package("last.weight"), in_the_package("null")
    ('blocks.0.q.weight', 'norm.weight', 'null')
    """
    part = name.split(".")[0]
    if part in ("null", "to_word", "word_bias"):
        return name
    return name.replace("last", "norm") if part == "last" else f"blocks.0.{name}"


def same_step(
    terms: Callable, model: nn.Module, documents: Tensor, codes: Tensor, stage: tuple[str, int], hint_share: float,
    warmup_hint_share: float, seed: int = 0,
) -> None:  # fmt: skip
    """One step of a stage by hand and by `lmindexer.training.objective`: the same terms, and the same gradient of
    their sum for every parameter.

    terms(documents [B, L], codes [B, t-1], stage) -> {"reconstruction": …, …}, the terms that the stage has.
    Hints and dropout fall alike where the dice are thrown in one order: first the hints, then both views in one call.
    """
    settings = as_on_the_slides([len(rows) for rows in model.books], hint_share, warmup_hint_share)
    model.train()
    twin = package_model(model, settings)
    twin.train()
    twin.reconstructor.eval()  # the hand's has no dropout
    objective = _objective(twin, documents, settings, stage)

    def theirs() -> dict[str, Tensor]:
        found = objective.terms(torch.arange(len(documents)), codes.numpy())
        return {name: weight * value for name, (weight, value) in found.items()}

    mine, my_gradients = _step(lambda: terms(documents, codes, stage), _parameters(model, model.recon), seed)
    wanted, gradients = _step(theirs, _parameters(model, twin.reconstructor), seed)
    name = f"{stage[0]}, position {stage[1]}"
    if set(mine) != set(wanted):
        wrong(f"{name}: your terms are {', '.join(sorted(mine))}, and {', '.join(sorted(wanted))} are wanted.")
    for term, value in wanted.items():
        if found := difference(tensor(mine[term]), tensor(value), 1e-4):
            wrong(f"{name}: the {term} loss: {found}.")
    for parameter, gradient in my_gradients.items():
        if found := difference(tensor(gradient), tensor(gradients[_alike(parameter)]), 1e-3):
            wrong(f"{name}: all losses are right, but not the gradient of {parameter}: {found}.")
    told = ", ".join(f"{term} {value:.3f}" for term, value in wanted.items())
    right(f"{name}: {told}; and {len(my_gradients)} gradients equal the package's")


def _alike(name: str) -> str:
    """A parameter of the hand's model by the name that `_parameters` gives the package's."""
    return f"recon.{in_the_package(name.removeprefix('recon.'))}" if name.startswith("recon.") else name


def _objective(twin: IndexerModel, documents: Tensor, settings: Settings, stage: tuple[str, int]) -> Objective:
    """The package's loss on these documents alone; every word is asked for, all alike."""
    flat = documents.flatten().numpy().astype(np.int32)
    offsets = np.arange(len(documents) + 1) * documents.shape[1]
    corpus = EncodedCorpus(TokenisedDocuments(flat, offsets), flat)
    asked = AskedWords(torch.ones(len(twin.token_ids)))
    return Objective(twin, corpus, settings, torch.device("cpu"), Stage(*stage, epochs=1), asked)


def _parameters(model: nn.Module, recon: nn.Module) -> dict[str, nn.Parameter]:
    """T5's and the codebooks' own, and those of a reconstructor."""
    shared = {name: value for name, value in model.named_parameters() if not name.startswith("recon.")}
    return shared | {f"recon.{name}": value for name, value in recon.named_parameters()}


def _step(terms: Callable, parameters: dict[str, nn.Parameter], seed: int) -> tuple[dict, dict[str, Tensor]]:
    """The terms of a step and the gradient of their sum, under a seed."""
    for value in parameters.values():
        value.grad = None
    torch.manual_seed(seed)
    found = terms()
    sum(found.values()).backward()
    gradients = {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in parameters.items()}
    return {name: float(value.detach()) for name, value in found.items()}, gradients
