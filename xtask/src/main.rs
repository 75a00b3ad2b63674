//! Cistern's automation: `cargo xtask <command>`.
//!
//! - `ci`: the whole gate, in order; stops at the first failure.
//! - `tidy`: what the compiler does not check: arrows between crates, names, sizes, laws, the README.
//! - `law`: the rules we follow and the tests that guard them.
//! - `supported`: writes the README's table of what is supported.
//!
//! Not here: anything a plain `cargo` command does as well.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "automation reads the tree, starts programs and talks to a terminal"
)]

mod ci;
mod failure;
mod law;
mod metadata;
mod source;
mod supported;
mod tidy;
mod tree;

use failure::{Failure, Result};
use std::{env, process::ExitCode};
use tree::Tree;

const USAGE: &str = "\
usage: cargo xtask <command>

  ci              run the whole gate
  tidy            check what the compiler does not
  law             list every `Law:` and the tests that name it
  law --strict    the same, and fail for a law without a test
  supported       write the README's table of what is supported";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let tree = Tree::of_workspace();
    match arguments {
        ["ci"] => ci::run(&tree),
        ["tidy"] => tidy::run(&tree),
        ["law"] => law::run(&tree, law::Missing::Counted),
        ["law", "--strict"] => law::run(&tree, law::Missing::Refused),
        ["supported"] => supported::write(&tree),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::new(USAGE)),
    }
}
