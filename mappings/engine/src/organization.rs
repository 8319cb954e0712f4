// SPDX-License-Identifier: Apache-2.0
//! The hospital itself, from the configuration.

use silsila_diagnostics::{Diagnostic, Diagnostics};
use silsila_schema::{Json, json::Object, validate};

use crate::{LogicalId, MappedResource, PackSettings};

/// What the hospital's Organization resource says. Empty fields are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Full name; the hospital's short name if empty.
    pub name: String,
    /// An identifier's system and value.
    pub identifier: Option<(String, String)>,
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// One line of address.
    pub address: String,
    /// Town.
    pub city: String,
    /// ISO 3166 code, such as `PK`.
    pub country: String,
}

/// Builds and validates the resource.
pub(crate) fn build(settings: &PackSettings, id: LogicalId) -> Result<MappedResource, Diagnostics> {
    let own = &settings.organization;
    let name = if own.name.is_empty() {
        &settings.hospital
    } else {
        &own.name
    };
    let mut resource = object([
        ("resourceType", text("Organization")),
        ("id", text(id.as_str())),
        ("active", Some(Json::Bool(true))),
        ("name", text(name)),
        (
            "meta",
            Some(Json::Object(object([("source", text(&settings.base_uri))]))),
        ),
    ]);
    if let Some((system, value)) = &own.identifier {
        let identifier = object([("system", text(system)), ("value", text(value))]);
        list(&mut resource, "identifier", vec![identifier]);
    }
    let contact = |system: &str, value: &str| {
        let point = object([("system", text(system)), ("value", text(value))]);
        (!value.is_empty()).then_some(point)
    };
    let telecom = [contact("phone", &own.phone), contact("email", &own.email)];
    list(
        &mut resource,
        "telecom",
        telecom.into_iter().flatten().collect(),
    );
    let mut address = object([("city", text(&own.city)), ("country", text(&own.country))]);
    if let Some(line) = text(&own.address) {
        address.insert("line", Json::Array(vec![line]));
    }
    if !address.is_empty() {
        list(&mut resource, "address", vec![address]);
    }
    let resource = Json::Object(resource);
    let faults: Diagnostics = validate(&resource)
        .into_iter()
        .map(|fault| {
            let message = format!(
                "the hospital's Organization is not valid: {}: {}",
                fault.path, fault.rule
            );
            Diagnostic::error("MAP0038", message)
        })
        .collect();
    let id = id.as_str().to_owned();
    faults
        .into_result(())
        .map(|()| MappedResource::new("Organization".to_owned(), id, None, resource.canonical()))
}

fn text(value: &str) -> Option<Json> {
    (!value.is_empty()).then(|| Json::from(value))
}

fn object<const N: usize>(members: [(&str, Option<Json>); N]) -> Object {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn list(resource: &mut Object, name: &str, items: Vec<Object>) {
    if !items.is_empty() {
        let items = items.into_iter().map(Json::Object).collect();
        resource.insert(name, Json::Array(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use silsila_source::Key;

    #[test]
    fn the_hospital_is_an_organization_with_what_is_configured() {
        let settings = PackSettings {
            source: "s".to_owned(),
            base_uri: "https://h.example".to_owned(),
            hospital: "Civil Hospital".to_owned(),
            organization: Organization {
                phone: "+922330000000".to_owned(),
                city: "Mirpurkhas".to_owned(),
                ..Organization::default()
            },
        };
        let id = LogicalId::derive(&[1; 32], "s", "organization", &Key(Vec::new()));
        let made = build(&settings, id).expect("valid");
        let expect = format!(
            "{{\"active\":true,\"address\":[{{\"city\":\"Mirpurkhas\"}}],\"id\":\"{id}\",\
             \"meta\":{{\"source\":\"https://h.example\"}},\"name\":\"Civil Hospital\",\
             \"resourceType\":\"Organization\",\
             \"telecom\":[{{\"system\":\"phone\",\"value\":\"+922330000000\"}}]}}"
        );
        assert_eq!(String::from_utf8_lossy(made.body()), expect);
        let broken = PackSettings {
            base_uri: "has spaces in it".to_owned(),
            ..settings
        };
        assert_eq!(build(&broken, id).expect_err("invalid").len(), 1);
    }
}
