//! `mutate`: takes away, one at a time, what the promises rest on, and demands that tests notice.
//!
//! The tree is copied; each mutation of the table is applied to the copy, its tests run there, and
//! the text is put back. A mutation that no test notices is a promise that nothing holds up. One
//! whose text is not found once in its file is an error, which the tests of this file find early.
//!
//! Not in the gate: it builds the engine as often as there are mutations.

mod table;

use crate::{Failure, Result, Tree, ci::cargo};
use std::{
    collections::BTreeSet,
    env, fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};
use table::{MUTATIONS, Mutation};

/// How a mutant fared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// These tests failed; none is named when a whole program of tests broke down.
    Killed(Vec<String>),
    /// The tests did not come to an end.
    Hung,
    /// Every test passed.
    Survived,
}

/// Tries every mutation whose name contains `word`.
pub(crate) fn run(tree: &Tree, word: &str) -> Result<()> {
    for mutation in MUTATIONS {
        mutation.apply(&tree.read(mutation.path)?)?;
    }
    let copy = Copy::of(tree)?;
    let chosen = MUTATIONS.iter().filter(|mutation| mutation.name.contains(word));
    let chosen: Vec<&Mutation> = chosen.collect();
    let limit = copy.check_unchanged(&chosen)?;
    let mut survivors = 0;
    println!("{:>9}  {:>5}  mutation, and the first tests that noticed it", "fate", "s");
    for mutation in &chosen {
        let began = Instant::now();
        let fate = copy.try_mutation(mutation, limit)?;
        let seconds = began.elapsed().as_secs();
        println!("{:>9}  {seconds:>5}  {} ({})", fate.word(), mutation.name, mutation.path);
        if let Fate::Killed(tests) = &fate {
            tests.iter().take(NAMED_MAX).for_each(|test| println!("{:18}{test}", ""));
            let more = tests.len().saturating_sub(NAMED_MAX);
            if more > 0 {
                println!("{:18}and {more} more", "");
            }
        }
        survivors += usize::from(fate == Fate::Survived);
    }
    println!("{} mutants, {survivors} survived", chosen.len());
    match survivors {
        0 => Ok(()),
        _ => Err(Failure::new("no test holds up what the survivors took away")),
    }
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Self::Killed(_) => "killed",
            Self::Hung => "hung",
            Self::Survived => "survived",
        }
    }
}

impl Mutation {
    /// The file's text with the mutation.
    fn apply(&self, source: &str) -> Result<String> {
        match source.matches(self.text).count() {
            1 => Ok(source.replacen(self.text, self.instead, 1)),
            count => Err(Failure::new(format!(
                "mutation `{}`: its text stands {count} times in {}, not once",
                self.name, self.path
            ))),
        }
    }
}

/// A copy of the tree, always in the same place, so that a second run builds less.
struct Copy {
    tree: Tree,
    target: PathBuf,
}

