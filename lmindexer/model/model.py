"""LMIndexer's model, top to bottom as on the slides (Language Models as Semantic Indexers, arXiv 2310.07815).

    SemanticEncoder   h^t = TransDecoder(TransEncoder(d), c^{<t})                                eq. (1)
    Codebook          P_s(c^t = j | c^{<t}, d) = softmax_j(h^t · e^t_j),  c^t = argmax_j           eqs. (2), (3)
                      ĉ^t: the hard row forward, the soft mixture backward                         eq. (4)
    Reconstructor     z_w = Σ_t Trans(q = c^t, k = d_h, v = d_h)                                   eq. (5)
                      P_recon(w | c, d_h) = softmax(W z_w)                                         eq. (6)

Shapes: N documents in the corpus, B in a batch, L tokens, t the position being learned (counted from 1), T of
them, K codes, d the width, M queries a document for reconstruction, V words.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.t5.modeling_t5 import T5Attention, T5LayerNorm

from lmindexer.model.attention import attend
from lmindexer.model.backbones import Backbone, nothing_decoded
from lmindexer.model.documents import Documents
from lmindexer.model.hints import Hints
from lmindexer.settings.settings import Settings

HIDDEN = -1e9  # added to the score of what a query may not see


class SemanticEncoder(nn.Module):
    """h^t = SemEnc(d, c^{<t}) = TransDecoder(TransEncoder(d), c^{<t}), eq. (1).

    start="none":   h^t is the decoder's last state (the slides).
    start="pooled": h^t = start_d - Σ_{j<t} e^j_{c^j} + gate · decoder state, where start_d is the encoder's mean
        state (unit length, with the lexical part of `LexicalStart`) and the gate begins near 0. What the earlier
        codes already say is taken away, so position t begins as residual quantisation does, and the language
        model moves it from there.
    """

    def __init__(self, backbone: Backbone, settings: Settings):
        super().__init__()
        self.backbone, self.pooled = backbone, settings.start == "pooled"
        if self.pooled:
            self.gate = nn.Parameter(torch.tensor(0.1))
        # Unit-length codes are brought to the size of word embeddings before a Transformer reads them.
        self.code_scale = math.sqrt(backbone.width) if self.pooled else 1.0

    def forward(self, documents: Documents, earlier: list[Tensor], decoded=None) -> tuple[Tensor, Tensor]:
        """earlier: the codes' rows e^j_{c^j}, each [B, d], for j < t. Returns h^1 … h^t [B, t, d], and by how far
        each left its start [B, t, d] (zeros with start="none").

        decoded: what the decoder keeps of a call with fewer codes (`nothing_decoded` before the first): only the
            positions since then are computed and returned.
        """
        states = self.states(documents)  # [B, L, d]
        decoded = self._decode(documents, states, earlier, decoded)  # [B, t, d]
        if not self.pooled:
            return decoded, torch.zeros_like(decoded)
        start = pooled_states(states, documents.present) if documents.start is None else documents.start  # [B, d]
        said = torch.stack([torch.zeros_like(start), *earlier], 1).cumsum(1)  # [B, t, d]
        moved = self.gate * decoded / self.code_scale  # [B, t, d]
        return start[:, None] - said[:, -moved.shape[1] :].detach() + moved, moved

    def two_views(self, documents: Documents, earlier: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The same under two dropouts, one view after the other, [2B, t, d] each."""
        return self(documents.twice(), [row.repeat(2, 1) for row in earlier])

    def states(self, documents: Documents) -> Tensor:
        """TransEncoder(d): cached, or computed now, [B, L, d]."""
        if documents.states is not None:
            return documents.states
        return self.backbone.encode(documents.tokens, documents.present)

    def _decode(self, documents: Documents, states: Tensor, earlier: list[Tensor], decoded) -> Tensor:
        """TransDecoder(states, c^{<t}); views that share cached states share their mask, [B, t, d]."""
        first = self.backbone.start.expand(len(documents.present), -1)  # [B, d]
        inputs = torch.stack([first, *(self.code_scale * e for e in earlier)], 1)  # [B, t, d]
        inputs = inputs if decoded is None else inputs[:, decoded.get_seq_length() :]
        return self.backbone.decode(inputs, states, documents.present[: len(states)], decoded)


def pooled_states(states: Tensor, present: Tensor) -> Tensor:
    """Mean of a document's token states, scaled to unit length, [B, d]: all-MiniLM's own sentence embedding."""
    summed = (states * present[..., None]).sum(1)  # [B, d]
    return F.normalize(summed, dim=-1)


