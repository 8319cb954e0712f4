// SPDX-License-Identifier: Apache-2.0
//! What differs between databases, decided by the name that a database gives itself (`SQL_DBMS_NAME`).
//!
//! An unknown database gets statements of the plainest SQL: no row limit (the cursor is closed early) and no
//! assumption on where NULL sorts.

/// How a statement is limited to so many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// `... LIMIT n`
    Limit,
    /// `SELECT TOP n ...`
    Top,
    /// `SELECT FIRST n ...`
    First,
    /// `... FETCH FIRST n ROWS ONLY`
    FetchFirst,
    /// `SELECT * FROM (...) WHERE ROWNUM <= n`
    Rownum,
    /// Not at all: the cursor is closed when enough rows were read.
    Plain,
}

/// Where NULL sorts in an ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Before all else, as the contract wants it.
    Low,
    /// After all else, unless `NULLS FIRST` is said.
    High,
    /// Not known: sorted by `CASE WHEN ... IS NULL` first.
    Unknown,
}

/// One database's ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// How rows are limited.
    pub page: Page,
    /// Where NULL sorts.
    pub nulls: Nulls,
    /// Whether a column must be named with its table, lest a name that is not there be taken for a text.
    pub qualified: bool,
    /// Whether any column may hold a value of any type, so that every cell is read as text.
    pub dynamic: bool,
    /// Whether it is a file on this machine with text in UTF-8, which no driver need turn into UTF-16.
    pub file: bool,
    /// Makes the session's answers independent of the server's settings.
    pub set_up: &'static [&'static str],
    /// Holds the session read-only on the server.
    pub read_only: Option<&'static str>,
    /// Asks for the server's version.
    pub version: Option<&'static str>,
    /// Asks for the server's clock, in UTC.
    pub clock: Option<&'static str>,
    /// The most parameters in one statement.
    pub most_parameters: usize,
}

const PLAIN: Dialect = Dialect {
    page: Page::Plain,
    nulls: Nulls::Unknown,
    qualified: false,
    dynamic: false,
    file: false,
    set_up: &[],
    read_only: None,
    version: None,
    clock: None,
    most_parameters: 200,
};

/// SQLite takes an unknown name in double quotes for a text, so that a column that was dropped would be read as its
/// own name, unless the table's name stands before it. A column's declared type binds no value of it.
const SQLITE: Dialect = Dialect {
    page: Page::Limit,
    nulls: Nulls::Low,
    qualified: true,
    dynamic: true,
    file: true,
    read_only: Some("PRAGMA query_only=ON"),
    version: Some("SELECT sqlite_version()"),
    clock: Some("SELECT datetime('now')"),
    most_parameters: 500,
    ..PLAIN
};

const MYSQL: Dialect = Dialect {
    page: Page::Limit,
    nulls: Nulls::Low,
    set_up: &["SET SESSION time_zone='+00:00'"],
    read_only: Some("SET SESSION TRANSACTION READ ONLY"),
    version: Some("SELECT VERSION()"),
    clock: Some("SELECT UTC_TIMESTAMP()"),
    most_parameters: 500,
    ..PLAIN
};

const POSTGRES: Dialect = Dialect {
    page: Page::Limit,
    nulls: Nulls::High,
    set_up: &["SET TIME ZONE 'UTC'"],
    read_only: Some("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    version: Some("SHOW server_version"),
    clock: Some("SELECT CAST(now() AT TIME ZONE 'UTC' AS timestamp(0))"),
    most_parameters: 500,
    ..PLAIN
};

const SQL_SERVER: Dialect = Dialect {
    page: Page::Top,
    nulls: Nulls::Low,
    version: Some("SELECT CAST(SERVERPROPERTY('ProductVersion') AS varchar(40))"),
    clock: Some("SELECT CAST(GETUTCDATE() AS datetime)"),
    most_parameters: 500,
    ..PLAIN
};

/// Sorting by language and comparing by bytes would lose rows between two pages, so both are set to bytes.
const ORACLE: Dialect = Dialect {
    page: Page::Rownum,
    nulls: Nulls::High,
    set_up: &["ALTER SESSION SET NLS_SORT=BINARY NLS_COMP=BINARY NLS_NUMERIC_CHARACTERS='.,'"],
    version: Some("SELECT MAX(version) FROM product_component_version"),
    ..PLAIN
};

const ACCESS: Dialect = Dialect {
    page: Page::Top,
    nulls: Nulls::Low,
    most_parameters: 60,
    ..PLAIN
};

/// The dialects by a part of the database's name in lower case; the first that fits.
const KNOWN: &[(&str, Dialect)] = &[
    ("sqlite", SQLITE),
    ("mariadb", MYSQL),
    ("mysql", MYSQL),
    ("postgres", POSTGRES),
    ("sql server", SQL_SERVER),
    ("oracle", ORACLE),
    ("access", ACCESS),
    ("adaptive server", with(Page::Top, Nulls::Low)),
    ("sybase", with(Page::Top, Nulls::Low)),
    ("sql anywhere", with(Page::Top, Nulls::Low)),
    ("firebird", with(Page::First, Nulls::Low)),
    ("informix", with(Page::First, Nulls::Low)),
    ("db2", with(Page::FetchFirst, Nulls::High)),
    ("duckdb", with(Page::Limit, Nulls::High)),
];

const fn with(page: Page, nulls: Nulls) -> Dialect {
    Dialect {
        page,
        nulls,
        ..PLAIN
    }
}

impl Dialect {
    /// The dialect of a database that calls itself so.
    pub(crate) fn of(dbms: &str) -> Self {
        let name = dbms.to_ascii_lowercase();
        KNOWN
            .iter()
            .find(|(part, _)| name.contains(part))
            .map_or(PLAIN, |(_, dialect)| *dialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dbms: &str, page: Page) {
        assert_eq!(Dialect::of(dbms).page, page, "{dbms}");
    }

    #[test]
    fn a_database_is_known_by_the_name_it_gives_itself() {
        check("SQLite", Page::Limit);
        check("MariaDB", Page::Limit);
        check("PostgreSQL", Page::Limit);
        check("Microsoft SQL Server", Page::Top);
        check("Oracle", Page::Rownum);
        check("ACCESS", Page::Top);
        check("DB2/LINUXX8664", Page::FetchFirst);
        check("Firebird", Page::First);
    }

    #[test]
    fn nothing_is_assumed_of_an_unknown_database() {
        assert_eq!(Dialect::of("Visual FoxPro"), PLAIN);
    }
}
