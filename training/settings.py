"""What stands with each field of a dataclass of settings: help, range, choices, default and its line in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

from tfvae.checks import UserError, int_from, number_in, one_of, shown

GROUPS = ("model", "data", "optimisation", "hardware", "output")
REQUIRED = object()  # stands for the value of a setting that config.json must hold


def always(chosen: Any) -> bool:
    """Returns True: a setting of every run."""
    return True


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting.

    Attributes:
        help: sentences that say what it is, without its default.
        group: one of `GROUPS`, under which `tfvae train --help` lists it.
        default: a value, or a function of `Chosen` that returns one.
        default_text: the default in words; empty for the value itself.
        choices: the values that a name may take, in order; a mapping also gives their meaning; empty for any.
        ends: lowest and highest number, both allowed; integers for an integer; empty for any.
        metavar: stand-in for the value in the help; empty for the choices.
        bare: value of a flag that stands without one; None where a value must follow.
        absent: value where a run's config.json lacks the setting; `REQUIRED` where it may not.
        title: title of its row in the report; empty where it has none of its own.
        text: text of the row with the names of settings in braces; empty for the value itself.
        quiet: value that is not worth a row; None never is.
        applies: function of the other settings, as attributes, that returns whether the setting has a meaning; where it
            has none, its value is None. Where it has one and its default is not None, neither may its value be.
        needs: a preset for which it has one, for the message.
    """

    help: str
    group: str
    default: Any
    default_text: str = ""
    choices: Iterable[str] | Mapping[str, str] = ()
    ends: tuple[float, float] | tuple[()] = ()
    metavar: str = ""
    bare: str | None = None
    absent: Any = REQUIRED
    title: str = ""
    text: str = ""
    quiet: Any = REQUIRED
    applies: Callable[[Any], bool] = always
    needs: str = ""

    def check(self, name: str, value: Any) -> None:
        """Raises a `UserError` if a value of the right type is none of the choices or out of range."""
        if value is None:
            return
        if self.choices:
            one_of(name, value, self.choices)
        if self.ends:
            low, high = self.ends
            if isinstance(low, float):
                number_in(name, value, low, high)
            else:
                int_from(low, name, value, int(high))

    def help_text(self) -> str:
        """Returns the help with the default, where there is one to tell."""
        plain = (
            "" if callable(self.default) or self.default is False else str(self.default).removesuffix(".0")
        )
        default = self.default_text or plain
        return f"{self.help} (default: {default})" if default else self.help


def setting(help: str, group: str, **details: Any) -> Any:
    """Returns a dataclass field whose metadata hold a `Setting`.

    Args:
        help: sentences that say what the setting is.
        group: one of `GROUPS`.
        **details: the other attributes of `Setting`.
    """
    return field(metadata={"setting": Setting(help=help, group=group, **details)})


def settings_of(dataclass_of_settings: Any) -> dict[str, Setting]:
    """Returns name -> `Setting` for the fields of a dataclass, in their order."""
    return {item.name: item.metadata["setting"] for item in fields(dataclass_of_settings)}


def check_types(dataclass_of_settings: Any, values: Mapping[str, Any]) -> None:
    """Raises a `UserError` for the first value that is of another type than its field.

    An integer passes for a float, True and False for a bool alone.
    """
    hints = get_type_hints(dataclass_of_settings)
    for item in fields(dataclass_of_settings):
        value, kind = values[item.name], hints[item.name]
        right = isinstance(value, int | float if kind is float else kind)
        if not right or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"{item.name} is of the wrong type", expected=item.type, received=shown(value))


def check_applies(name: str, one: Setting, settings: Any) -> None:
    """Raises a `UserError` if a setting without a meaning has a value, or one with a meaning has none.

    Args:
        name: name of the setting.
        one: the setting.
        settings: all settings, as attributes, `preset` among them.
    """
    value, applies = getattr(settings, name), one.applies(settings)
    flag = f"--{name.replace('_', '-')}"
    if value is not None and not applies:
        raise UserError(
            f"preset {settings.preset} has no {name.replace('_', ' ')}",
            expected=f"no {flag}",
            received=shown(value),
            fix=f"leave it out, or choose a preset that has one, such as {one.needs}",
        )
    if value is None and applies and one.applies is not always and one.default is not None:
        raise UserError(f"{name} is of the wrong type", expected=f"a value for preset {settings.preset}")


def told(one: Setting, value: Any) -> bool:
    """Returns whether a setting is one of the run's at all: it is not None for want of a meaning."""
    return value is not None or one.applies is always


def reported(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns (title, text) for each setting that has a row of its own in a run's report.

    Args:
        settings: name -> `Setting`.
        values: name -> value; one that is absent has the value of runs from before the setting existed.
    """
    values = {name: one.absent for name, one in settings.items()} | dict(values)
    rows = []
    for name, one in settings.items():
        value = values[name]
        if one.title and value is not None and value != one.quiet:
            meaning = one.choices.get(value, "") if isinstance(one.choices, Mapping) else ""
            text = one.text.format_map(values) if one.text else str(value)
            rows.append((one.title, f"{text}: {meaning}" if meaning else text))
    return rows


class Chosen:
    """Settings as attributes: the values given, and defaults for the rest, which may depend on other settings.

    Args:
        settings: name -> `Setting`.
        given: name -> value.
    """

    def __init__(self, settings: Mapping[str, Setting], given: Mapping[str, Any]) -> None:
        self._settings, self._given = settings, given

    def __getattr__(self, name: str) -> Any:
        """Returns the value of a setting."""
        if name in self._given:
            return self._given[name]
        if not self._settings[name].applies(self):
            return None
        default = self._settings[name].default
        return default(self) if callable(default) else default
