"""Problems as people, programs, GitHub and code scanners read them."""

import json

from bot_documents import SMALL, changed

from runner.bot.problem import Problem, Span, error
from runner.bot.read import read_text
from runner.bot.render import render_github, render_json, render_problem, render_sarif, render_text
from runner.bot.source import Source

TEXT = changed(SMALL, "{kind: ema, length: 9}", "{kind: ema, lenght: 9}")


def checked(text: str = TEXT) -> tuple[Source, list[Problem]]:
    _, problems, source = read_text(text, "bots/small.yaml")
    return source, problems


def test_text_has_place_sentence_line_caret_and_hint() -> None:
    assert render_text([checked()]) == (
        "bots/small.yaml:5:21: error: unknown key 'lenght' in 'indicators.fast' [schema/unknown-key]\n"
        "   |\n"
        " 5 |   fast: {kind: ema, lenght: 9}\n"
        "   |                     ^~~~~~\n"
        "   = hint: did you mean 'length'?\n"
        "\n"
        "1 error\n"
    )


def test_the_margin_is_as_wide_as_the_line_number() -> None:
    lines = [""] * 20 + ["  atr:      {kind: atr, lenght: 14}"]
    problem = error(
        "schema/unknown-key", "unknown key", Span("x.yaml", 21, 25, 6), hint="did you mean 'length'?"
    )
    assert render_problem(problem, lines).splitlines()[1:] == [
        "    |",
        " 21 |   atr:      {kind: atr, lenght: 14}",
        "    |                         ^~~~~~",
        "    = hint: did you mean 'length'?",
    ]


def test_no_problem_is_no_text() -> None:
    assert render_text([checked(SMALL)]) == ""


def test_allowed_warnings_are_counted() -> None:
    text = SMALL.split("limits:")[0].replace("name:", "# runner: allow risk/no-daily-limit\nname:")
    assert render_text([checked(text)]) == "1 warning allowed by comments\n"


def test_a_long_line_is_cut_around_the_place() -> None:
    text = changed(SMALL, "name: small", f"description: {'x' * 900}\nname: small")
    text = text.replace("description:", "descripton:")
    line = render_text([checked(text)]).splitlines()[2]
    assert len(line) < 180
    assert line.endswith("…")


def test_a_caret_never_runs_past_its_line() -> None:
    problem = error("yaml/syntax", "something", Span("x", 1, 3, 500))
    assert render_problem(problem, ["abcde"]).splitlines()[3] == "   |   ^~~"


def test_json_holds_every_field() -> None:
    (file,) = json.loads(render_json([checked()]))["files"]
    assert file["file"] == "bots/small.yaml"
    assert file["problems"] == [
        {
            "code": "schema/unknown-key",
            "severity": "error",
            "message": "unknown key 'lenght' in 'indicators.fast'",
            "hint": "did you mean 'length'?",
            "file": "bots/small.yaml",
            "line": 5,
            "column": 21,
            "length": 6,
            "path": "indicators.fast.lenght",
        }
    ]


def test_github_annotations_escape_what_would_end_them() -> None:
    problem = error("schema/unit", "50% of what\nthen", Span("a,b:c.yaml", 2, 3, 4), hint="write 50%")
    assert render_github([(Source("x", ""), [problem])]) == (
        "::error file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=7,title=schema/unit::"
        "50%25 of what%0Athen%0Ahint: write 50%25\n"
    )


def test_sarif_names_rules_and_regions() -> None:
    sarif = json.loads(render_sarif([checked()]))
    (run,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["schema/unknown-key"]
    (result,) = run["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 5, "startColumn": 21, "endColumn": 27}
