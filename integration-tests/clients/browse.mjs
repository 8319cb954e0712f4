// SPDX-License-Identifier: Apache-2.0
// Does what a program at another hospital would do with a FHIR server, by a client that others wrote, and
// prints what it saw as JSON. Arguments: the server's base URL, a bearer token, a patient's identifier.
import { CapabilityTool, Client } from "fhir-kit-client";

const [baseUrl, bearerToken, identifier] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });

/** The status and the first issue's code of a request that must fail. */
async function refused(request) {
  try {
    await request;
  } catch (error) {
    const { status, data } = error.response;
    return { status, type: data.resourceType, code: data.issue?.[0]?.code };
  }
  throw new Error("it was not refused");
}

/** Every resource of a search, page by page. */
async function everything(resourceType, searchParams) {
  const resources = [];
  let pages = 0;
  let bundle = await client.search({ resourceType, searchParams });
  const { total } = bundle;
  while (bundle) {
    pages += 1;
    resources.push(...(bundle.entry ?? []).map((entry) => entry.resource));
    bundle = await client.nextPage({ bundle });
  }
  return { total, pages, ids: resources.map((resource) => resource.id) };
}

const statement = await client.capabilityStatement();
const tool = new CapabilityTool(statement);
const found = await client.search({ resourceType: "Patient", searchParams: { identifier } });
const patient = found.entry[0].resource;
const { id } = patient;
const posted = await client.search({
  resourceType: "Patient",
  searchParams: { identifier },
  options: { postSearch: true },
});
const history = await client.history({ resourceType: "Patient", id });
const chart = await client.search({
  resourceType: "Observation",
  searchParams: { patient: id, _sort: "-date", _count: 10 },
});
const subject = await client.resolve({ reference: chart.entry[0].resource.subject.reference });
const of = (status, request) => refused(request).then((said) => ({ [status]: said }));

console.log(
  JSON.stringify({
    fhirVersion: statement.fhirVersion,
    searchable: tool.resourceCan("Patient", "search-type"),
    patient,
    posted: posted.entry[0].resource,
    read: await client.read({ resourceType: "Patient", id }),
    vread: await client.vread({ resourceType: "Patient", id, version: "1" }),
    versions: history.entry.map((entry) => entry.resource.meta.versionId),
    patients: await everything("Patient", { _count: 50, _total: "accurate" }),
    chart: chart.entry.map((entry) => entry.resource.effectiveDateTime ?? null),
    subject: subject.id,
    ...(await of("unknown", client.read({ resourceType: "Patient", id: "nobody" }))),
    ...(await of("malformed", client.search({ resourceType: "Patient", searchParams: { birthdate: "yesterday" } }))),
    ...(await of("stranger", new Client({ baseUrl }).search({ resourceType: "Patient" }))),
  }),
);
