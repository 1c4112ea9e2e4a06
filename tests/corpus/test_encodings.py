"""Which encoding a few words look like: every alphabet that shops write in, two or three words of each."""

import pytest

from lmindexer.corpus.encodings import guess_encoding, likely_encodings

WORDS = {
    "cp1251": ["Пила режет дерево", "дрель", "ручная пила", "ПИЛА ПО ДЕРЕВУ"],
    "koi8_r": ["Пила режет дерево", "дрель", "ручная пила"],
    "cp1253": ["Κόβει το ξύλο", "πριόνι για μέταλλο", "εργαλεία κήπου"],
    "cp1256": ["منشار للخشب"],
    "cp874": ["เลื่อยตัดไม้", "ค้อนเหล็ก"],
    "gb18030": ["精细木锯", "锯子", "适合小型木工", "电动工具套装，家用"],
    "big5": ["精細鋸子", "鋸子適合木工"],
    "shift_jis": ["のこぎりで木を切る", "木工用ノコギリ", "ドリル"],
    "euc_jp": ["のこぎりで木を切る", "木工用ノコギリ"],
    "euc_kr": ["나무를 자르는 톱", "망치"],
    "cp1252": ["Säge für Möbel", "scie à métaux", "pile à 5 €"],
    "cp1250": ["Piła ręczna żółta"],
    "utf-8": ["Säge", "дрель", "锯子"],
}


@pytest.mark.parametrize(("encoding", "words"), [(name, word) for name, words in WORDS.items() for word in words])
def test_a_few_words_are_enough(encoding, words):
    assert guess_encoding(f"sku,title,body\n1,{words},x\n".encode(encoding)) == encoding


def test_what_a_few_words_cannot_tell_is_said_with_every_candidate():
    assert "cp1255" in likely_encodings("מסור לעץ".encode("cp1255"))
    assert "gb18030" in likely_encodings("sku,title\n1,木工锯\n".encode("gb18030"))  # all syllables of Korean
    assert likely_encodings("büyük çekiç".encode("cp1254"))[0] == "cp1252"  # the same bytes in both
    assert likely_encodings(b"\xff\x00\xfe") is not None
