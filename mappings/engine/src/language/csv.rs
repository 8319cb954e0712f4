// SPDX-License-Identifier: Apache-2.0
//! CSV as RFC 4180 writes it, every cell with its bytes in the file.

use std::ops::Range;

/// One cell: its text and where it stands, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub text: String,
    pub span: Range<usize>,
}

/// A quote that is never closed, or text after a closing quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub span: Range<usize>,
    pub reason: &'static str,
}

/// Reads all records. Blank lines are skipped, a byte order mark too.
pub(crate) fn parse(text: &str) -> Result<Vec<Vec<Cell>>, Malformed> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    while at < text.len() {
        let cell = cell(text, at)?;
        at = cell.span.end;
        record.push(cell);
        let rest = &text[at..];
        if rest.starts_with(',') {
            at += 1;
            if at == text.len() {
                record.push(Cell {
                    text: String::new(),
                    span: at..at,
                });
            }
            continue;
        }
        at += if rest.starts_with("\r\n") { 2 } else { 1 };
        push(&mut records, std::mem::take(&mut record));
    }
    push(&mut records, record);
    Ok(records)
}

fn push(records: &mut Vec<Vec<Cell>>, record: Vec<Cell>) {
    let blank = record.iter().all(|c| c.span.is_empty()) && record.len() <= 1;
    if !blank {
        records.push(record);
    }
}

fn cell(text: &str, start: usize) -> Result<Cell, Malformed> {
    if text[start..].starts_with('"') {
        return quoted(text, start);
    }
    let end = text[start..]
        .find([',', '\n'])
        .map_or(text.len(), |n| start + n);
    let end = if text[start..end].ends_with('\r') && text[end..].starts_with('\n') {
        end - 1
    } else {
        end
    };
    Ok(Cell {
        text: text[start..end].to_owned(),
        span: start..end,
    })
}

fn quoted(text: &str, start: usize) -> Result<Cell, Malformed> {
    let mut value = String::new();
    let mut at = start + 1;
    loop {
        let Some(n) = text[at..].find('"') else {
            return Err(Malformed {
                span: start..start + 1,
                reason: "this quote is never closed",
            });
        };
        value.push_str(&text[at..at + n]);
        at += n + 1;
        if !text[at..].starts_with('"') {
            break;
        }
        value.push('"');
        at += 1;
    }
    let rest = &text[at..];
    if rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n") {
        return Ok(Cell {
            text: value,
            span: start..at,
        });
    }
    Err(Malformed {
        span: at..at + 1,
        reason: "only a comma may follow a closing quote",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<Vec<String>> {
        let records = parse(text).expect("well formed");
        let cells = |r: Vec<Cell>| r.into_iter().map(|c| c.text).collect();
        records.into_iter().map(cells).collect()
    }

    #[test]
    fn quotes_commas_line_ends_and_empty_cells_are_read_as_the_rfc_says() {
        assert_eq!(
            texts("from,to\r\n\"a,\"\"b\",1\n,x\n\n\"\",\nlast,"),
            [
                vec!["from", "to"],
                vec!["a,\"b", "1"],
                vec!["", "x"],
                vec!["", ""],
                vec!["last", ""]
            ]
        );
        assert_eq!(texts("\u{feff}from\n"), [vec!["from"]]);
    }

    #[test]
    fn a_broken_quote_is_placed() {
        assert_eq!(parse("a,\"b\n").expect_err("open").span, 2..3);
        assert_eq!(parse("\"a\"b,c\n").expect_err("after").span, 3..4);
    }
}
