//! File lengths: past 600 lines a second concept may have moved in; past 1,000 it has.

use super::Findings;

const LINES_USUAL: usize = 600;
const LINES_MAX: usize = 1_000;

/// A long source.
pub(super) fn check(path: &str, text: &str, findings: &mut Findings) {
    let lines = text.lines().count();
    let finding = format!("{path}: {lines} lines; which second concept moved in?");
    if lines > LINES_MAX {
        findings.errors.push(finding);
    } else if lines > LINES_USUAL {
        findings.warnings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(lines: usize, errors: usize, warnings: usize) {
        let mut findings = Findings::default();
        check("a.rs", &"\n".repeat(lines), &mut findings);
        assert_eq!((findings.errors.len(), findings.warnings.len()), (errors, warnings));
    }

    #[test]
    fn a_file_is_warned_of_and_then_refused() {
        check_lines(600, 0, 0);
        check_lines(601, 0, 1);
        check_lines(1_000, 0, 1);
        check_lines(1_001, 1, 0);
    }
}
