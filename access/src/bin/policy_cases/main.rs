//! `policy-cases FILE.json`: answers cases about policies, a line each.
//!
//! Exit status: 0 when every case was answered, whatever the answers; 1 when one could not be read, 2
//! when the file could not.

mod answer;
mod field;
mod operation;

use cistern_access::json;
use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its terminal")]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: policy-cases FILE.json");
        return ExitCode::from(2);
    };
    match read(&path).and_then(|text| answers(&text)) {
        Ok(lines) => {
            let all_read = lines.iter().all(Result::is_ok);
            for line in lines {
                let (Ok(line) | Err(line)) = line;
                println!("{line}");
            }
            if all_read { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => {
            eprintln!("policy-cases: {}: {why}", path.display());
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a command reads the file it is given")]
fn read(path: &std::ffi::OsStr) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// A line for each case; `Err` for one that could not be read.
fn answers(text: &str) -> Result<Vec<Result<String, String>>, String> {
    let file = json::parse(text).map_err(|error| error.to_string())?;
    let cases = file.member("cases").and_then(json::Value::as_list);
    let cases = cases.ok_or("it has no list `cases`")?;
    let answered = cases.iter().map(|case| {
        let name = case.member("name").and_then(json::Value::as_text).unwrap_or("?");
        answer::line(text, name, case).map_err(|why| format!("{name}\terror\t{why}"))
    });
    Ok(answered.collect())
}
