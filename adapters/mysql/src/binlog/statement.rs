// SPDX-License-Identifier: Apache-2.0
//! What a statement in the log means for transactions and tables. Its text may hold patient data: it is
//! looked at here and goes nowhere else.

use super::wire::Statement;

/// What a statement does to the transaction it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A transaction begins.
    Begins,
    /// It ends, committed or (for tables without transactions) not.
    Ends,
    /// Neither, and no table changes.
    Nothing,
    /// Tables change or may change, and no row tells how.
    Changes,
}

/// Statements that change no row of any table.
const HARMLESS: &[&str] = &[
    "SAVEPOINT",
    "RELEASE",
    "GRANT",
    "REVOKE",
    "FLUSH",
    "ANALYZE",
    "OPTIMIZE",
    "CHECK",
    "SET",
    "#",
];

impl Statement {
    pub fn effect(&self) -> Effect {
        let words = words(&self.text, 3);
        let word = |i: usize| words.get(i).map_or("", String::as_str);
        match (word(0), word(1), word(2)) {
            ("BEGIN", ..) | ("START", "TRANSACTION", _) => Effect::Begins,
            ("COMMIT", ..) => Effect::Ends,
            ("ROLLBACK", "TO", _) => Effect::Nothing,
            ("ROLLBACK", ..) => Effect::Ends,
            ("XA", "START" | "BEGIN", _) => Effect::Begins,
            ("XA", "END", _) => Effect::Nothing,
            ("XA", "ROLLBACK", _) => Effect::Ends,
            // What was prepared under this name becomes visible only now, long after its rows were read.
            ("XA", ..) => Effect::Changes,
            ("CREATE" | "DROP" | "ALTER" | "RENAME", "USER" | "ROLE", _) => Effect::Nothing,
            ("CREATE" | "DROP", "TEMPORARY", _) => Effect::Nothing,
            (first, ..) if HARMLESS.iter().any(|h| first.starts_with(h)) => Effect::Nothing,
            _ => Effect::Changes,
        }
    }

    /// Which of the tables may have changed, where the statement changes any. Names are looked for as
    /// words: one that only occurs in a text costs a sweep and no more.
    pub fn touches<'t>(&self, database: &str, tables: &'t [String]) -> Vec<&'t String> {
        let words = words(&self.text, usize::MAX);
        let named = |name: &str| {
            let parts = self::words(name, usize::MAX);
            words
                .windows(parts.len().max(1))
                .any(|window| window == parts)
        };
        let ours = self.database == database || named(database);
        if !ours {
            return Vec::new();
        }
        let found: Vec<&String> = tables.iter().filter(|table| named(table)).collect();
        let first = words.first().map_or("", String::as_str);
        let elsewhere = matches!(first, "CREATE" | "DROP" | "ALTER" | "RENAME" | "TRUNCATE")
            && words
                .get(1)
                .is_some_and(|w| w != "DATABASE" && w != "SCHEMA");
        if found.is_empty() && !elsewhere {
            // Through a view, a trigger or a prepared name: it may be any of them.
            return tables.iter().collect();
        }
        found
    }
}

/// The first words of a statement in capitals, without comments, quotes and signs.
fn words(text: &str, most: usize) -> Vec<String> {
    let bare = without_comments(text);
    let separates = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '#');
    bare.split(separates)
        .filter(|word| !word.is_empty())
        .take(most)
        .map(str::to_uppercase)
        .collect()
}

/// Without `/* ... */`; what MySQL hides in `/*! ... */` stays.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        out.push(' ');
        let comment = &rest[start + 2..];
        let end = comment.find("*/").map_or(comment.len(), |end| end + 2);
        if comment.starts_with(['!', 'M']) {
            out.push_str(&comment[..end]);
            out.push(' ');
        }
        rest = &comment[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str) -> Statement {
        Statement {
            database: "mpk".into(),
            text: text.into(),
        }
    }

    #[test]
    fn statements_begin_and_end_transactions_or_change_tables() {
        for (text, effect) in [
            ("BEGIN", Effect::Begins),
            ("begin /* by the pool */", Effect::Begins),
            ("XA START X'61',X'',1", Effect::Begins),
            ("COMMIT", Effect::Ends),
            ("ROLLBACK", Effect::Ends),
            ("ROLLBACK TO `s`", Effect::Nothing),
            ("SAVEPOINT `s`", Effect::Nothing),
            ("# Dummy event replacing event type 160", Effect::Nothing),
            ("GRANT SELECT ON mpk.* TO x", Effect::Nothing),
            ("/* app */ ALTER TABLE patients ADD x INT", Effect::Changes),
            ("TRUNCATE TABLE patients", Effect::Changes),
            ("XA COMMIT X'61',X'',1", Effect::Changes),
            ("update patients set a = 1", Effect::Changes),
        ] {
            assert_eq!(statement(text).effect(), effect, "{text}");
        }
    }

    #[test]
    fn the_tables_that_a_statement_names_are_touched() {
        let tables = ["patients".to_owned(), "opd visits".into(), "doctors".into()];
        let check = |text: &str, expect: &[usize]| {
            let expect: Vec<&String> = expect.iter().map(|i| &tables[*i]).collect();
            assert_eq!(statement(text).touches("mpk", &tables), expect, "{text}");
        };
        check("TRUNCATE TABLE `patients`", &[0]);
        check("alter table mpk.`opd visits` drop x", &[1]);
        check("RENAME TABLE doctors TO d2, patients TO doctors", &[0, 2]);
        check("CREATE TABLE patients_archive (id INT)", &[]);
        check("INSERT INTO a_view VALUES (1)", &[0, 1, 2]);
        check("DROP DATABASE mpk", &[0, 1, 2]);
    }

    #[test]
    fn statements_of_another_database_concern_us_only_by_name() {
        let tables = ["patients".to_owned()];
        let elsewhere = |text: &str| Statement {
            database: "other".into(),
            text: text.into(),
        };
        assert!(
            elsewhere("TRUNCATE patients")
                .touches("mpk", &tables)
                .is_empty()
        );
        assert_eq!(
            elsewhere("TRUNCATE mpk.patients")
                .touches("mpk", &tables)
                .len(),
            1
        );
    }
}
