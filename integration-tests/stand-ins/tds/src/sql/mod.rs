// SPDX-License-Identifier: Apache-2.0
//! The part of T-SQL that the stand-in knows: text in, statements out. What it does not know is an error.

mod ast;
mod expression;
mod lexer;
mod parser;
mod schema;
mod security;
mod statement;
#[cfg(test)]
mod tests;

pub(crate) use ast::*;
pub(crate) use parser::{parse, parse_declarations};
