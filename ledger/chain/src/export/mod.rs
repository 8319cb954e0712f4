// SPDX-License-Identifier: Apache-2.0
//! A whole chain as one file, written and read from front to back.
//!
//! ```text
//! bytes 0-15   "silsila export 1"
//! then frames  kind (1 byte), length of the body (4 bytes, big-endian), body
//!
//! G  genesis            its bytes; the first frame
//! B  block              [header, certificate, number of transactions]
//! T  transaction        [header, scheme, signature, entries]; as many as B says, in order
//! P  payload            [entry's number in the chain, bytes]; behind the block's transactions, rising;
//!                       may be left out, one or all
//! E  end                [last height, last block's hash, entries, payloads]; nothing follows
//! ```
//!
//! Bodies other than genesis are deterministic CBOR. A file that was cut off has no E frame; one that was
//! changed anywhere hashes to something else, up to the certificates, which the fingerprint reaches
//! through genesis. Nothing here reads or writes: [`Frame`] is the format, [`ExportVerifier`] the rules.

mod frame;
mod verifier;

pub use frame::{EXPORT_MAGIC, Frame, FrameFault, FrameKind, MAX_FRAME};
pub use verifier::{ExportFault, ExportSummary, ExportVerifier};
