"""The page of the report: what stands on it, what is left out and why, and that no text of a run becomes markup.

The browser test needs Chromium, Node, and a folder node_modules with playwright-core that TFVAE_NODE_MODULES names;
without them it is skipped.

Mutations, each seen to break a test here: a paragraph or a cell of a table not escaped, no alternative texts, a
section left out without a line, an address in the page, a table that is wider than a phone.
"""

import base64
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from kit import browser, report_stories

from tfvae.checks import UserError
from tfvae.training.report import page as pages
from tfvae.training.report.numbers import decimals_of, estimate, number

TITLES = [section.title for section in pages.SECTIONS if None in section.kinds]
VOID = {"meta", "link", "img"}
NASTY = "<script>alert(1)</script> & \"quoted\" <b>'x'"


class Reader(HTMLParser):
    """Collects headings, tags and text, and checks that elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.headings = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read(**changes):
    return Reader(pages.page(report_stories.story(**changes)))


def left_out(page):
    return (
        page.text.partition("What is not here")[2]
        .rpartition("What is not here")[2]
        .partition("Every number")[0]
    )


def test_every_section_is_there_in_order_where_the_numbers_are():
    page = read()
    assert page.headings == [*TITLES, "What to distrust", "Every number"]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(report_stories.PICTURES)
    for image in images:
        kind, _, content = image["src"].partition(",")
        assert kind == "data:image/png;base64" and base64.b64decode(content) == report_stories.png()
        assert image["alt"].endswith(".") and (image["width"], image["height"]) == ("3", "2")
    alts = {image["alt"] for image in images}
    assert len(alts) == len(images) == sum(tag == "figcaption" for tag, _ in page.tags)
    for told in (
        "\u2212log p(x) = 86.46 \u00b1 0.25 nats for 10,000 test examples of digits",
        "tfvae train --run-dir 'a run'",
        "1,234,567 parameters",
        "10,000: 20 of",
        "0.1590",
        "Because q is weak.",
        "95.00 \u00b1 0.20 %",
        "None of them found anything.",
    ):
        assert told in page.text.replace("\u00a0", " "), told


def test_every_number_that_the_page_names_is_known():
    assert "not known" not in read().text


def test_without_jinja2_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(
        UserError, match=r"^the report needs Jinja2, which is not installed; pip install jinja2$"
    ):
        pages.page(report_stories.story())


MISSING = {  # section: what is taken away, and what the line says
    "What the bound loses: the inference gap": (
        {"without": ["inference_gap"], "result": {"gap_missing": "q is discrete"}},
        "q is discrete.",
    ),
    "Rate and distortion": ({"without": ["rate"]}, "were not computed"),
    "Reconstructions": ({"without": ["reconstructions"]}, "no picture"),
    "The latent map": ({"without": ["latent_map", "manifold"]}, "no picture"),
    "Active units": ({"result": {"active_units": None}}, "no latents"),
    "What the codes know": (
        {"result": {"knn_accuracy": None, "codes_missing": "data set ring has no labels to tell"}},
        "no labels to tell.",
    ),
    "How training went": ({"without": ["loss_curves"]}, "no history.csv"),
}


@pytest.mark.parametrize("title", MISSING)
def test_a_section_without_its_numbers_is_left_out_with_a_line(title):
    changes, why = MISSING[title]
    page = read(**changes)
    kept = [name for name in TITLES if name != title]
    assert page.headings == [*kept, "What to distrust", "What is not here", "Every number"]
    assert f"{title}: " in left_out(page) and why in left_out(page)


def test_a_model_without_latents_says_so_and_no_more():
    nothing = dict.fromkeys(
        name
        for name in report_stories.RESULT
        if re.search("gap|rate|distortion|active|units|code|knn|probe", name)
    ) | {"num_samples": None, "effective_sample_size": None, "effective_sample_size_histogram": None}
    facts = {"latents": None, "model": "Regressor"}
    pictures = {name: report_stories.story().pictures[name] for name in ("loss_curves",)}
    page = read(result=nothing, facts=facts, pictures=pictures)
    assert page.headings == [
        "What was trained",
        "How likely the data are",
        "Samples beside real data",
        "How training went",
        "What to distrust",
        "What is not here",
        "Every number",
    ]
    assert "its log-likelihood is exact" in page.text and "Estimator" not in page.text
    assert left_out(page).count("the model has no") == 6


def test_what_has_no_quality_says_why():
    page = read(
        result={"precision": None, "quality_missing": "12 examples are too few"}, without=["real", "drawn"]
    )
    assert "No figures of quality: 12 examples are too few." in page.text


def test_no_text_of_a_run_becomes_markup():
    plain, nasty = (
        read(
            name=word,
            config={"dataset": word},
            result={
                "gap_verdict": word,
                "against": word,
                "against_nll": 1.0,
                "nll_gain": 1.0,
                "more": [word],
            },
            facts={"summary": word},
        )
        for word in ("plain", NASTY)
    )
    assert [tag for tag, _ in nasty.tags] == [tag for tag, _ in plain.tags]
    assert nasty.text.count(NASTY) >= 4
    argv = report_stories.story().content | {"argv": ["tfvae", "train", "--run-dir", NASTY]}
    assert "<script" not in pages.page(report_stories.story(content=argv))


def test_the_page_refers_to_nothing_outside_itself():
    text = pages.page(report_stories.story())
    assert "//" not in re.sub(r"data:image/png;base64,[^\"]*", "", text)
    targets = [
        value for _, attributes in Reader(text).tags for name, value in attributes.items() if name == "href"
    ]
    assert targets and all(target.startswith("#") or target == "data:," for target in targets)
    names = {attributes.get("id") for _, attributes in Reader(text).tags}
    assert {target[1:] for target in targets if target.startswith("#")} <= names
    assert not [tag for tag, _ in Reader(text).tags if tag in ("script", "iframe", "object")]


def test_tables_name_their_columns_and_rows():
    page = read()
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert set(scopes) == {"col", "row"}
    assert sum(tag == "caption" for tag, _ in page.tags) == sum(tag == "table" for tag, _ in page.tags)


def test_annealing_and_comparison_are_told_where_they_were_made():
    changes = {"against": "other", "against_nll": 87.0, "nll_gain": 0.5}
    changes |= {"method": "ais", "num_chains": 16, "num_temperatures": 500, "init": "prior"}
    changes |= {"effective_chains": 12.0, "acceptance": 0.65, "importance_nll": 87.1}
    changes |= {
        "simulated_examples": 50,
        "simulated_lower": -86.0,
        "simulated_upper": -85.9,
        "simulated_gap": 0.1,
    }
    text = read(result=changes).text.replace("\u00a0", " ")
    for told in (
        "the run other has 87.00 nats",
        "Importance sampling 87.10 nats",
        "Gap between them 0.10 nats",
    ):
        assert told in text
    assert "What the chains say" not in read().text
    assert "on the same examples; that is higher by 0.50 nats" in text
    text = read(result=changes | {"nll_gain": -0.5}).text.replace("\u00a0", " ")
    assert "that is lower by 0.50 nats" in text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (23.456, 0.3123, "23.46 \u00b1 0.31"),
        (-86.4, 12.3, "\u221286 \u00b1 12"),
        (1234.5, 0.0, "1,234.50 \u00b1 0.00"),
        (0.5, None, "0.50"),
        (None, None, "not known"),
        (0.1234567, 0.0000012, "0.1235 \u00b1 0.0000"),
        (-0.001, 0.2, "0.00 \u00b1 0.20"),
    ],
)
def test_numbers_are_written_to_the_second_digit_of_their_error(value, error, text):
    assert estimate(value, error).replace("\u00a0", " ") == text


def test_small_things_of_numbers():
    assert estimate(1.0, 0.1, "nats") == "1.00\u00a0\u00b1\u00a00.10\u00a0nats"
    assert (decimals_of(0.99), decimals_of(1.0), decimals_of(250.0)) == (2, 1, 0)
    assert number(-12345.6, 0) == "\u221212,346"


@pytest.mark.slow
@pytest.mark.skipif(
    not browser.HERE, reason="needs Node, Chromium and TFVAE_NODE_MODULES with playwright-core"
)
def test_in_chromium(tmp_path):
    file = tmp_path / "a <b>& run #1" / "report.html"
    file.parent.mkdir()
    file.write_text(pages.page(report_stories.story(name=NASTY)), "utf-8")
    seen = browser.drive(Path(__file__).with_name("open.mjs"), file.as_uri(), "1100", "360")
    at_desk = browser.drive(Path(__file__).with_name("open.mjs"), file.as_uri(), "1100")
    assert at_desk["broken"] == []
    assert seen["errors"] == [] and seen["requests"] == [file.as_uri()] * 2
    assert len(seen["images"]) == len(report_stories.PICTURES)
    assert all(image["width"] > 0 and image["alt"] for image in seen["images"])
    assert seen["widths"] == {"1100": 1100, "360": 360}
    assert seen["headings"] == [*TITLES, "What to distrust", "Every number"]
    assert seen["broken"] == []  # at the width of a phone
    assert seen["links"] and seen["bold"] == 0
    assert seen["title"] == f"{NASTY}: a tfvae report"