class Codebook(nn.Module):
    """E^t [K, d] and the choice of a code, eqs. (2)-(4).

    >>> book = Codebook(4, 2)
    >>> book.set_rows(torch.tensor([[1., 0.], [0., 1.], [-1., 0.], [0., -1.]]))
    >>> book.choose(torch.tensor([[0.2, 0.9]])).tolist()
    [1]
    """

    def __init__(self, size: int, width: int, temperature: float = 1.0):
        super().__init__()
        self.rows = nn.Parameter(torch.empty(size, width))
        nn.init.xavier_normal_(self.rows)
        self.temperature = temperature

    def set_rows(self, rows: Tensor) -> None:
        with torch.no_grad():
            self.rows.copy_(rows)

    def log_probabilities(self, h: Tensor) -> Tensor:
        """log P_s(c = j | …) = log softmax_j(h · e_j / temperature): [B, d] -> [B, K]."""
        return (h @ self.rows.T / self.temperature).float().log_softmax(-1)  # [B, K]

    def choose(self, h: Tensor) -> Tensor:
        """c = argmax_j h · e_j, [B]."""
        return (h @ self.rows.T).argmax(-1)

    def look_up(self, codes: Tensor) -> Tensor:
        """Rows e_c, [B, d]."""
        return self.rows[codes]

    def straight_through(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """ĉ: forward the hard row e_c, backward the mixture Σ_j P_s(j) e_j. Gradients reach h and every row.

        Returns ĉ [B, d], the codes [B], and log P_s [B, K].
        """
        log_p = self.log_probabilities(h)  # [B, K]
        soft = log_p.exp().to(h.dtype) @ self.rows  # [B, d]
        codes = log_p.argmax(-1)  # [B]
        hard = self.rows[codes]  # [B, d]
        return soft + (hard - soft).detach(), codes, log_p


class ReconstructionBlock(nn.Module):
    """One Transformer block that queries with a code: attention over [codes; hints], then a feed-forward part.

    Keys and values are the inputs themselves in every layer, never another layer's output. So a hidden word
    cannot come back through a key that has seen it: two and three layers are as blind as one (method.md §1.3).
    """

    def __init__(self, width: int, heads: int, ff: int, dropout: float):
        super().__init__()
        self.norm, self.ff_norm = T5LayerNorm(width), T5LayerNorm(width)
        self.q, self.k, self.v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.o = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, ff, bias=False), nn.Linear(ff, width, bias=False)
        self.dropout, self.heads = nn.Dropout(dropout), heads
        for linear in (self.k, self.v, self.o, self.up):
            nn.init.normal_(linear.weight, std=width**-0.5)
        nn.init.normal_(self.q.weight, std=(width * width / heads) ** -0.5)
        nn.init.normal_(self.down.weight, std=ff**-0.5)

    def forward(self, query: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        """query [B, Q, d], memory [B, S, d], bias [B, H, n·Q, S] -> [B, n·Q, d]; residual on the query, which is asked
        n times under biases of its own."""
        read = attend(self.norm(query), self.norm(memory), self, self.heads, bias)  # [B, n·Q, d]
        query = query.repeat_interleave(read.shape[1] // query.shape[1], 1) + self.dropout(read)
        fed = self.down(self.dropout(F.relu(self.up(self.ff_norm(query)))))  # [B, Q, d]
        return query + self.dropout(fed)


class Reconstructor(nn.Module):
    """Rebuilds the words that the hints hide: z = Σ_t Trans(q = c^t, k = v = [c^1 … c^t; d_h]), eqs. (5), (6).

    The codes stand among the keys beside the hints (as in the released training): where all is hidden, there is
    still something to attend to. In the hint form "target" a query differs from its neighbours by T5's relative
    position bias and by its mask. During the warm-up against reconstructor collapse a learned null vector takes
    the code's place: P(w | d_h) alone.

    The output map is tied to the word embeddings: logits = (W z) · words + b, unscaled, over the V words that
    occur in the corpus; W starts as the identity for a pre-trained T5 (`tied_output`: its words are made to be their
    own output map) and as a small random map elsewhere.
    """

    def __init__(self, width: int, vocabulary_size: int, settings: Settings, tied_output: bool):
        super().__init__()
        # Heads of 64 as in T5, or wider where 64 does not divide the width.
        self.heads = next(heads for heads in range(max(1, width // 64), 0, -1) if width % heads == 0)
        self.blocks = nn.ModuleList(
            ReconstructionBlock(width, self.heads, 2 * width, settings.dropout) for _ in range(settings.recon_layers)
        )
        self.norm = T5LayerNorm(width)
        self.null = nn.Parameter(torch.zeros(width))
        self.place_bias = nn.Embedding(32, self.heads)  # T5: 32 buckets, up to distance 128
        nn.init.normal_(self.place_bias.weight, std=width**-0.5)
        self.to_word = nn.Linear(width, width, bias=False)
        if tied_output:
            nn.init.eye_(self.to_word.weight)
        else:
            nn.init.normal_(self.to_word.weight, std=1 / width)  # logits of unit size at the start
        self.word_bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, codes: list[Tensor], words: Tensor, word_table: Tensor, hints: Hints) -> Tensor:
        """codes: ĉ^1 … ĉ^t (or h^t last), each [B, d]; words [B, L]; word_table [V, d] -> z [B, M, d]."""
        t, queries = len(codes), hints.visible.shape[1]
        words, visible = _seen(words, hints)  # [B, S], [B, M, S]
        stacked = torch.stack(codes, 1)  # [B, t, d]
        memory = torch.cat([stacked, F.embedding(words, word_table)], 1)  # [B, t+S, d]
        bias = self._bias(visible, hints.place, t).repeat(1, 1, t, 1)  # [B, H, t·M, t+S]
        z = stacked
        for block in self.blocks:  # the first turns t codes into t·M queries: each code asks on its own
            z = block(z, memory, bias)
        z = self.dropout(self.norm(z))  # [B, t·M, d]
        return z.unflatten(1, (t, queries)).sum(1)  # [B, M, d]: Σ_t

    def logits(self, z: Tensor, word_table: Tensor, asked: Tensor | None = None) -> Tensor:
        """W z over the vocabulary, or over the words `asked` alone: [B, M, d] -> [B, M, V]."""
        table, bias = word_table, self.word_bias  # [V, d], [V]
        if asked is not None:
            table, bias = F.embedding(asked, table), bias[asked]
        return self.to_word(z) @ table.T + bias  # [B, M, V]

    def _bias(self, visible: Tensor, place: Tensor | None, t: int) -> Tensor:
        """0 where a query may look, very negative where not; with T5's place bias in the form "target"."""
        batch, queries, length = visible.shape
        hidden = torch.zeros(visible.shape, device=visible.device).masked_fill(~visible, HIDDEN)[:, None]
        if place is not None:
            distance = torch.arange(length, device=place.device) - place[..., None]  # [B, M, L]
            bucket = T5Attention._relative_position_bucket(distance)
            hidden = hidden + self.place_bias(bucket).permute(0, 3, 1, 2)  # [B, H, M, L]
        codes = hidden.new_zeros(batch, hidden.shape[1], queries, t)  # codes are always visible
        return torch.cat([codes, hidden], -1)  # [B, H, M, t+L]


def _seen(words: Tensor, hints: Hints) -> tuple[Tensor, Tensor]:
    """Words and mask with only the columns that are needed: where one mask serves a document, its visible words
    are moved to the front and the rest cut off, so hidden words cost nothing."""
    if hints.visible.shape[1] > 1 or hints.place is not None:
        return words, hints.visible
    visible = hints.visible[:, 0]  # [B, L]
    kept = max(1, int(visible.sum(1).max()))
    order = visible.int().argsort(dim=1, descending=True, stable=True)[:, :kept]  # [B, S]
    return words.gather(1, order), visible.gather(1, order)[:, None]


class IndexerModel(nn.Module):
    """The three parts together, and what a training step or an encoding needs of them."""

    def __init__(self, backbone: Backbone, token_ids: Tensor, settings: Settings):
        """token_ids [V]: tokenizer ids of the vocabulary's words."""
        super().__init__()
        width = backbone.width
        self.encoder = SemanticEncoder(backbone, settings)
        self.codebooks = nn.ModuleList(Codebook(size, width, settings.temperature) for size in settings.codebook_sizes)
        self.reconstructor = Reconstructor(width, len(token_ids), settings, backbone.tied_output)
        self.register_buffer("token_ids", token_ids, persistent=False)

    @property
    def word_table(self) -> Tensor:
        """Embeddings of the vocabulary's words, [V, d]; always asked of the backbone, never kept aside."""
        return self.encoder.backbone.word_embeddings(self.token_ids)

    def rows(self, codes: Tensor) -> list[Tensor]:
        """Rows of given codes [B, n], position by position: n tensors [B, d]."""
        return [self.codebooks[j].look_up(codes[:, j]) for j in range(codes.shape[1])]

    def reconstruct(
        self, codes: list[Tensor], documents: Documents, hints: Hints, asked: Tensor | None = None
    ) -> Tensor:
        """Logits [B, M, V] of the hidden words, from codes and hints; of the words `asked` alone, if given."""
        scale = self.encoder.code_scale
        table = self.word_table
        z = self.reconstructor([scale * code for code in codes], documents.words, table, hints)
        return self.reconstructor.logits(z, table, asked)

    def reconstruct_from_hints(self, documents: Documents, hints: Hints, asked: Tensor | None = None) -> Tensor:
        """P(w | d_h), without any code: the warm-up's task."""
        null = self.reconstructor.null.expand(len(documents.words), -1)
        return self.reconstruct([null], documents, hints, asked)

    @torch.no_grad()
    def assign(
        self, documents: Documents, positions: int, given: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Greedy codes: c^1, then c^2 given c^1, …: codes [B, T], their probability [B, T], h^T [B, d].

        With `given` codes [B, T] these are taken in place of the most probable ones. The decoder runs once a position
        over the cached or once-computed states, and keeps what it made of the positions before.
        """
        documents.states = self.encoder.states(documents)
        codes, sure, rows, decoded = [], [], [], nothing_decoded()
        for position in range(positions):
            h, _ = self.encoder(documents, rows, decoded)
            log_p = self.codebooks[position].log_probabilities(h[:, -1])  # [B, K]
            code = log_p.argmax(-1) if given is None else given[:, position]
            codes.append(code)
            sure.append(log_p.gather(1, code[:, None])[:, 0].exp())
            rows.append(self.codebooks[position].look_up(code))
        return torch.stack(codes, 1), torch.stack(sure, 1), h[:, -1]
