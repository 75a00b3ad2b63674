//! What policies decide, seen from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test does not expect ends it, in its helpers too"
)]

mod cases;
mod differential;
mod layers;
mod plain;
mod properties;
mod random;
mod validation;

// The command's own reading of cases, so that what is tested is what it prints.
#[path = "../../src/bin/policy_cases/answer.rs"]
mod answer;
#[path = "../../src/bin/policy_cases/field.rs"]
mod field;
#[path = "../../src/bin/policy_cases/operation.rs"]
mod operation;

/// The line of a case, as the command prints it.
fn line(case: &str) -> String {
    let value = cistern_access::json::parse(case).unwrap();
    let name = value.member("name").and_then(|name| name.as_text()).unwrap_or("?");
    answer::line(case, name, &value).unwrap_or_else(|why| format!("{name}\terror\t{why}"))
}
