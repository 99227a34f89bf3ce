"""Flag over environment over ./runner.toml over the home's over default; what is wrong has a place."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import SettingsWrong
from runner.settings.load import Origin, Settings, load_settings
from runner.settings.table import BY_NAME, SETTINGS, masked_url
from runner.settings.toml_file import read_keys

ROOT = Path(__file__).resolve().parents[2]


class Folders:
    """A home and a project, each with or without a runner.toml."""

    def __init__(self, root: Path) -> None:
        self.home, self.project = root / "home", root / "project"
        for folder in (self.home, self.project):
            folder.mkdir(exist_ok=True)

    def load(
        self, *, home: str = "", project: str = "", environ: dict[str, str] | None = None, **flags: str
    ) -> Settings:
        for folder, text in ((self.home, home), (self.project, project)):
            (folder / "runner.toml").write_text(text)
            (folder / "runner.toml").chmod(0o600)
        given = {name.replace("__", "."): text for name, text in flags.items()}
        return load_settings(home=self.home, folder=self.project, environ=environ or {}, flags=given)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_each_layer_goes_over_the_next(folders: Folders) -> None:
    layers = {
        "home": '[log]\nlevel = "error"\n',
        "project": '[log]\nlevel = "warning"\n',
        "environ": {"RUNNER_LOG_LEVEL": "info"},
        "log__level": "debug",
    }
    seen = []
    for count in range(5):
        said = folders.load(**dict(list(layers.items())[:count]))  # type: ignore[arg-type]
        seen.append((said.text("log.level"), said.origin("log.level")))
    assert seen == [
        ("info", Origin("default", "default")),
        ("error", Origin("home file", f"{folders.home}/runner.toml:2:1")),
        ("warning", Origin("project file", f"{folders.project}/runner.toml:2:1")),
        ("info", Origin("environment", "RUNNER_LOG_LEVEL")),
        ("debug", Origin("flag", "--log-level")),
    ]


def test_every_setting_has_a_default_that_is_of_its_kind(folders: Folders) -> None:
    said = folders.load()
    for setting in SETTINGS:
        found = said.found[setting.name]
        assert found is None or isinstance(found, int if setting.kind == "port" else str)
        assert "{home}" not in str(found)
        assert setting.help.endswith(".")
    assert said.path("vault.file") == folders.home / "keys" / "vault.json"
    assert said.text("db") == f"sqlite:///{folders.home}/journal.db"
    assert said.text_or_none("health.token") is None
    assert said.path_or_none("vault.passphrase_file") is None


FAULTS = {
    "[healht]\nport = 3\n": "2:1: unknown setting 'healht.port'; did you mean 'health.port'?",
    "health = { prot = 1 }\n": "1:12: unknown setting 'health.prot'; did you mean 'health.port'?",
    "nothing_like_it = 1\n": "1:1: unknown setting 'nothing_like_it'; 'runner config' lists them all",
    'log = "debug"\n': "1:1: unknown setting 'log'; it is a section, with log.level, log.format",
    '[[log]]\nlevel = "info"\n': "1:3: unknown setting 'log'; it is a section, with log.level, log.format",
    '# a\n\n[health]\n  port = "9"\n': "4:3: health.port = '9': write a port, a whole number from 0 to 65535",
    "health.port = true\n": "1:8: health.port = True: write a port, a whole number from 0 to 65535",
    "health.port = 65536\n": "1:8: health.port = 65536: write a port, a whole number from 0 to 65535",
    "health.port = 1.0\n": "1:8: health.port = 1.0: write a port, a whole number from 0 to 65535",
    '[log]\nlevel = "debgu"\n': "2:1: log.level = 'debgu': write one of debug, info, warning",
    '[log]\nlevel = [\n "info",\n]\n': "2:1: log.level = ['info']: write",
    '[log]\nlevel = """\ninfo"""\nformat = "txet"\n': "4:1: log.format = 'txet': write one of auto",
    "[health]\nport = 1\nport = 2\n": "3:9: Cannot overwrite a value",
    "[log\n": "1:5: Expected ']' at the end of a table declaration",
    'a = "\n': "1:6: Illegal character",
    "a = [1,\n": "Invalid value",
    'home = "/x"\n': "1:1: home is not said in a file; set RUNNER_HOME",
    '[archive]\nurl = "https://x"\n': "2:1: archive.url is not taken from a project's runner.toml",
    '[vault]\npassphrase_file = "x"\n': "2:1: vault.passphrase_file is not taken from a project",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_in_a_file_has_its_place_and_the_way_out(folders: Folders, text: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        folders.load(project=text)
    assert str(refused.value).startswith(f"{folders.project}/runner.toml:")
    assert FAULTS[text] in str(refused.value)
    assert refused.value.exit_code == 2


def test_an_empty_section_and_a_missing_file_say_nothing(folders: Folders) -> None:
    assert folders.load(project="[log]\n# level = 1\n").origin("log.level").layer == "default"
    folders.load()
    for folder in (folders.home, folders.project):
        (folder / "runner.toml").unlink()
    assert load_settings(home=folders.home, folder=folders.project, environ={}).text("log.level") == "info"


def test_what_is_not_text_is_refused(folders: Folders) -> None:
    folders.load()
    path = folders.project / "runner.toml"
    for content, words in ((b"a = 1\n\xff\n", "2:1: not UTF-8"), (b"#" * 70_000, "longer than")):
        path.write_bytes(content)
        with pytest.raises(SettingsWrong, match=words):
            load_settings(home=folders.home, folder=folders.project, environ={})


def test_paths_count_from_where_they_were_said(folders: Folders) -> None:
    in_file = folders.load(home='[vault]\nfile = "v/vault.json"\n')
    assert in_file.path("vault.file") == folders.home / "v" / "vault.json"
    said = folders.load(environ={"RUNNER_VAULT_FILE": "v.json"})
    assert said.path("vault.file") == folders.project / "v.json"
    home = folders.load(environ={"RUNNER_VAULT_FILE": "~/v.json"})
    assert home.path("vault.file") == Path("~/v.json").expanduser()


def test_one_file_that_is_both_homes_and_projects_is_the_homes(tmp_path: Path) -> None:
    (tmp_path / "runner.toml").write_text('[archive]\nurl = "https://mirror.example"\n')
    said = load_settings(home=tmp_path, folder=tmp_path, environ={})
    assert said.text("archive.url") == "https://mirror.example"


def test_a_variable_of_the_wrong_kind_is_named(folders: Folders) -> None:
    wrong = {
        "RUNNER_HEALTH_PORT": "80a",
        "RUNNER_LOG_FORMAT": "xml",
        "RUNNER_DB": "journal.db",
        "RUNNER_EXCHANGE_URL": "http://127.0.0.1:port",
        "RUNNER_HEALTH_ADDRESS": "a\nb",
    }
    for variable, text in wrong.items():
        with pytest.raises(SettingsWrong, match=f"^{variable}"):
            folders.load(environ={variable: text})
    assert folders.load(environ={"RUNNER_HEALTH_PORT": ""}).port("health.port") == 9464


def test_a_strange_variable_is_told_with_the_nearest_name(folders: Folders) -> None:
    environ = {"RUNNER_LOG_LEVL": "debug", "RUNNER_OS": "Linux", "RUNNER_EXAMPLES": "3", "RUNNERS": "x"}
    assert folders.load(environ=environ).warnings == (
        "RUNNER_LOG_LEVL is no setting and was ignored; did you mean 'RUNNER_LOG_LEVEL'?",
    )


def test_secrets_are_hidden_and_their_file_is_private(folders: Folders) -> None:
    text = '[health]\ntoken = "canary-token"\n'
    said = folders.load(
        home=text, environ={"RUNNER_DB": "postgresql+psycopg://me:canary@host:5432/journal?x=y"}
    )
    assert said.shown("health.token") == "(hidden)"
    assert said.shown("db") == "postgresql+psycopg://…@host:5432/journal?…"
    assert "canary-token" in said.secrets()
    assert "canary" in said.secrets()
    (folders.home / "runner.toml").chmod(0o644)
    with pytest.raises(SettingsWrong, match="chmod 600"):
        load_settings(home=folders.home, folder=folders.project, environ={})
    with pytest.raises(SettingsWrong) as refused:
        folders.load(environ={"RUNNER_HEALTH_TOKEN": "canary\x07token"})
    assert "canary" not in str(refused.value)


@given(st.text(alphabet="abc:/@?#[]. ", max_size=30))
def test_no_name_or_password_of_a_url_is_shown(text: str) -> None:
    assert "SECRET" not in masked_url(f"scheme://me:SECRET@{text.replace('@', '')}")
    assert "SECRET" not in masked_url(f"scheme://{text.replace('?', '')}?password=SECRET")


WORDS = st.text(alphabet="abcdef_-", min_size=1, max_size=6)
VALUES = st.one_of(
    st.integers(),
    st.booleans(),
    st.text(alphabet="ab\n#[]='\" ", max_size=8),
    st.lists(st.integers(), max_size=3),
)


@given(
    tables=st.dictionaries(WORDS, st.dictionaries(WORDS, VALUES, min_size=1, max_size=3), max_size=3),
    data=st.data(),
)
@settings(deadline=None)
def test_keys_are_found_where_they_stand(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    lines: list[str] = []
    places: dict[str, tuple[int, int]] = {}
    for section, keys in tables.items():
        lines.append(f"[{section}]  # {section}")
        for key, found in keys.items():
            lines += [""] * data.draw(st.integers(0, 2))
            indent = " " * data.draw(st.integers(0, 3))
            places[f"{section}.{key}"] = len(lines) + 1, len(indent) + 1
            if isinstance(found, list) and found:
                lines += [f"{indent}{key} = [", *(f"  {one}," for one in found), "]"]
            else:
                lines.append(f"{indent}{key} = {json.dumps(found)}")
    path = tmp_path_factory.mktemp("toml") / "runner.toml"
    path.write_text("\n".join(lines) + "\n")
    assert {key.name: (key.line, key.column) for key in read_keys(path) or []} == places


@given(
    content=st.one_of(
        st.binary(max_size=80), st.text(alphabet="[]=.\"'\n a1#{},", max_size=60).map(str.encode)
    )
)
@settings(deadline=None, max_examples=300)
def test_any_file_gives_settings_or_a_refusal_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folders = Folders(tmp_path_factory.mktemp("any"))
    path = folders.project / "runner.toml"
    path.write_bytes(content)
    try:
        load_settings(home=folders.home, folder=folders.project, environ={})
        said = str(path)
    except SettingsWrong as refused:
        said = str(refused)
    assert said.startswith(str(path))


def config(folder: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    environ = {name: text for name, text in os.environ.items() if not name.startswith("RUNNER_")}
    environ |= {"RUNNER_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "runner", "config", *words]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_command_shows_values_and_their_origins(tmp_path: Path) -> None:
    (tmp_path / "runner.toml").write_text('[log]\nlevel = "debug"\n')
    shown = config(tmp_path, "--origin", RUNNER_HEALTH_TOKEN="canary", RUNNER_HELTH_PORT="1")
    assert shown.returncode == 0
    lines = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert set(lines) == set(BY_NAME)
    assert lines["log.level"] == ["debug", f"{tmp_path}/runner.toml:2:1"]
    assert lines["health.token"] == ["(hidden)", "RUNNER_HEALTH_TOKEN"]
    assert lines["home"] == [str(tmp_path / "home"), "RUNNER_HOME"]
    assert lines["exchange.url"] == ["-", "default"]
    assert "did you mean 'RUNNER_HEALTH_PORT'" in shown.stderr
    assert "canary" not in shown.stdout + shown.stderr


def test_the_command_speaks_json_and_says_what_each_is_for(tmp_path: Path) -> None:
    shown = json.loads(config(tmp_path, "--json").stdout)
    assert shown["version"] == 1
    assert set(shown["settings"]) == set(BY_NAME)
    port = shown["settings"]["health.port"]
    assert (port["value"], port["layer"], port["variable"]) == (9464, "default", "RUNNER_HEALTH_PORT")
    assert "a free one" in config(tmp_path).stdout


def test_a_fault_ends_the_command_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "runner.toml").write_text("[log]\nlevle = 1\n")
    shown = config(tmp_path)
    assert shown.returncode == 2
    assert (
        shown.stderr
        == f"error: {tmp_path}/runner.toml:2:1: unknown setting 'log.levle'; did you mean 'log.level'?\n"
    )


def test_the_page_lists_every_setting() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert list(rows) == list(BY_NAME)
    for setting in SETTINGS:
        row = rows[setting.name]
        assert f"`{setting.variable}`" in row
        assert setting.help.rstrip(".") in row
        assert ("*own*" in row) == (setting.said == "own")
        if setting.default is not None:
            assert f"`{str(setting.default).replace('{home}', 'RUNNER_HOME')}`" in row