impl Copy {
    fn of(tree: &Tree) -> Result<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| tree.root().join("target")).join("mutate");
        let copy = Self { tree: Tree::at(target.join("tree")), target };
        let io = |error| {
            let root = copy.tree.root().display();
            Failure::new(format!("cannot copy the tree to {root}: {error}"))
        };
        let files = tree.files()?;
        for path in &files {
            copy.follow(tree, path).map_err(io)?;
        }
        let gone = copy.tree.files()?.into_iter().filter(|path| !files.contains(path));
        for path in gone {
            fs::remove_file(copy.tree.root().join(path)).map_err(io)?;
        }
        Ok(copy)
    }

    /// Makes a file the same as in `tree`. The age of a source decides whether it is built again: one
    /// that is the same already is left alone, and any other is new, also one that a run left with a
    /// mutation in it when it was ended.
    fn follow(&self, tree: &Tree, path: &str) -> io::Result<()> {
        let bytes = fs::read(tree.root().join(path))?;
        let to = self.tree.root().join(path);
        if fs::read(&to).is_ok_and(|found| found == bytes) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().expect("a file lies in a folder"))?;
        fs::write(&to, bytes)
    }

    /// Without a mutation the tests must pass, or their failing proves nothing. Gives how long one
    /// program of them may take with one.
    fn check_unchanged(&self, mutations: &[&Mutation]) -> Result<Duration> {
        let mut limit = TESTS_MIN;
        let programs: BTreeSet<_> = mutations.iter().flat_map(|mutation| mutation.tests).collect();
        for program in programs {
            self.build(program)?;
            let began = Instant::now();
            let fate = self.test(program, BUILD_MAX)?;
            limit = limit.max(began.elapsed() * SLOWER_MAX);
            if fate != Fate::Survived {
                let program = program.join(" ");
                return Err(Failure::new(format!("{fate:?} without a mutation: {program}")));
            }
        }
        Ok(limit)
    }

    fn try_mutation(&self, mutation: &Mutation, limit: Duration) -> Result<Fate> {
        let source = self.tree.read(mutation.path)?;
        self.tree.write(mutation.path, &mutation.apply(&source)?)?;
        let fate = self.judge(mutation, limit);
        self.tree.write(mutation.path, &source)?;
        fate.map_err(|failure| Failure::new(format!("mutation `{}`: {failure}", mutation.name)))
    }

    fn judge(&self, mutation: &Mutation, limit: Duration) -> Result<Fate> {
        for program in mutation.tests {
            self.build(program)?;
            let fate = self.test(program, limit)?;
            if fate != Fate::Survived {
                return Ok(fate);
            }
        }
        Ok(Fate::Survived)
    }

    fn build(&self, arguments: &[&str]) -> Result<()> {
        match run_within(self.cargo_test(arguments).arg("--no-run"), BUILD_MAX)? {
            Some(status) if status.success() => Ok(()),
            _ => Err(Failure::new("it does not build")),
        }
    }

    fn test(&self, arguments: &[&str], limit: Duration) -> Result<Fate> {
        let path = self.target.join("told");
        let io = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
        let told = fs::File::create(&path).map_err(io)?;
        Ok(match run_within(self.cargo_test(arguments).stdout(told), limit)? {
            Some(status) if status.success() => Fate::Survived,
            Some(_) => Fate::Killed(failed(&fs::read(&path).map_err(io)?)),
            None => Fate::Hung,
        })
    }

    fn cargo_test(&self, arguments: &[&str]) -> Command {
        let mut command = cargo();
        command.arg("test").args(arguments);
        command.current_dir(self.tree.root()).env("CARGO_TARGET_DIR", &self.target);
        // A mutation leaves things unused; that is not what is asked here.
        command.env("RUSTFLAGS", "--cap-lints allow");
        // Half of building is what only a debugger reads.
        command.env("CARGO_PROFILE_TEST_DEBUG", "0").env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// The tests that failed, by what they printed.
fn failed(told: &[u8]) -> Vec<String> {
    let told = String::from_utf8_lossy(told);
    let name =
        |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
    told.lines().filter_map(name).collect()
}

/// Runs a command to its end; `None` when it took longer than `limit`, and was ended with all that
/// it had started.
fn run_within(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>> {
    let failed = |error| Failure::new(format!("cannot run cargo: {error}"));
    let mut child = command.process_group(0).spawn().map_err(failed)?;
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(status));
        }
        if began.elapsed() > limit {
            end_group(&mut child).map_err(failed)?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Ends a program and those that it started: it is the first of its group.
fn end_group(child: &mut Child) -> io::Result<()> {
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-KILL", "--", &group]).status()?;
    child.wait().map(drop)
}

const POLL: Duration = Duration::from_millis(50);
const BUILD_MAX: Duration = Duration::from_secs(1200);

/// A mutant whose tests take so many times as long as without it goes on for ever,
const SLOWER_MAX: u32 = 5;

/// unless that is not long.
const TESTS_MIN: Duration = Duration::from_secs(120);

/// How many of the tests that noticed a mutation are named.
const NAMED_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_every_mutation_stands_once_in_its_file() {
        let tree = Tree::of_workspace();
        for mutation in MUTATIONS {
            let source = tree.read(mutation.path).unwrap();
            assert_ne!(mutation.apply(&source).unwrap(), source, "{}", mutation.name);
        }
    }

    #[test]
    fn a_mutation_whose_text_is_gone_is_told() {
        let failure = MUTATIONS[0].apply("fn other() {}").unwrap_err().to_string();
        assert!(failure.contains("stands 0 times in disk/src/format.rs"), "{failure}");
    }

    #[test]
    fn the_tests_that_failed_are_named() {
        let told =
            b"running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\nfailures:\n    a::c\n";
        assert_eq!(failed(told), ["a::c"]);
    }

    #[test]
    fn a_program_that_goes_on_too_long_is_ended_with_what_it_started() {
        let mut slow = Command::new("sh");
        slow.args(["-c", "sleep 60 & wait"]);
        assert_eq!(run_within(&mut slow, Duration::from_millis(100)).unwrap(), None);
    }
}
