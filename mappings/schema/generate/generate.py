#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles HL7's definitions of FHIR R4 into the table that the crate carries.

    generate.py <package folder> > ../table/r4.txt

The folder is the unpacked npm package hl7.fhir.r4.examples 4.0.1, which is CC0. Only the standard
library is used, and the same definitions always give the same bytes. README.md beside this file
describes the lines of the table.
"""

import json
import sys
from pathlib import Path

STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
SYSTEM_TYPE = "http://hl7.org/fhirpath/System."

# The definition of Resource.id says "string" (a known mistake of R4); its text says "id".
RETYPED = {"Resource.id": "id"}

# Value sets that cannot be listed because their codes live in a grammar. The crate checks syntax.
SYNTAX = {
    "http://hl7.org/fhir/ValueSet/mimetypes": "mime",
    "http://hl7.org/fhir/ValueSet/currencies": "currency",
    "http://hl7.org/fhir/ValueSet/ucum-units": "unit",
    "http://hl7.org/fhir/ValueSet/languages": "language",
    "http://hl7.org/fhir/ValueSet/all-languages": "language",
}

# R4 publishes this parameter with the URL of an extension that does not exist.
AMENDED_EXPRESSIONS = {
    "http://hl7.org/fhir/SearchParameter/patient-extensions-Patient-mothersMaidenName":
        "Patient.extension('http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName')",
}

# Documentation of the resource SearchParameter, not parameters of R4.
EXAMPLES = {"example", "example-extension", "example-reference"}


def load(folder, kind):
    for path in sorted(folder.glob(f"{kind}-*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def line(*fields):
    for field in fields:
        if "\t" in field or "\n" in field:
            raise SystemExit(f"a field holds a separator: {field!r}")
    print("\t".join(fields))


# --- value sets -------------------------------------------------------------------------------


class ValueSets:
    """Expands value sets to codes by system, or finds out that this cannot be done."""

    def __init__(self, folder):
        self.sets = {d["url"]: d for d in load(folder, "ValueSet")}
        self.systems = {d["url"]: d for d in load(folder, "CodeSystem")}
        self.used = {}

    def number(self, url):
        """The number under which a value set goes into the table."""
        url = url.split("|")[0]
        return self.used.setdefault(url, len(self.used))

    def write(self):
        for url in self.used:
            codes = self.expand(url)
            if codes is None:
                line("V", url, SYNTAX.get(url, "open"))
                continue
            line("V", url, "codes")
            for system in sorted(codes):
                line("S", system, *sorted(codes[system]))

    def expand(self, url):
        definition = self.sets.get(url.split("|")[0])
        if definition is None or "compose" not in definition:
            return None
        if "exclude" in definition["compose"]:
            return None
        codes = {}
        for include in definition["compose"]["include"]:
            part = self.expand_include(include)
            if part is None:
                return None
            for system, added in part.items():
                codes.setdefault(system, set()).update(added)
        return codes

    def expand_include(self, include):
        if "filter" in include:
            return None
        if "valueSet" in include:
            if "system" in include or len(include["valueSet"]) != 1:
                return None
            return self.expand(include["valueSet"][0])
        system = include["system"]
        if "concept" in include:
            return {system: {c["code"] for c in include["concept"]}}
        definition = self.systems.get(system)
        if definition is None or definition["content"] != "complete":
            return None
        return {system: set(nested(definition.get("concept", [])))}


def nested(concepts):
    for concept in concepts:
        yield concept["code"]
        yield from nested(concept.get("concept", []))


# --- types ------------------------------------------------------------------------------------


class Types:
    """The elements of every type, those inherited unchanged left out."""

    def __init__(self, folder, value_sets):
        self.value_sets = value_sets
        self.definitions = {
            d["type"]: d
            for d in load(folder, "StructureDefinition")
            if d["kind"] in ("resource", "complex-type", "primitive-type")
            and d.get("derivation") != "constraint"
        }

    def base(self, name):
        url = self.definitions[name].get("baseDefinition", "")
        return url.removeprefix(STRUCTURE)

    def write(self):
        for name in sorted(self.definitions):
            definition = self.definitions[name]
            if definition["kind"] != "primitive-type":
                self.write_type(name, definition)

    def write_type(self, name, definition):
        """A type, then every element with children of its own as a type named by its path."""
        elements = definition["snapshot"]["element"]
        children = {}
        for element in elements[1:]:
            parent = element["path"].rpartition(".")[0]
            children.setdefault(parent, []).append(element)
        kind = "resource" if definition["kind"] == "resource" else "datatype"
        if definition["abstract"]:
            kind = f"abstract-{kind}"
        for path, own in children.items():
            if path == name:
                base = self.base(name)
            else:
                kind = "element"
                base = next(e for e in elements if e["path"] == path)["type"][0]["code"]
            line("T", path, kind, base)
            inherited = self.signatures(base)
            for element in own:
                fields = self.element(element, children)
                if fields[0] not in inherited or inherited[fields[0]] != fields:
                    line("E", *fields)

    def signatures(self, name):
        """What a type gives to those derived from it, by element name."""
        if not name:
            return {}
        elements = self.definitions[name]["snapshot"]["element"][1:]
        fields = (self.element(e, {}) for e in elements)
        return {f[0]: f for f in fields}

    def element(self, element, children):
        path = element["path"]
        name = path.rpartition(".")[2]
        if "contentReference" in element:
            types = "@" + element["contentReference"].removeprefix("#")
        elif path in children:
            types = "@" + path
        else:
            types = "|".join(self.types(element))
        return name, str(element["min"]), element["max"], types, self.binding(element)

    def types(self, element):
        base = element.get("base", {}).get("path")
        if base in RETYPED:
            yield RETYPED[base]
            return
        for entry in element["type"]:
            code = entry["code"]
            if code.startswith(SYSTEM_TYPE):
                code = next(e.get("valueUrl") or e.get("valueUri") for e in entry["extension"])
            targets = [t.removeprefix(STRUCTURE) for t in entry.get("targetProfile", [])]
            if code == "Reference" and targets and "Resource" not in targets:
                code += "(" + ",".join(sorted(set(targets))) + ")"
            yield code

    def binding(self, element):
        binding = element.get("binding", {})
        if binding.get("strength") != "required" or "valueSet" not in binding:
            return ""
        return str(self.value_sets.number(binding["valueSet"]))


# --- search -----------------------------------------------------------------------------------


def write_search(folder):
    extensions = {d["url"] for d in load(folder, "StructureDefinition")}
    parameters = [
        d for d in load(folder, "SearchParameter") if d["id"] not in EXAMPLES and "base" in d
    ]
    parameters.sort(key=lambda d: d["url"])
    for number, d in enumerate(parameters, start=1):
        expression = AMENDED_EXPRESSIONS.get(d["url"], d.get("expression", ""))
        for url in expression.split("'")[1::2]:
            if url.startswith("http:") and url not in extensions:
                expression = ""
        line(
            "P",
            str(number),
            d["code"],
            d["type"],
            ",".join(sorted(d["base"])),
            ",".join(sorted(d.get("target", []))),
            d["url"],
            " ".join(expression.split()),
        )


def write_compartment(folder):
    path = folder / "CompartmentDefinition-patient.json"
    definition = json.loads(path.read_text(encoding="utf-8"))
    for resource in sorted(definition["resource"], key=lambda r: r["code"]):
        if resource.get("param"):
            line("C", resource["code"], ",".join(resource["param"]))


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    line("#", "FHIR R4, compiled from", package["name"], package["version"])
    value_sets = ValueSets(folder)
    Types(folder, value_sets).write()
    value_sets.write()
    write_search(folder)
    write_compartment(folder)


if __name__ == "__main__":
    main()
