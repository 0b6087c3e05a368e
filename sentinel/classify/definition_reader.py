"""Turns the text of a definition file into a `Definition`, noting every problem."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sentinel.classify.definition_checks import check_against_codebook, check_names
from sentinel.classify.definition_lines import line_of, without_repeats
from sentinel.classify.definition_schema import (
    DefinitionFile,
    DimensionEntry,
    TypologyEntry,
)
from sentinel.classify.definitions import Definition, Indicator, NamedCondition
from sentinel.classify.expressions import ExpressionError, parse_expression
from sentinel.classify.indicator_sets import (
    SetIndicator,
    available_sets,
    indicator_set,
)
from sentinel.classify.ordering import cycles, in_order
from sentinel.classify.strength_rules import STRENGTHS, count_rule_faults
from sentinel.classify.switching import Candidate, Switches, candidates
from sentinel.classify.syntax_tree import (
    AnyOf,
    AtLeast,
    Condition,
    CountRule,
    Reference,
    Unmeasured,
    Variable,
    walk,
)
from sentinel.classify.typology import Typology
from sentinel.schema.problems import Problem, Problems

if TYPE_CHECKING:
    from sentinel.schema.variables import Codebook

__all__ = ["DefinitionReader"]

_UNREADABLE: Condition = AnyOf(())
_MAIN_OUTCOME = "d_traff"


class DefinitionReader:
    """Reads one definition file.

    Parameters
    ----------
    file : str
        Its name, for messages.
    text : str
    switch_on : mapping of str to str
        As in `load_definition`.
    """

    def __init__(self, file: str, text: str, switch_on: Mapping[str, str]) -> None:
        self._file = file
        self._text = text
        self._switch_on = dict(switch_on)
        self._problems = Problems()
        self._set: tuple[SetIndicator, ...] = ()
        self._used: dict[str, Indicator] = {}
        self._off: set[str] = set()

    def definition(self, codebook: Codebook | None) -> Definition:
        """Return the definition, or raise `IngestError` with every problem."""
        content = self._validated()
        switches = self._read_indicators(content)
        head = content.definition
        outcomes = self._ordered(
            "outcomes",
            [self._named("outcomes", *item) for item in content.outcomes.items()],
        )
        definition = Definition(
            name=head.name,
            title=head.title,
            codebook=head.codebook,
            sources=head.sources,
            notes=(*head.notes, *switches.notes(self._set, content)),
            parameters=content.parameters,
            settings={str(key): values for key, values in content.settings.items()},
            indicators=tuple(self._used.values()),
            dimensions=self._ordered(
                "dimensions",
                [self._dimension(*item) for item in content.dimensions.items()],
            ),
            outcomes=outcomes,
            tiers={
                number: self._named("tiers", str(number), text)
                for number, text in sorted(content.tiers.items())
            },
            headline=self._headline(content),
            reference_period=head.reference_period,
            switched_off=tuple(switches.off),
            typology=self._typology(content.typology, content),
        )
        for section, name, expected in check_names(definition):
            self._note(section, name, expected)
        if codebook is None:
            from sentinel.schema.codebook import load_codebook

            codebook = load_codebook(definition.codebook)
        for section, name, expected in check_against_codebook(definition, codebook):
            self._note(self._section_of(section, name), name, expected)
        self._problems.raise_errors()
        return definition

    def _validated(self) -> DefinitionFile:
        content = self._parsed()
        if content is not None:
            try:
                return DefinitionFile.model_validate(content)
            except ValidationError as error:
                for item in error.errors():
                    self._note_invalid(item["loc"], item["msg"], item["input"])
        self._problems.raise_errors()
        raise AssertionError("unreachable: problems were noted")

    def _parsed(self) -> dict[str, Any] | None:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as first:
            text, repeats = without_repeats(self._text)
            for repeat in repeats:
                self._problems.add(
                    Problem(
                        file=self._file,
                        row=repeat.line,
                        column=repeat.name,
                        expected=f"a name of its own; line {repeat.first_line} has it",
                    )
                )
            if not repeats:
                self._problems.add(
                    Problem(file=self._file, hint=f"Not valid TOML: {first}.")
                )
                return None
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self._problems.add(
                Problem(file=self._file, hint=f"Not valid TOML: {error}.")
            )
            return None

    def _note_invalid(
        self,
        location: tuple[int | str, ...],
        message: str,
        came: Any,  # noqa: ANN401 - whatever stood in the file
    ) -> None:
        section, name, *rest = (*map(str, location), "", "")
        value = came if isinstance(came, str | int | float) else ""
        self._note(section, name, message, value=str(value), key=rest[0])

    def _read_indicators(self, content: DefinitionFile) -> Switches:
        self._read_set(content.definition.indicator_set)
        codes = {item.code for item in self._set}
        for code in content.crosswalk:
            if code not in codes:
                self._note("crosswalk", code, "codes of the indicator set")
        switches = Switches({**content.switched_on, **self._switch_on})
        for item in candidates(content, self._set):
            if item.code in codes and item.section == "indicators":
                self._note("indicators", item.code, "a name that the set does not have")
            elif switches.is_used(item):
                self._used[item.code] = self._indicator(item)
            elif item.when:
                # Switching it on must not be the first time that it is read.
                self._condition(item.section, item.code, item.when)
        self._off = {item.code for item in switches.off}
        for code, expected in switches.faults(codes | set(content.indicators)):
            self._note("switched_on", code, expected)
        return switches

    def _read_set(self, name: str) -> None:
        if name and name not in available_sets():
            known = ", ".join(available_sets())
            self._note("definition", "indicator_set", f"one of {known}", value=name)
        elif name:
            self._set = indicator_set(name)

    def _indicator(self, item: Candidate) -> Indicator:
        return Indicator(
            code=item.code,
            label=item.label,
            phase=item.phase,
            text=item.when,
            condition=self._condition(item.section, item.code, item.when),
            not_asked_is_no=item.not_asked_is_no,
            strength=item.strength,
            provenance=item.provenance,
        )

    def _dimension(self, name: str, entry: DimensionEntry) -> NamedCondition:
        label = entry.label or name
        if entry.when is not None:
            return self._named("dimensions", name, entry.when, label=label)
        members = self._members(name, entry)
        used = [code for code in members if code not in self._off]
        items = tuple(Reference(member) for member in used)
        listed = ", ".join(used) or "nothing that is switched on"
        if entry.counts is not None:
            text, condition = (
                f"{entry.counts}, of {listed}",
                self._rule(name, entry, used),
            )
        elif entry.at_least is not None:
            text = f"at_least({entry.at_least}, {listed})"
            condition = AtLeast(entry.at_least, items)
        else:
            text, condition = f"any({listed})", AnyOf(items)
        if len(used) < (entry.at_least or 1):
            condition = Unmeasured()
        return NamedCondition(name=name, label=label, text=text, condition=condition)

    def _members(self, name: str, entry: DimensionEntry) -> tuple[str, ...]:
        members = entry.any_of or entry.of or ()
        if entry.of_set is not None:
            members = tuple(
                item.code for item in self._set if item.dimension == entry.of_set
            )
            if not members:
                known = ", ".join(dict.fromkeys(item.dimension for item in self._set))
                self._note(
                    "dimensions",
                    name,
                    f"a dimension of the set: {known or 'there is no set'}",
                    value=entry.of_set,
                )
        for code in dict.fromkeys(members):
            if members.count(code) > 1:
                self._note("dimensions", name, f"every indicator once; {code} is twice")
        return members

    def _rule(self, name: str, entry: DimensionEntry, used: list[str]) -> Condition:
        text = entry.counts or ""
        rule = self._condition("dimensions", name, text)
        if rule is _UNREADABLE:
            return rule
        faults = list(dict.fromkeys(count_rule_faults(rule)))
        for expected in faults:
            self._note("dimensions", name, expected, value=text)
        strengths = {
            code: self._used[code].strength for code in used if code in self._used
        }
        only_all = all(
            node.name == "N" for node in walk(rule) if isinstance(node, Variable)
        )
        without = [code for code, word in strengths.items() if word not in STRENGTHS]
        if without and not only_all:
            self._note(
                "dimensions",
                name,
                f"a strength ({', '.join(STRENGTHS)}) of {', '.join(without)}, which "
                "the rule counts",
            )
        groups = {
            word: tuple(
                Reference(code) for code in used if strengths.get(code, "") == word
            )
            for word in STRENGTHS
        }
        rest = tuple(
            Reference(code) for code in used if strengths.get(code) not in STRENGTHS
        )
        return (
            _UNREADABLE if faults else CountRule(**groups, unweighted=rest, rule=rule)
        )

    def _named(
        self, section: str, name: str, text: str, *, label: str = ""
    ) -> NamedCondition:
        condition = self._condition(section, name, text)
        for node in walk(condition):
            if isinstance(node, Reference) and node.name in self._off:
                self._note(
                    section,
                    name,
                    f"indicators in use; {node.name} is switched off: say why it may "
                    "be used in [switched_on], or leave it out",
                )
        return NamedCondition(
            name=name, label=label or name, text=text, condition=condition
        )

    def _condition(self, section: str, name: str, text: str) -> Condition:
        try:
            return parse_expression(text)
        except ExpressionError as error:
            self._note(section, name, f"a readable expression: {error}", value=text)
            return _UNREADABLE

    def _ordered(
        self, section: str, items: list[NamedCondition]
    ) -> tuple[NamedCondition, ...]:
        found = cycles(items)
        for cycle in found:
            self._note(
                section,
                cycle[0],
                "no condition that needs itself: " + " -> ".join(cycle),
            )
        return tuple(items) if found else in_order(items)[0]

    def _headline(self, content: DefinitionFile) -> str:
        wanted = content.definition.headline
        if wanted and wanted not in content.outcomes:
            self._note(
                "definition",
                "headline",
                f"one of the outcomes {', '.join(content.outcomes)}",
                value=wanted,
            )
        default = _MAIN_OUTCOME if _MAIN_OUTCOME in content.outcomes else ""
        return wanted or default

    def _typology(
        self, entry: TypologyEntry | None, content: DefinitionFile
    ) -> Typology | None:
        if entry is None:
            return None
        strange = [name for name in entry.of if name not in content.dimensions]
        if strange:
            self._note(
                "typology", "of", f"names of dimensions, not {', '.join(strange)}"
            )
        section = "typology.types"
        types = {
            label: self._condition(section, label, text)
            for label, text in entry.types.items()
        }
        for label, condition in types.items():
            for node in walk(condition):
                is_known = isinstance(node, Reference) and node.name in entry.of
                if (
                    not is_known
                    and not hasattr(node, "items")
                    and not hasattr(node, "item")
                ):
                    self._note(
                        section, label, f"conditions on {', '.join(entry.of)} only"
                    )
                    strange.append(label)
        if strange or _UNREADABLE in types.values():
            return None
        typology = Typology(dimensions=entry.of, types=types, texts=entry.types)
        patterns = typology.patterns()
        bare = patterns.loc[patterns["type"].isna(), "pattern"]
        if len(bare):
            self._note(
                "typology",
                "types",
                f"a type for every pattern of {', '.join(entry.of)}; {len(bare)} have "
                f"none: {', '.join(bare[:5])}{', ...' if len(bare) > 5 else ''}",
            )
        return typology

    def _section_of(self, section: str, name: str) -> str:
        in_set = any(item.code == name for item in self._set)
        return "crosswalk" if section == "indicators" and in_set else section

    def _note(
        self, section: str, name: str, expected: str, *, value: str = "", key: str = ""
    ) -> None:
        self._problems.add(
            Problem(
                file=self._file,
                row=line_of(self._text, section, name),
                column=".".join(part for part in (section, name, key) if part),
                value=value,
                expected=expected,
            )
        )
