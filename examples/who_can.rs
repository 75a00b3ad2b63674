//! Who may do what on a bucket, and why: a team with a group, a role and a bucket policy.
#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use cistern::{
    Action, Cistern,
    access::{ACCOUNT, Access, Identity},
};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let cistern = Cistern::in_memory();
    cistern.create_bucket("orders")?.put("2026/a.json", "{}")?;
    let access = cistern.access()?;
    engage_the_team(&access)?;

    for (action, key) in [
        (Action::ListBucket, None),
        (Action::GetObject, Some("2026/a.json")),
        (Action::PutObject, Some("2026/a.json")),
        (Action::GetObject, Some("salaries/b.json")),
    ] {
        println!("{action} orders/{}", key.unwrap_or_default());
        for row in access.who_can(action, "orders", key)? {
            let who = row.principal.rsplit(':').next().unwrap_or_default();
            let why = row.decision.as_ref().map_or_else(String::new, ToString::to_string);
            println!("  {} {who:<12} {why}", if row.is_allowed() { "yes" } else { "no " });
        }
    }

    // What the table says is what happens.
    let bob = cistern.as_principal("bob")?;
    let refusal = bob.bucket("orders")?.put("2026/a.json", "{}").map(drop);
    println!(
        "bob puts: {}",
        refusal.err().map_or_else(|| "done".into(), |error| error.to_string())
    );
    let loader = bob.assume_role("loader", "nightly")?;
    loader.bucket("orders")?.put("2026/b.json", "{}")?;
    println!("{} has put 2026/b.json", loader.principal());
    Ok(())
}

/// Alice and bob read; bob may load as `loader`; salaries are for nobody but the root.
fn engage_the_team(access: &Access) -> Result<(), Box<dyn Error>> {
    let staff = access.create_group("staff")?;
    for name in ["alice", "bob"] {
        access.create_user(name)?;
        access.add_to_group(name, "staff")?;
    }
    access.create_user("mallory")?;
    let reads = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::orders"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::orders/*"}]}"#;
    access.create_policy("reads-orders", reads)?;
    access.attach_policy(&staff, "reads-orders")?;

    let bob = Identity::user("bob").arn();
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
        "Principal": {{"AWS": "{bob}"}}, "Action": "sts:AssumeRole"}}}}"#
    );
    let loader = access.create_role("loader", &trust)?;
    let writes = r#"{"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::orders/*"}}"#;
    access.put_inline_policy(&loader, "writes", writes)?;

    let salaries = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "Salaries", "Effect": "Deny",
        "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::orders/salaries/*",
        "Condition": {{"ArnNotEquals": {{"aws:PrincipalArn": "arn:aws:iam::{ACCOUNT}:root"}}}}}}}}"#
    );
    access.set_bucket_policy("orders", &salaries)?;
    Ok(())
}
