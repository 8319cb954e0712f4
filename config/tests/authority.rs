// SPDX-License-Identifier: Apache-2.0
//! The file of a registration authority, alone and inside a gateway's.

use std::path::Path;
use std::time::Duration;

use silsila_config::{AuthorityAlone, parse_authority};

fn parsed(text: &str) -> Result<AuthorityAlone, Vec<&'static str>> {
    let parsed = parse_authority("authority.toml", text, Path::new("/etc/silsila"));
    parsed.map_err(|faults| faults.iter().map(|fault| fault.code).collect())
}

#[test]
fn an_authority_needs_its_folder_and_nothing_else() {
    let alone = parsed("[authority]\nfolder = \"authority\"\n").expect("sound");
    let authority = alone.authority;
    assert_eq!(authority.folder, Path::new("/etc/silsila/authority"));
    assert_eq!(authority.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(authority.validity, Duration::from_secs(365 * 86_400));
    assert_eq!(authority.address, None);
}

#[test]
fn its_faults_are_named() {
    for (text, codes) in [
        ("", &["CFG0005"][..]),
        ("[authority]\n", &["CFG0005"]),
        (
            "[authority]\nfolder = \"a\"\nlisten = \"localhost:8080\"\n",
            &["CFG0007"],
        ),
        (
            "[authority]\nfolder = \"a\"\naddress = \"http://x\"\n",
            &["CFG0007"],
        ),
        (
            "[authority]\nfolder = \"a\"\nvalidity = \"1s\"\n",
            &["CFG0007"],
        ),
        (
            "[authority]\nfolder = \"a\"\nvalidty = \"1d\"\n",
            &["CFG0003"],
        ),
        ("[authority]\nfolder = \"a\"\n[listen]\n", &["CFG0003"]),
        (
            "[authority]\nfolder = \"a\"\nfolder = \"b\"\n",
            &["CFG0004"],
        ),
        (
            "[hospital]\nname = \"x\"\n[authority]\nfolder = \"a\"\n",
            &[
                "CFG0005", "CFG0005", "CFG0005", "CFG0011", "CFG0015", "CFG0005",
            ],
        ),
    ] {
        assert_eq!(parsed(text).expect_err(text), codes, "{text}");
    }
}

#[test]
fn a_gateways_file_may_hold_it_and_may_lack_it() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/mirpurkhas.toml");
    let text = std::fs::read_to_string(file).expect("the example is there");
    assert_eq!(parsed(&text), Err(vec!["CFG0005"]));
    let both = format!("{text}\n[authority]\nfolder = \"/var/lib/silsila/authority\"\n");
    assert_eq!(
        parsed(&both).expect("sound").authority.folder,
        Path::new("/var/lib/silsila/authority")
    );
}
