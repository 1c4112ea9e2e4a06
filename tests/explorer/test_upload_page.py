"""The page "Your corpus": what it asks before it trains on an uploaded file."""

import io
import sys
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer_app import context
from lmindexer.browse import upload

APP = Path(context.__file__).with_name("app.py")


class Given(io.BytesIO):
    def __init__(self, name: str, content: str):
        super().__init__(content.encode())
        self.name = name


@pytest.fixture
def page(tmp_path, monkeypatch):
    """page(name, content) -> the page with that file uploaded; nothing may raise."""
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])

    def go(name: str, content: str):
        monkeypatch.setattr(st, "file_uploader", lambda *args, **options: Given(name, content))
        test = AppTest.from_file(str(APP), default_timeout=60)
        test.session_state["goto"] = ("corpus", {})
        test.run()
        assert not test.exception, test.exception[0].value
        return test

    return go


def trains(test) -> bool:
    return any(button.label == "Train" for button in test.button)


def test_a_file_of_semicolons_is_asked_about_before_it_can_be_trained_on(page):
    test = page("shop.csv", "sku;title;body\n1;Saw;cuts\n2;Mallet;hits\n")
    assert not trains(test) and "semicolons part it" in test.radio[0].label
    test.radio[0].set_value("Yes").run()
    assert trains(test) and [choice.value for choice in test.selectbox if choice.label == "Id"] == ["sku"]


def test_the_choices_of_the_command_line_are_there(page):
    test = page("shop.csv", "sku,title,body\n1,Saw,NULL\n2,Mallet,<b>hits</b>\n")
    named = {element.label for kind in (test.selectbox, test.text_input, test.toggle) for element in kind}
    assert {"Delimiter", "Quotation mark", "Escape", "Encoding", "Leave bad rows out", "Take HTML out"} <= named
    said = " ".join(warning.value for warning in test.warning)
    assert "Press “Take HTML out”" in said and "Press “Keep words such as NULL and nan”" in said


def test_a_json_file_is_read(page):
    assert trains(page("SHOP.JSON", '[{"sku": 1, "title": "Saw"}, {"sku": 2, "title": "Mallet"}]'))


def test_one_column_without_another_delimiter_raises_no_question(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("title\nSaw\n")
    assert upload.look_at(path) == upload.Look(["title"], None)
    path.write_text("title|body\nSaw|cuts\n")
    assert upload.look_at(path) == upload.Look(["title|body"], "|")
    assert upload.look_at(path, {"delimiter": "|"}) == upload.Look(["title", "body"], None)
