// SPDX-License-Identifier: Apache-2.0
//! From bytes to what a certificate says. A general parser finds the parts; the profile then writes
//! them again, and only identical bytes are taken: everything that was not looked at is refused with it.

use silsila_chain::{PublicKey, Signature};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::names::check_name;
use super::profile::{
    Body, ISSUER_NAME, Kind, MAX_CERTIFICATE, Name, ROOT_NAME, SEALING_KEY, Serial, Validity,
    certificate, key_id,
};
use super::{CertificateFault, Role, key};

type Read<T> = Result<T, CertificateFault>;

const fn profile(reason: &'static str) -> CertificateFault {
    CertificateFault::Profile(reason)
}

/// Reads a certificate. The signature is found, not verified.
pub(super) fn read(der: &[u8]) -> Read<(Body, Signature)> {
    if der.len() > MAX_CERTIFICATE {
        return Err(profile("it is longer than 1024 bytes"));
    }
    let (rest, parsed) =
        X509Certificate::from_der(der).map_err(|_| profile("it is not X.509 in DER"))?;
    if !rest.is_empty() {
        return Err(profile("there are bytes behind it"));
    }
    let body = body(&parsed)?;
    let signature = parsed.signature_value.data.as_ref();
    let signature = Signature(
        signature
            .try_into()
            .map_err(|_| profile("its signature has not 64 bytes"))?,
    );
    if certificate(&body.encode(), &signature) != der {
        return Err(profile(
            "a part of it is not written as the profile writes it",
        ));
    }
    check(&body)?;
    Ok((body, signature))
}

fn body(parsed: &X509Certificate<'_>) -> Read<Body> {
    let subject = name(parsed.subject())?;
    let extensions = parsed.extensions();
    let kind = match subject {
        Name::Root(_) => Kind::Root,
        Name::Issuer(_) => Kind::Issuing,
        Name::Member { .. } => Kind::Member {
            sealing_key: sealing_key(extensions)?,
        },
    };
    let key = public_key(parsed)?;
    let issuer_key_id = match kind {
        Kind::Root => key_id(&key),
        Kind::Issuing | Kind::Member { .. } => issuer_key_id(extensions)?,
    };
    Ok(Body {
        serial: serial(parsed.raw_serial())?,
        issuer: name(parsed.issuer())?,
        validity: validity(parsed)?,
        subject,
        key,
        issuer_key_id,
        kind,
    })
}

/// What the encoding alone does not hold.
fn check(body: &Body) -> Read<()> {
    let (Name::Root(text)
    | Name::Issuer(text)
    | Name::Member {
        organization: text, ..
    }) = &body.subject;
    check_name(text)?;
    let (Name::Root(network) | Name::Issuer(network)) = &body.issuer else {
        return Err(profile("its issuer is no authority"));
    };
    check_name(network)?;
    let from_root = matches!(body.issuer, Name::Root(_));
    if from_root == matches!(body.kind, Kind::Member { .. }) {
        return Err(profile(
            "a root certifies issuers, and issuers certify members",
        ));
    }
    if matches!(body.kind, Kind::Root | Kind::Issuing) && text != network {
        return Err(profile("its issuer is of another network"));
    }
    if !key::is_usable(&body.key) {
        return Err(CertificateFault::Key("ed25519"));
    }
    match &body.kind {
        Kind::Member { sealing_key } if !key::is_sealable(sealing_key) => {
            Err(CertificateFault::Key("X25519"))
        }
        _ => Ok(()),
    }
}

/// Organization, then either a common name that says which authority, or a unit that is the role.
fn name(name: &X509Name<'_>) -> Read<Name> {
    let fault = || profile("a name in it is not one of the profile's");
    let text = |part: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        part.as_str().map(ToOwned::to_owned).map_err(|_| fault())
    };
    let parts: Vec<_> = name.iter_attributes().take(3).collect();
    let [first, second] = parts.as_slice() else {
        return Err(fault());
    };
    let (organization, other) = (text(first)?, text(second)?);
    match (second.attr_type().as_bytes(), other.as_str()) {
        ([0x55, 4, 3], ROOT_NAME) => Ok(Name::Root(organization)),
        ([0x55, 4, 3], ISSUER_NAME) => Ok(Name::Issuer(organization)),
        ([0x55, 4, 11], word) => Ok(Name::Member {
            organization,
            role: word.parse::<Role>()?,
        }),
        _ => Err(fault()),
    }
}

fn serial(raw: &[u8]) -> Read<Serial> {
    let bytes: Option<[u8; 16]> = raw.try_into().ok();
    bytes
        .and_then(Serial::from_bytes)
        .ok_or_else(|| profile("its serial number has not 16 bytes"))
}

fn validity(parsed: &X509Certificate<'_>) -> Read<Validity> {
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).ok();
    let found = seconds(parsed.validity().not_before).zip(seconds(parsed.validity().not_after));
    found.map_or(Err(CertificateFault::Validity), |(from, until)| {
        Validity::of_seconds(from, until)
    })
}

fn public_key(parsed: &X509Certificate<'_>) -> Read<PublicKey> {
    let bytes = parsed.public_key().subject_public_key.data.as_ref();
    bytes
        .try_into()
        .map(PublicKey)
        .map_err(|_| profile("its key has not 32 bytes"))
}

fn issuer_key_id(extensions: &[X509Extension<'_>]) -> Read<[u8; 20]> {
    let mut parsed = extensions.iter().map(X509Extension::parsed_extension);
    let id = parsed.find_map(|extension| match extension {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref(),
        _ => None,
    });
    id.and_then(|id| id.0.try_into().ok())
        .ok_or_else(|| profile("it does not name its issuer's key"))
}

fn sealing_key(extensions: &[X509Extension<'_>]) -> Read<[u8; 32]> {
    let own = extensions
        .iter()
        .find(|extension| extension.oid.as_bytes() == SEALING_KEY);
    own.and_then(|extension| extension.value.strip_prefix(&[4, 32]))
        .and_then(|key| key.try_into().ok())
        .ok_or_else(|| profile("it has no sealing key"))
}
