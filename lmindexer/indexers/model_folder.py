"""A model folder: config.json and model.safetensors, written for others to read and read with care."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lmindexer._version import __version__
from lmindexer.common.errors import BundleError

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write_model(folder: Path, kind: str, config: dict, tensors: dict[str, torch.Tensor]) -> None:
    """Write config.json, which says the kind of model and this version beside `config`, and the tensors."""
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors writes for its owner alone, and runs are shared
    config = {"model_type": kind, "lmindexer_version": __version__, **config}
    (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")


def read_model(folder: Path, wanted: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """The config and the tensors of a model folder.

    Raises BundleError when they cannot be read, or are another kind of model's.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        kind = config.get("model_type") if isinstance(config, dict) else None
        if kind != wanted:
            raise BundleError(f"{folder / CONFIG} is a {kind!r} model, not an {wanted} model; give another folder.")
        with safe_open(folder / WEIGHTS, "pt") as file:
            return config, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(f"{folder} holds no model that can be read ({error}); fit again or copy it anew.") from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise BundleError(f"{folder / WEIGHTS} is damaged ({error}); fit again or copy it anew.") from error


@contextmanager
def taking_up(folder: Path) -> Iterator[None]:
    """Inside, parts are made from what `read_model` gave; raises BundleError where they do not fit this version."""
    try:
        yield
    except (BundleError, MemoryError):
        raise
    except Exception as error:  # tokenizers raise Exception itself, and configurations have classes of their own
        why = "".join(str(error).splitlines()[:1])
        raise BundleError(
            f"{folder} holds a model that this version cannot use ({type(error).__name__}: {why}). Copy the whole "
            "folder anew, write it again, or upgrade lmindexer."
        ) from error
