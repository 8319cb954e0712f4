// SPDX-License-Identifier: Apache-2.0
//! The capability statement: exactly what works, no more.

use std::str::FromStr as _;

use fhir_sdk::BuilderError;
use fhir_sdk::DateTime;
use fhir_sdk::r4b::codes::{
    CapabilityStatementKind, ConditionalReadStatus, FHIRVersion, PublicationStatus, ResourceType,
    ResourceVersionPolicy, RestfulCapabilityMode, SearchParamType,
};
use fhir_sdk::r4b::resources::{
    CapabilityStatement, CapabilityStatementImplementation, CapabilityStatementRest,
    CapabilityStatementRestInteraction, CapabilityStatementRestResource,
    CapabilityStatementRestResourceInteraction, CapabilityStatementRestResourceSearchParam,
    CapabilityStatementRestSecurity, CapabilityStatementSoftware,
};
use silsila_schema::search::Kind;

use super::provenance;
use crate::index::plan::{self, TypePlan};
use crate::state::FhirSettings;

/// The date of this statement's content: raised when what it says of the software changes.
const DATE: &str = "2026-11-23";

/// The statement as JSON. `types` are served beside `Provenance`; `base` is where.
pub fn statement(settings: &FhirSettings, base: &str, types: &[&str]) -> Option<Vec<u8>> {
    let statement = build(settings, base, types).ok()?;
    serde_json::to_vec(&statement).ok()
}

fn build(
    settings: &FhirSettings,
    base: &str,
    types: &[&str],
) -> Result<CapabilityStatement, BuilderError> {
    let date = DateTime::from_str(DATE).expect("a date written above is one");
    let version = FHIRVersion::from_str("4.0.1").expect("R4 is a version of FHIR");
    CapabilityStatement::builder()
        .url(format!("{base}/metadata"))
        .name("Silsila".to_owned())
        .title(format!("Silsila gateway of {}", settings.hospital.name))
        .status(PublicationStatus::Active)
        .date(date)
        .kind(CapabilityStatementKind::Instance)
        .software(
            CapabilityStatementSoftware::builder()
                .name("Silsila".to_owned())
                .version(settings.software_version.clone())
                .build()?,
        )
        .implementation(
            CapabilityStatementImplementation::builder()
                .description(format!("FHIR server of {}", settings.hospital.name))
                .url(base.to_owned())
                .build()?,
        )
        .fhir_version(version)
        .format(vec![
            Some("application/fhir+json".to_owned()),
            Some("json".to_owned()),
        ])
        .rest(vec![Some(rest(types)?)])
        .build()
}

fn rest(types: &[&str]) -> Result<CapabilityStatementRest, BuilderError> {
    let mut resources = Vec::new();
    for name in types {
        if let (Some(plan), Ok(kind)) = (plan::of_type(name), ResourceType::from_str(name)) {
            resources.push(Some(resource(kind, params(plan)?)?));
        }
    }
    resources.push(Some(resource(
        ResourceType::Provenance,
        provenance_params()?,
    )?));
    let history = CapabilityStatementRestInteraction::builder()
        .code("history-system".to_owned())
        .build()?;
    CapabilityStatementRest::builder()
        .mode(RestfulCapabilityMode::Server)
        .documentation(
            "Read-only. Searches by GET and POST; unknown parameters and modifiers are refused unless \
             the request says Prefer: handling=lenient. Modifiers: :missing on all; :not on tokens; \
             :exact and :contains on strings; :identifier and :[type] on references, which chain by \
             one step (patient.identifier). Result parameters: _count, _sort, _total, \
             _summary=count, _elements, _revinclude=Provenance:target."
                .to_owned(),
        )
        .security(
            CapabilityStatementRestSecurity::builder()
                .cors(false)
                .description(
                    "A bearer token is demanded from every host but this one.".to_owned(),
                )
                .build()?,
        )
        .resource(resources)
        .interaction(vec![Some(history)])
        .build()
}

fn resource(
    kind: ResourceType,
    params: Vec<Option<CapabilityStatementRestResourceSearchParam>>,
) -> Result<CapabilityStatementRestResource, BuilderError> {
    let is_provenance = kind == ResourceType::Provenance;
    let codes: &[&str] = if is_provenance {
        &["read", "search-type"]
    } else {
        &[
            "read",
            "vread",
            "search-type",
            "history-instance",
            "history-type",
        ]
    };
    let mut interactions = Vec::new();
    for code in codes {
        let interaction = CapabilityStatementRestResourceInteraction::builder()
            .code((*code).to_owned())
            .build()?;
        interactions.push(Some(interaction));
    }
    let builder = CapabilityStatementRestResource::builder()
        .r#type(kind)
        .interaction(interactions)
        .versioning(ResourceVersionPolicy::Versioned)
        .read_history(!is_provenance)
        .update_create(false)
        .conditional_create(false)
        .conditional_read(ConditionalReadStatus::FullSupport)
        .conditional_update(false)
        .search_param(params);
    if is_provenance {
        return builder.build();
    }
    builder
        .search_rev_include(vec![Some("Provenance:target".to_owned())])
        .build()
}

fn params(
    plan: &TypePlan,
) -> Result<Vec<Option<CapabilityStatementRestResourceSearchParam>>, BuilderError> {
    // The plan lists the common parameters too, `_id` and `_lastUpdated` among them.
    let mut params = Vec::new();
    for own in &plan.params {
        let kind = match own.param.kind {
            Kind::Token => SearchParamType::Token,
            Kind::String => SearchParamType::String,
            Kind::Date => SearchParamType::Date,
            Kind::Reference => SearchParamType::Reference,
            Kind::Quantity => SearchParamType::Quantity,
            Kind::Number => SearchParamType::Number,
            Kind::Uri => SearchParamType::Uri,
        };
        params.push(param(own.param.code, kind, own.param.url)?);
    }
    Ok(params)
}

const RESOURCE_ID: &str = "http://hl7.org/fhir/SearchParameter/Resource-id";
const RESOURCE_UPDATED: &str = "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated";

fn provenance_params()
-> Result<Vec<Option<CapabilityStatementRestResourceSearchParam>>, BuilderError> {
    let mut params = vec![
        param("_id", SearchParamType::Token, RESOURCE_ID)?,
        param("_lastUpdated", SearchParamType::Date, RESOURCE_UPDATED)?,
    ];
    for (code, kind) in provenance::PARAMETERS {
        let kind = match kind {
            Kind::Reference => SearchParamType::Reference,
            _ => SearchParamType::Date,
        };
        let url = format!("http://hl7.org/fhir/SearchParameter/Provenance-{code}");
        params.push(param(code, kind, &url)?);
    }
    Ok(params)
}

fn param(
    code: &str,
    kind: SearchParamType,
    url: &str,
) -> Result<Option<CapabilityStatementRestResourceSearchParam>, BuilderError> {
    CapabilityStatementRestResourceSearchParam::builder()
        .name(code.to_owned())
        .r#type(kind)
        .definition(url.to_owned())
        .build()
        .map(Some)
}
