"""The settings in force: flag over environment over ./runner.toml over RUNNER_HOME/runner.toml over default.

In: flags by name, the environment, the home, the working folder. Out: Settings, each with where it was said;
SettingsWrong, which names file:line:col or the variable, and what is wanted.
Refuses to know: what the values are for.

The project's file goes over the home's because it is the nearer one. It may come from somebody else, so it
may not say what leads keys, records or alerts elsewhere: such settings (`own` in the table) stand in the
home's file or in the environment. An empty variable counts as not set.
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from runner.errors import SettingsWrong
from runner.settings.table import (
    BY_NAME,
    BY_VARIABLE,
    FOREIGN,
    SETTINGS,
    Found,
    Setting,
    Unfit,
    checked,
    did_you_mean,
    from_text,
    masked,
    option_of,
)
from runner.settings.toml_file import Key, read_keys

FILE_NAME = "runner.toml"

Layer = Literal["flag", "environment", "project file", "home file", "default"]


class Origin(NamedTuple):
    """Who said a setting: the layer, and the option, variable or file:line:column."""

    layer: Layer
    where: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting has a value here, or None where it has no default and nobody said one."""

    found: Mapping[str, Found | None]
    origins: Mapping[str, Origin]
    warnings: tuple[str, ...] = field(default=())

    def text(self, name: str) -> str:
        """A text, choice or URL that has a default or was said."""
        found = self.text_or_none(name)
        assert found is not None, f"{name} has no default"
        return found

    def text_or_none(self, name: str) -> str | None:
        """The same, for what may be absent."""
        found = self.found[name]
        assert found is None or isinstance(found, str), f"{name} is no text"
        return found

    def path(self, name: str) -> Path:
        """A path that has a default or was said, `~` resolved."""
        return Path(self.text(name))

    def path_or_none(self, name: str) -> Path | None:
        """The same, for what may be absent."""
        found = self.text_or_none(name)
        return Path(found) if found is not None else None

    def port(self, name: str) -> int:
        """A port."""
        found = self.found[name]
        assert type(found) is int, f"{name} is no port"
        return found

    def origin(self, name: str) -> Origin:
        """Where its value was said."""
        return self.origins[name]

    def shown(self, name: str) -> str | int | bool | None:
        """The value as it may be printed: secrets hidden."""
        return masked(BY_NAME[name], self.found[name])

    def secrets(self) -> list[str]:
        """What must never be printed: whoever sets up the logs registers these."""
        hidden = [str(self.found[one.name]) for one in SETTINGS if one.secret and self.found[one.name]]
        urls = [self.text_or_none(one.name) for one in SETTINGS if one.kind == "url"]
        passwords = [urlsplit(url).password for url in urls if url]
        return hidden + [spelled for word in passwords if word for spelled in {word, unquote(word)}]


def load_settings(
    *, home: Path, folder: Path, environ: Mapping[str, str], flags: Mapping[str, str] | None = None
) -> Settings:
    """All settings; `flags` are texts by a setting's name, such as {"log.level": "debug"}."""
    found: dict[str, Found | None] = {one.name: _default(one, home) for one in SETTINGS}
    origins = dict.fromkeys(found, Origin("default", "default"))

    def say(setting: Setting, meant: Found, origin: Origin, base: Path) -> None:
        found[setting.name] = _rooted(setting, meant, base)
        origins[setting.name] = origin

    files: list[tuple[Layer, Path]] = [("home file", home / FILE_NAME)]
    if (folder / FILE_NAME).resolve() != (home / FILE_NAME).resolve():
        files.append(("project file", folder / FILE_NAME))
    for layer, path in files:
        for key, setting in _said_in(path, layer):
            place = f"{path}:{key.line}:{key.column}"
            say(
                setting, _meant(f"{place}: {key.name}", setting, key.found), Origin(layer, place), path.parent
            )
    for setting in SETTINGS:
        if text := environ.get(setting.variable):
            meant = _meant(setting.variable, setting, text, is_text=True)
            say(setting, meant, Origin("environment", setting.variable), folder)
    for name, text in (flags or {}).items():
        setting, option = BY_NAME[name], option_of(name)
        say(setting, _meant(option, setting, text, is_text=True), Origin("flag", option), folder)
    return Settings(found, origins, tuple(_unknown_variables(environ)))


def _said_in(path: Path, layer: Layer) -> list[tuple[Key, Setting]]:
    """The settings of one file, each known and allowed there."""
    keys = read_keys(path) or []
    said = []
    for key in keys:
        place = f"{path}:{key.line}:{key.column}"
        setting = BY_NAME.get(key.name)
        if setting is None and key.found == {} and any(name.startswith(f"{key.name}.") for name in BY_NAME):
            continue  # an empty section
        if setting is None:
            raise SettingsWrong(f"{place}: unknown setting {key.name!r}{_nearest(key)}")
        if setting.said == "environment":
            raise SettingsWrong(f"{place}: {key.name} is not said in a file; set {setting.variable}")
        if setting.said == "own" and layer == "project file":
            raise SettingsWrong(
                f"{place}: {key.name} is not taken from a project's {FILE_NAME}, which may be "
                f"somebody else's; say it in {FILE_NAME} of your RUNNER_HOME or in {setting.variable}"
            )
        said.append((key, setting))
    if any(setting.secret for _, setting in said) and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SettingsWrong(f"{path} holds a secret and others can read it: chmod 600 {path}")
    return said


def _nearest(key: Key) -> str:
    """The known name that was probably meant; a section has several."""
    inside = [name for name in BY_NAME if name.startswith(f"{key.name}.")]
    if inside:
        return f"; it is a section, with {', '.join(inside)}"
    return did_you_mean(key.name, list(BY_NAME)) or "; 'runner config' lists them all"


def _meant(place: str, setting: Setting, said: object, *, is_text: bool = False) -> Found:
    """The value, or a refusal that shows no secret."""
    try:
        return from_text(setting, str(said)) if is_text else checked(setting, said)
    except Unfit as unfit:
        shown = "" if setting.secret or setting.kind == "url" else f" {said!r}"
        raise SettingsWrong(f"{place}{' =' if shown else ''}{shown}: {unfit}") from None


def _default(setting: Setting, home: Path) -> Found | None:
    if setting.name == "home":
        return str(home)
    if isinstance(setting.default, str):
        return setting.default.replace("{home}", str(home))
    return setting.default


def _rooted(setting: Setting, meant: Found, base: Path) -> Found:
    """A path as an absolute one: in a file it counts from the file's folder, else from the working folder."""
    return str(base / Path(str(meant)).expanduser()) if setting.kind == "path" else meant


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One sentence for each variable that looks like ours and is not."""
    strange = sorted(
        name
        for name in environ
        if name.startswith("RUNNER_") and name not in BY_VARIABLE and name not in FOREIGN
    )
    return [
        f"{name} is no setting and was ignored{did_you_mean(name, list(BY_VARIABLE))}" for name in strange
    ]
