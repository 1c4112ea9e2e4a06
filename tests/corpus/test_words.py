"""Words in any script, and HTML that is no word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.markup import first_html, strip_html
from lmindexer.corpus.words import key_words_of, words_of
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality.keywords import prefix_keywords
from lmindexer.two_step.embeddings import TfidfEmbeddings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("लकड़ी काटने की आरी", ["लकड़ी", "काटने", "की", "आरी"]),  # Hindi: vowel signs belong to their letters
        ("மரம் வெட்டும் அரம்", ["மரம்", "வெட்டும்", "அரம்"]),  # Tamil
        ("কাঠ কাটার করাত", ["কাঠ", "কাটার", "করাত"]),  # Bengali
        ("می\u200cخواهم اره", ["می\u200cخواهم", "اره"]),  # Persian, with its joiner
        ("cafe\u0301 noir", ["café", "noir"]),  # an accent written apart
        ("不锈钢锅", ["不锈", "锈钢", "钢锅"]),
        ("锅", ["锅"]),
        ("ค้อน", ["ค้อ", "อน"]),  # Thai: a tone mark stays on its letter
        ("コーヒー カップ", ["コーヒー", "カップ"]),
        ("Пила-ножовка 2", ["Пила", "ножовка"]),
        ("나무 톱", ["나무", "톱"]),  # of Korean one syllable is a word
        ("মাছ ধরার জাল, மரம் வெட்டும்", ["মাছ", "ধরার", "জাল", "மரம்", "வெட்டும்"]),
        ("مِنْشَار لِلْخَشَب", ["مِنْشَار", "لِلْخَشَب"]),  # vowel signs of Arabic
        ("מַסּוֹר לָעֵץ", ["מַסּוֹר", "לָעֵץ"]),  # and of Hebrew
        ("Sa\u0308ge, Hand\u00adbeil", ["Säge", "Handbeil"]),  # an accent of its own, a soft hyphen
    ],
)
def test_words_are_whole_in_every_script(text, words):
    assert words_of(text) == words


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(st.characters(codec="latin-1"), max_size=60))
def test_western_texts_have_the_words_that_scikit_learn_finds(text):
    if not text.isprintable() or any(letter in text for letter in "ªº²³¹¼½¾"):
        return
    assert words_of(text) == TfidfVectorizer(lowercase=False).build_analyzer()(text)


def test_key_words_begin_with_a_letter_and_hold_no_html():
    text = "<p class='x'>Jig-saw &amp; O'Neill&nbsp;blade</p><br/>12 don't <script>var x</script>"
    assert key_words_of(text) == ["Jig-saw", "O'Neill", "blade", "don't"]
    assert key_words_of("Größe — <b>groß</b>") == ["Größe", "groß"]


def test_html_goes_and_what_only_looks_like_it_stays():
    assert strip_html("<div>Cuts<br>wood &lt;b&gt;fast&lt;/b&gt; &#39;now&#39;</div>") == "Cuts wood fast 'now'"
    assert strip_html("<b>bold</b>ly") == "boldly"
    for text in ("a < b and c > d", "List<String> x", "AT&T; R&D", "3 <4> 5", "<p", "if x<a and y>b"):
        assert strip_html(text) == text and first_html(text) == ""
    assert first_html("x <BR/> y") == "<BR/>"
    assert strip_html("<?xml version='1.0'?><o:p class='x'>a</o:p><![CDATA[ b <i>c</i> ]]>") == "a b c"
    assert strip_html("x[y[0]]>3 and 2 < 5") == "x[y[0]]>3 and 2 < 5"


def test_key_words_of_hindi_documents_are_words():
    texts = ["लकड़ी काटने की आरी", "लकड़ी चिकनी करने का रंदा", "चाय बनाने की केतली", "चाय पीने का प्याला"]
    corpus = Corpus.from_records([{"doc_id": n, "text": text} for n, text in enumerate(texts)])
    found = prefix_keywords(SemanticIDs.from_codes(corpus.doc_ids, [[0], [0], [1], [1]], (2,)), corpus, 1)
    assert found[(0,)][0][0] == "लकड़ी" and found[(1,)][0][0] == "चाय"


def test_tfidf_reads_scripts_without_spaces():
    texts = ["不锈钢锅煮汤", "不锈钢锅炖菜", "木锯切割木板", "手锯切割木头"]
    vectors = TfidfEmbeddings(rank=3).fit(texts)
    pots, saws = vectors[:2], vectors[2:]
    assert (abs(vectors).sum(1) > 0).all()
    assert (pots @ pots.T).min() > (pots @ saws.T).max() and (saws @ saws.T).min() > (pots @ saws.T).max()


def test_a_document_without_a_known_word_is_said():
    with pytest.warns(UserWarning, match=r"1 of 25 documents have a tfidf vector of zeros \(counted from 0: 24\)"):
        TfidfEmbeddings(rank=2).fit(["saw cuts wood", "pot boils soup"] * 12 + ["xylophone"])
