//! Cistern's automation: `cargo xtask <command>`.
//!
//! - `ci`: the whole gate, in order; stops at the first failure.
//! - `tidy`: what the compiler does not check: arrows between crates, names, sizes, laws, the README.
//! - `fuzz`: feeds the fuzz targets.
//! - `law`: the rules we follow and the tests that guard them.
//! - `mutate`: takes away what the promises rest on, and demands that tests notice.
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
mod mutate;
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
  fuzz [word]     feed every fuzz target (with the word in its name) for 5 seconds, or for
                  CISTERN_FUZZ_SECONDS
  law             list every `Law:` and the tests that name it
  law --strict    the same, and fail for a law without a test
  mutate [word]   break the engine on purpose, in a copy, once for each line of a table
                  (only those with the word in their name), and fail if no test notices
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
        ["fuzz"] => ci::fuzz(&tree, ""),
        ["fuzz", word] => ci::fuzz(&tree, word),
        ["law"] => law::run(&tree, law::Missing::Counted),
        ["law", "--strict"] => law::run(&tree, law::Missing::Refused),
        ["mutate"] => mutate::run(&tree, ""),
        ["mutate", word] => mutate::run(&tree, word),
        ["supported"] => supported::write(&tree),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::new(USAGE)),
    }
}
