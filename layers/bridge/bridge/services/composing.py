"""Composing: what a batch asks for, entry by entry, made into the texts that go out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from bridge.domain.batches import BatchEntry
from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.messages import Category, OnAmbiguous
from bridge.domain.templates import MalformedTemplate, MissingParameters, Template

MAX_PROBLEMS: Final = 100
"""How many problems of a request are named: nobody reads ten thousand of the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOrder:
    """One message that a caller asks for: a text, or a template, or neither where the batch has one of them.

    Attributes:
        to: eleven digits.
    """

    to: str
    text: str | None = None
    template: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    client_reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What a caller asks to be sent as a batch.

    Attributes:
        text: of the entries that have neither text nor template.
        template: likewise; one of both at most.
        account: our name of the gateway account; None for the client's default.
    """

    entries: tuple[EntryOrder, ...]
    text: str | None = None
    template: str | None = None
    extension: str = ""
    category: Category = Category.MARKETING
    on_ambiguous: OnAmbiguous = OnAmbiguous.UNKNOWN
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A text as it goes out.

    Attributes:
        signature: the 签名 that was put in front; empty where the text had its own, or has none.
    """

    text: str
    signature: str = ""


Preflight = Callable[[str], Wording]
"""A text as it goes out. Raises InvalidRequest where the gateway would surely refuse it."""


def compose(order: BatchOrder, preflight: Preflight) -> tuple[BatchEntry, ...]:
    """The entries of a batch, ready to be sent.

    Raises:
        InvalidRequest: names the first problems of all entries, as `messages[3].template` for instance.
    """
    composer = _Composer(order, preflight)
    entries = tuple(composer.entries())
    if problems := tuple(islice(composer.problems(), MAX_PROBLEMS)):
        raise InvalidRequest(problems)
    return entries


class _Composer:
    """Does each different template and text once: a batch may well have one for ten thousand numbers."""

    def __init__(self, order: BatchOrder, preflight: Preflight) -> None:
        self._order = order
        self._preflight = preflight
        self._templates: dict[str, Template | None] = {}
        self._wordings: dict[str, Wording | tuple[FieldProblem, ...]] = {}
        self._problems: dict[FieldProblem, None] = {}

    def problems(self) -> Iterable[FieldProblem]:
        """Those that were found; of the batch's own text or template each once."""
        return self._problems

    def entries(self) -> Iterator[BatchEntry]:
        """The entries that are sound."""
        for index, entry in enumerate(self._order.entries):
            if len(self._problems) >= MAX_PROBLEMS:
                return
            wording = self._wording(entry, f"messages[{index}]")
            if wording is not None:
                yield BatchEntry(
                    to=entry.to,
                    text=wording.text,
                    signature=wording.signature,
                    client_reference=entry.client_reference,
                )

    def _wording(self, entry: EntryOrder, place: str) -> Wording | None:
        if entry.text is not None:
            return self._checked(entry.text, f"{place}.text")
        if entry.template is not None:
            return self._rendered(entry, entry.template, place, f"{place}.template")
        if self._order.template is not None:
            return self._rendered(entry, self._order.template, place, "template")
        if self._order.text is not None:
            return self._checked(self._order.text, "text")
        self._wrong(place, "has neither text nor template, and the batch has none for all")
        return None

    def _rendered(self, entry: EntryOrder, source: str, place: str, where: str) -> Wording | None:
        template = self._template(source)
        if template is None:
            self._wrong(where, str(MalformedTemplate()))
            return None
        try:
            text = template.render(entry.params)
        except MissingParameters as exc:
            for name in exc.names:
                self._wrong(f"{place}.params.{name}", "is missing; the template asks for it")
            return None
        return self._checked(text, f"{place}.template" if entry.template is not None else f"{place}.params")

    def _template(self, source: str) -> Template | None:
        if source not in self._templates:
            try:
                self._templates[source] = Template(source)
            except MalformedTemplate:
                self._templates[source] = None
        return self._templates[source]

    def _checked(self, text: str, where: str) -> Wording | None:
        checked = self._wordings.get(text)
        if checked is None:
            try:
                checked = self._preflight(text)
            except InvalidRequest as exc:
                checked = exc.problems
            self._wordings[text] = checked
        if isinstance(checked, Wording):
            return checked
        self._problems |= dict.fromkeys(replace(problem, field=where) for problem in checked)
        return None

    def _wrong(self, where: str, message: str) -> None:
        self._problems[FieldProblem(where, message)] = None
