"""Pages of parameters and of config formats, written from the data that the program uses."""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2

from lora_advisor import frameworks, parameters
from lora_advisor.frameworks.draft import Draft
from lora_advisor.frameworks.interface import Key
from lora_advisor.frameworks.schemas import newest
from lora_advisor.recipe import FIELDS, GROUPS, UNKNOWN, Origin
from lora_advisor.record import replace
from lora_advisor.reports._pages import rules_about
from lora_advisor.source import parse
from lora_advisor.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lora_advisor.cards import Card
    from lora_advisor.frameworks.interface import Framework
    from lora_advisor.parameters import Parameter
    from lora_advisor.recipe import Value

TITLES: Final = {
    "lora": "Adapter",
    "train": "Training",
    "quant": "Loading the base quantised",
    "model": "Base model",
    "data": "Data",
    "run": "Launch",
}
UNKNOWN_KEYS: Final = {
    "raises": "stops the run",
    "drops": "is dropped without a word",
    "warns": "is dropped with a warning",
    "unchecked": "is not judged: no list of its keys is kept",
}
PARAMETERS_HEAD: Final = """# Parameters

What each does, which way it pulls, its default in every format. `lora-advisor explain NAME` shows
a page in the terminal.

| parameter | field | about |
| --- | --- | --- |
"""
FRAMEWORKS_HEAD: Final = """# Formats

What each format's keys mean, what holds where a key is not written, and the rules about it.

| format | name for `--framework` | keys read |
| --- | --- | ---: |
"""
SCRIPTS: Final = {
    "peft-python": """\
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("a/b", quantization_config=BitsAndBytesConfig())
model = get_peft_model(model, LoraConfig())
Trainer(model=model, args=TrainingArguments())
""",
    "trl-python": """\
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

SFTTrainer(model="a/b", args=SFTConfig(), peft_config=LoraConfig())
""",
    "transformers-python": """\
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, Trainer, TrainingArguments

model = AutoModelForCausalLM.from_pretrained("a/b", quantization_config=BitsAndBytesConfig())
Trainer(model=model, args=TrainingArguments())
""",
    "unsloth": """\
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel

model, tokenizer = FastLanguageModel.from_pretrained("a/b")
model = FastLanguageModel.get_peft_model(model)
SFTTrainer(model, args=SFTConfig())
""",
}
"""What is asked of a script's defaults: the calls with nothing said."""
_SWITCH: Final = "lora.enabled"
_COMMENT: Final = re.compile(r"^    (\w+): [^#\n]+  # (.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a format's table; every text is Markdown already."""

    keys: str
    field: str
    type: str
    default: str


def written(docs: Path, cards: Iterable[Card]) -> dict[Path, str]:
    """Return the text of every page of a parameter or a format, and both indexes."""
    cards = list(cards)
    formats = [item for item in frameworks.frameworks() if item.keys]
    names = {item.name for item in formats}
    folders = docs / "parameters", docs / "formats"
    files = {folders[0] / f"{name}.md": _parameter(name, names) for name in parameters.names()}
    files |= {folders[1] / f"{item.name}.md": _framework(item, cards) for item in formats}
    files[folders[0] / "README.md"] = PARAMETERS_HEAD + "".join(_parameter_lines())
    files[folders[1] / "README.md"] = FRAMEWORKS_HEAD + "".join(_framework_lines(formats))
    return files


def _parameter_lines() -> Iterator[str]:
    for name in parameters.names():
        page = _page(name)
        about = page.title.partition(": ")[2] or page.title
        yield f"| [{name}]({name}.md) | `{page.field}` | {cell(about)} |\n"


def _page(name: str) -> Parameter:
    page = parameters.load(name)
    assert page is not None, name
    return page


def _framework_lines(formats: Iterable[Framework]) -> Iterator[str]:
    for item in sorted(formats, key=lambda item: item.title.lower()):
        yield f"| [{item.title}]({item.name}.md) | `{item.name}` | {len(item.keys)} |\n"


def _parameter(name: str, formats: set[str]) -> str:
    page = _page(name)
    about = [(rule.code, rule.name, str(rule.severity), rule.summary) for rule in rules_about(page)]
    return _template("parameter.md.j2").render(
        parameter=page, rules=about, format=partial(_format, formats)
    )


def _format(known: set[str], name: str) -> str:
    return f"[{name}](../formats/{name}.md)" if name in known else name


def _framework(framework: Framework, cards: list[Card]) -> str:
    values = _unwritten(framework)
    spelt = _spellings(framework)
    own = [card for card in cards if framework.name in card.frameworks]
    shown = [card for card in cards if card not in own and _shows(card, framework.name)]
    return _template("framework.md.j2").render(
        framework=framework,
        script=SCRIPTS.get(framework.name),
        about=_docstring(framework),
        unknown=UNKNOWN_KEYS[framework.on_unknown],
        casts="becomes one" if framework.casts else "stays text",
        releases=_releases(framework),
        groups=list(_groups(spelt, values)),
        settled=list(_settled(spelt, values)),
        own=table(_lines(own)) if own else "",
        shown=table(_lines(shown)) if shown else "",
    )


def _unwritten(framework: Framework) -> dict[str, Value]:
    """Return what every field is where nothing is said: in an empty file, in bare calls."""
    if framework.name in SCRIPTS:
        (found,) = frameworks.read(parse(SCRIPTS[framework.name], "script.py"))
        return dict(found.values)
    empty = parse("{}", "file.yaml")
    values = dict(Draft(framework, empty, empty.roots[0], "").recipe().values)
    switch = framework.defaults.get(_SWITCH, UNKNOWN)  # alone, not what an empty file comes to
    return {**values, _SWITCH: replace(values[_SWITCH], value=switch)}


def _spellings(framework: Framework) -> dict[str, list[str]]:
    """Return the keys of each field; of a script's own names only those outside of sections."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, target in framework.keys.items():
        found[target.field if isinstance(target, Key) else target].append(path)
    if framework.name == "generic":
        return {field: [key for key in keys if "." not in key] for field, keys in found.items()}
    return found if framework.name not in SCRIPTS else dict(_arguments(framework.name, found))


def _arguments(name: str, spelt: Mapping[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Keep what a script gives to calls: what it does by calling them is no argument of any."""
    own, other = "get_peft_model.", "LoraConfig."
    if name != "unsloth":
        own, other = other, own
    for field, keys in spelt.items():
        left = [key for key in keys if not (key.startswith(other) and len(keys) > 1)]
        if not field.endswith(".enabled"):
            yield field, sorted(left, key=lambda key: not key.startswith(own))


def _groups(
    spelt: Mapping[str, list[str]], values: Mapping[str, Value]
) -> Iterator[dict[str, object]]:
    for group in GROUPS:
        fields = [field for field in spelt if field.startswith(f"{group}.") and spelt[field]]
        if fields:
            rows = [_row(field, spelt[field], values[field]) for field in fields]
            yield {"title": TITLES[group], "rows": rows}


def _settled(spelt: Mapping[str, list[str]], values: Mapping[str, Value]) -> Iterator[Row]:
    for field, value in values.items():
        if field not in spelt and value.value is not UNKNOWN and value.value is not None:
            yield _row(field, [], value)


def _row(field: str, keys: list[str], value: Value) -> Row:
    return Row(
        keys=", ".join(code(key) for key in keys),
        field=_meaning(field),
        type=code(FIELDS[field].removesuffix(" | None")),
        default=_default(field, value),
    )


def _meaning(field: str) -> str:
    """Name a field, with its page where it has one, else with what its declaration says."""
    page = _pages().get(field)
    if page is not None:
        return f"[`{field}`](../parameters/{page}.md)"
    said = _comments(field.partition(".")[0]).get(field.partition(".")[2], "")
    return f"`{field}`" + (f": {cell(said)}" if said else "")


@cache
def _pages() -> dict[str, str]:
    """Return the page of each field that one parameter stands for."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in parameters.names():
        found[_page(name).field].append(name)
    return {field: pages[0] for field, names in found.items() if (pages := _own(field, names))}


def _own(field: str, names: list[str]) -> list[str]:
    """Return the page that is about a field itself: the only one, or the one of its name."""
    return names if len(names) == 1 else [name for name in names if field.endswith(f".{name}")]


@cache
def _comments(group: str) -> dict[str, str]:
    """Return what the vocabulary says beside the fields of a group."""
    return dict(_COMMENT.findall(inspect.getsource(GROUPS[group])))


def _default(field: str, value: Value) -> str:
    if field == _SWITCH:
        words = {"true": "an adapter is trained", "false": "no adapter"}
        return words.get(show(value.value), "unknown")
    if value.value is UNKNOWN:
        return f"unknown: {cell(value.why)}" if value.why else "unknown"
    text = "not set" if value.value is None else code(show(value.value))
    return f"{text} (library)" if value.origin is Origin.LIBRARY else text


def _releases(framework: Framework) -> str:
    known = framework.schema[0][0] if framework.schema else ""
    return f"{known}, up to {newest(known)}" if known else ""


def _docstring(framework: Framework) -> str:
    """Return what a format's module says of it."""
    module = importlib.import_module(framework_module(framework))
    return inspect.cleandoc(module.__doc__ or "").replace("``", "`")


def framework_module(framework: Framework) -> str:
    """Return the name of the module that holds a format."""
    return f"{frameworks.__name__}.{frameworks.modules()[framework.name]}"


def _shows(card: Card, name: str) -> bool:
    return any(example.framework == name for example in card.examples.bad)


def _lines(cards: Iterable[Card]) -> list[tuple[str, str, str, str]]:
    return [(card.id, card.name, str(card.severity), card.summary) for card in cards]


def table(rules: Iterable[tuple[str, str, str, str]]) -> str:
    """Write rules (code, name, severity, summary) as a table with links to their pages."""
    lines = ["| code | name | severity | about |", "| --- | --- | --- | --- |"]
    for number, name, severity, summary in rules:
        lines.append(f"| {number} | [{name}](../rules/{name}.md) | {severity} | {summary} |")
    return "\n".join(lines)


def link(name: str) -> str:
    """Write a parameter as a link to its page, or as code where it has none."""
    return f"[{name}]({name}.md)" if name in parameters.names() else f"`{name}`"


def cell(text: str) -> str:
    """Write a text so that a table cell shows it as it is."""
    return re.sub(r"([|*<])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Write a key or a value as code in a table cell, whichever Markdown reads it."""
    if "|" in text:
        return f"<code>{escape(text).replace('|', '&#124;')}</code>"
    return f"`{text}`"


def prose(text: str) -> str:
    """Turn a page's terminal text into Markdown: its indented lines become a block of code."""
    lines: list[str] = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        for indented, part in _parts(block):
            lines.append(f"```text\n{textwrap.dedent(part)}\n```" if indented else _plain(part))
    return "\n\n".join(lines)


def _parts(block: str) -> Iterator[tuple[bool, str]]:
    """Split a paragraph into runs of indented lines and of others."""
    run: list[str] = []
    for line in block.split("\n"):
        if run and line.startswith(" ") != run[-1].startswith(" "):
            yield run[-1].startswith(" "), "\n".join(run)
            run = []
        run.append(line)
    yield run[-1].startswith(" "), "\n".join(run)


def _plain(text: str) -> str:
    return re.sub(r"([*<])", r"\\\1", text)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701 - Markdown, of our own data
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    helpers = {"prose": prose, "cell": cell, "code": code, "show": show}
    environment.globals.update({**helpers, "table": table, "link": link})
    return environment.get_template(name)
