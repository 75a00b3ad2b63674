//! Gates: what is denied changes nothing and tells nothing.

use crate::kit::{World, at, dump};
use cistern_storage_core::{
    Action, Bucket, BucketOptions, Bypass, CopyOptions, CopySource, Days, DeleteEntry,
    DeleteOptions, Event, EventFilter, GetOptions, LegalHold, LifecycleDocument, ListOptions,
    ListVersionsOptions, ObjectLockConfig, PutOptions, RestoreOptions, Result, Retention,
    RetentionMode, StorageClass, Tags, UploadOptions, VersionId, Versioning,
    port::{Decision, Gate, GateRequest, Sink},
};
use std::sync::{Arc, Mutex};

/// Allows a list of actions, and remembers what it was asked.
#[derive(Debug, Default)]
struct Doorman {
    allowed: Vec<Action>,
    asked: Mutex<Vec<Question>>,
}

/// Action, key, version.
type Question = (Action, Option<String>, Option<String>);

impl Gate for Doorman {
    fn decide(&self, request: &GateRequest<'_>) -> Decision {
        assert_eq!(request.principal, "alice");
        let entry = (request.action, request.key.map(Into::into), request.version.map(Into::into));
        self.asked.lock().unwrap().push(entry);
        if self.allowed.contains(&request.action) {
            Decision::Allow
        } else {
            Decision::Deny { reason: "not for you".into() }
        }
    }
}

fn allow(bucket: &Bucket, actions: &[Action]) -> (Bucket, Arc<Doorman>) {
    let gate = Arc::new(Doorman { allowed: actions.to_vec(), ..Doorman::default() });
    (bucket.as_principal("alice", Arc::clone(&gate) as _), gate)
}

fn retention() -> Retention {
    Retention { mode: RetentionMode::Governance, until: at("2027-01-01T00:00:00Z") }
}

type Verb = (&'static str, &'static [Action], fn(&Bucket, VersionId) -> Result<()>);

/// Every verb on key `k` or `absent`, with the actions that it asks for.
fn verbs() -> Vec<Verb> {
    fn tags() -> Tags {
        [("a", "1")].try_into().unwrap()
    }
    fn source(bucket: &Bucket, key: &str) -> CopySource {
        CopySource::new(bucket, key).unwrap()
    }
    fn first(outcomes: Vec<cistern_storage_core::DeleteOutcome>) -> Result<()> {
        outcomes.into_iter().next().unwrap().outcome.map(drop)
    }
    use Action as A;
    vec![
        ("get", &[A::GetObject], |b, _| b.get("k").map(drop)),
        ("get version", &[A::GetObjectVersion], |b, v| {
            b.get_with("k", &GetOptions::new().version(v)).map(drop)
        }),
        ("head", &[A::GetObject], |b, _| b.head("k").map(drop)),
        ("attributes", &[A::GetObject, A::GetObjectAttributes], |b, _| b.attributes("k").map(drop)),
        (
            "attributes of a version",
            &[A::GetObjectVersion, A::GetObjectVersionAttributes],
            |b, v| b.attributes_page("k", Some(v), 0, None).map(drop),
        ),
        ("put", &[A::PutObject], |b, _| b.put("k", "x").map(drop)),
        ("put with tags", &[A::PutObject, A::PutObjectTagging], |b, _| {
            b.put_with("k", "x", &PutOptions::new().tags(tags())).map(drop)
        }),
        ("begin an upload", &[A::PutObject], |b, _| b.create_upload("k").map(drop)),
        ("begin an upload with tags", &[A::PutObject, A::PutObjectTagging], |b, _| {
            b.create_upload_with("k", &UploadOptions::new().tags(tags())).map(drop)
        }),
        ("put with retention", &[A::PutObject, A::PutObjectRetention], |b, _| {
            b.put_with("k", "x", &PutOptions::new().retention(retention())).map(drop)
        }),
        ("put with a hold", &[A::PutObject, A::PutObjectLegalHold], |b, _| {
            b.put_with("k", "x", &PutOptions::new().legal_hold(LegalHold::On)).map(drop)
        }),
        ("append", &[A::PutObject], |b, _| b.append("new", 0, "x").map(drop)),
        ("copy", &[A::GetObject, A::PutObject], |b, _| b.copy("k", "c").map(drop)),
        ("copy of a version", &[A::GetObjectVersion, A::PutObject], |b, v| {
            b.copy_with(&source(b, "k").version(v), "c", &CopyOptions::new()).map(drop)
        }),
        ("copy with a hold", &[A::GetObject, A::PutObject, A::PutObjectLegalHold], |b, _| {
            let options = CopyOptions::new().legal_hold(LegalHold::On);
            b.copy_with(&source(b, "k"), "c", &options).map(drop)
        }),
        ("rename", &[A::GetObject, A::DeleteObject, A::PutObject], |b, _| {
            b.rename("k", "r").map(drop)
        }),
        ("delete", &[A::DeleteObject], |b, _| b.delete("k").map(drop)),
        ("delete version", &[A::DeleteObjectVersion], |b, v| b.delete_version("k", v).map(drop)),
        ("bypass", &[A::DeleteObjectVersion, A::BypassGovernanceRetention], |b, v| {
            b.delete_with("k", &DeleteOptions::new().version(v).bypass_governance()).map(drop)
        }),
        ("delete many", &[A::DeleteObject], |b, _| {
            first(b.delete_many(&[DeleteEntry::new("k")?])?)
        }),
        ("delete many versions", &[A::DeleteObjectVersion], |b, v| {
            first(b.delete_many(&[DeleteEntry::new("k")?.version(v)])?)
        }),
        ("bypass of many", &[A::DeleteObjectVersion, A::BypassGovernanceRetention], |b, v| {
            let options = DeleteOptions::new().bypass_governance();
            first(b.delete_many_with(&[DeleteEntry::new("k")?.version(v)], &options)?)
        }),
        ("tags", &[A::GetObjectTagging], |b, _| b.object_tags("k", None).map(drop)),
        ("tags of a version", &[A::GetObjectVersionTagging], |b, v| {
            b.object_tags("k", Some(v)).map(drop)
        }),
        ("set tags", &[A::PutObjectTagging], |b, _| {
            b.set_object_tags("k", None, &tags()).map(drop)
        }),
        ("set tags of a version", &[A::PutObjectVersionTagging], |b, v| {
            b.set_object_tags("k", Some(v), &tags()).map(drop)
        }),
        ("retention", &[A::GetObjectRetention], |b, _| b.retention("k", None).map(drop)),
        ("set retention", &[A::PutObjectRetention], |b, _| {
            b.set_retention("k", None, Some(retention()), Bypass::No).map(drop)
        }),
        ("loosen", &[A::PutObjectRetention, A::BypassGovernanceRetention], |b, _| {
            b.set_retention("k", None, None, Bypass::Governance).map(drop)
        }),
        ("hold", &[A::GetObjectLegalHold], |b, _| b.legal_hold("k", None).map(drop)),
        ("set hold", &[A::PutObjectLegalHold], |b, _| {
            b.set_legal_hold("k", None, LegalHold::Off).map(drop)
        }),
        ("list", &[A::ListBucket], |b, _| b.list_page(&ListOptions::new()).map(drop)),
        ("list versions", &[A::ListBucketVersions], |b, _| {
            b.list_versions_page(&ListVersionsOptions::new()).map(drop)
        }),
        ("stats", &[A::ListBucket], |b, _| b.stats().map(drop)),
        ("versioning", &[A::GetBucketVersioning], |b, _| b.versioning().map(drop)),
        ("set versioning", &[A::PutBucketVersioning], |b, _| b.set_versioning(Versioning::Enabled)),
        ("bucket tags", &[A::GetBucketTagging], |b, _| b.tags().map(drop)),
        ("set bucket tags", &[A::PutBucketTagging], |b, _| {
            b.set_tags([("a", "1")].try_into().unwrap())
        }),
        ("lock", &[A::GetBucketObjectLockConfiguration], |b, _| b.object_lock().map(drop)),
        ("set lock", &[A::PutBucketObjectLockConfiguration], |b, _| {
            b.set_object_lock(ObjectLockConfig::new())
        }),
        ("restore", &[A::RestoreObject], |b, _| {
            b.restore_object("ice", None, RestoreOptions::days(Days(1))).map(drop)
        }),
        ("lifecycle", &[A::GetLifecycleConfiguration], |b, _| b.lifecycle().map(drop)),
        ("set lifecycle", &[A::PutLifecycleConfiguration], |b, _| {
            b.set_lifecycle(LifecycleDocument::new("<b/>", "all"))
        }),
        ("remove lifecycle", &[A::PutLifecycleConfiguration], |b, _| b.delete_lifecycle()),
    ]
}

/// A bucket where every verb succeeds: a current version under retention and with a hold set off,
/// and an older one, which the versions are of.
fn full() -> (World, Bucket, VersionId) {
    let world = World::new();
    let options = BucketOptions::new().object_lock(ObjectLockConfig::new());
    let bucket = world.store.create_bucket_with("test", options).unwrap();
    bucket.set_tags([("b", "2")].try_into().unwrap()).unwrap();
    bucket.set_lifecycle(LifecycleDocument::new("<a/>", "all")).unwrap();
    let ice = PutOptions::new().storage_class(StorageClass::Glacier);
    bucket.put_with("ice", "x", &ice).unwrap();
    let version = bucket.put("k", "old").unwrap().version.unwrap();
    let locked = PutOptions::new().retention(retention()).legal_hold(LegalHold::Off);
    bucket.put_with("k", "new", &locked).unwrap();
    (world, bucket, version)
}

#[test]
fn a_verb_needs_all_its_actions_and_no_other() {
    for (name, actions, verb) in verbs() {
        let (_world, bucket, version) = full();
        let (handle, gate) = allow(&bucket, actions);
        verb(&handle, version).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut asked: Vec<_> = gate.asked.lock().unwrap().iter().map(|entry| entry.0).collect();
        asked.sort_unstable();
        let mut expected = actions.to_vec();
        expected.sort_unstable();
        assert_eq!(asked, expected, "{name}");
    }
}

#[test]
fn without_one_of_them_nothing_changes_and_nothing_is_told() {
    for (name, actions, verb) in verbs() {
        for missing in actions {
            let rest: Vec<_> = actions.iter().copied().filter(|it| it != missing).collect();
            let (world, bucket, version) = full();
            // Where the key, the version or the whole lock is not there, the refusal is the same.
            let empty = world.bucket("empty", Versioning::Unversioned);
            let mut refusals = Vec::new();
            for bucket in [&bucket, &empty] {
                let before = (
                    dump(bucket),
                    bucket.versioning().unwrap(),
                    bucket.tags().ok(),
                    bucket.lifecycle().ok(),
                );
                let error = verb(&allow(bucket, &rest).0, version).unwrap_err();
                assert_eq!(error.code(), "AccessDenied", "{name} without {missing}");
                refusals.push(error.to_string());
                let after = (
                    dump(bucket),
                    bucket.versioning().unwrap(),
                    bucket.tags().ok(),
                    bucket.lifecycle().ok(),
                );
                assert_eq!(after, before, "{name}");
            }
            assert_eq!(refusals[0], refusals[1], "{name} tells what is there");
        }
    }
}

#[test]
fn buckets_have_their_gate_too() {
    let world = World::new();
    world.bucket("test", Versioning::Unversioned);
    let as_alice = |actions: &[Action]| {
        let gate = Arc::new(Doorman { allowed: actions.to_vec(), ..Doorman::default() });
        world.store.as_principal("alice", gate)
    };
    let nobody = as_alice(&[]);
    for code in [
        nobody.create_bucket("new").unwrap_err().code(),
        nobody.bucket("test").unwrap_err().code(),
        nobody.bucket("absent").unwrap_err().code(),
        nobody.list_buckets().unwrap_err().code(),
        nobody.delete_bucket("test").unwrap_err().code(),
        nobody.delete_bucket("absent").unwrap_err().code(),
        nobody.close().unwrap_err().code(),
    ] {
        assert_eq!(code, "AccessDenied");
    }
    assert_eq!(world.store.list_buckets().unwrap().len(), 1);
    as_alice(&[Action::CreateBucket]).create_bucket("new").unwrap();
    as_alice(&[Action::ListBucket]).bucket("new").unwrap();
    as_alice(&[Action::DeleteBucket]).delete_bucket("new").unwrap();
    assert_eq!(as_alice(&[Action::ListAllMyBuckets]).list_buckets().unwrap().len(), 1);
}

#[test]
fn a_gate_is_told_key_and_version() {
    let (_world, bucket, version) = full();
    let (handle, gate) = allow(&bucket, &[Action::GetObjectVersion]);
    handle.get_with("k", &GetOptions::new().version(version)).unwrap();
    let asked = gate.asked.lock().unwrap();
    let expected = (Action::GetObjectVersion, Some("k".into()), Some(version.to_string()));
    assert_eq!(*asked, [expected]);
}

#[test]
fn a_principal_hears_only_of_what_it_may_get() {
    #[derive(Debug, Default)]
    struct Count(Mutex<usize>);
    impl Sink for Count {
        fn tell(&self, _event: &Event) {
            *self.0.lock().unwrap() += 1;
        }
    }
    for (actions, expected) in [(&[][..], 0), (&[Action::GetObject][..], 1)] {
        let world = World::new();
        let bucket = world.bucket("test", Versioning::Unversioned);
        let gate = Arc::new(Doorman { allowed: actions.to_vec(), ..Doorman::default() });
        let count = Arc::new(Count::default());
        let alice = world.store.as_principal("alice", gate);
        let _subscription = alice.subscribe(EventFilter::new(), Arc::clone(&count) as _);
        bucket.put("k", "x").unwrap();
        assert_eq!(*count.0.lock().unwrap(), expected);
    }
}

// Law-test: S3, what is missing is a refusal to whoever may not list.
#[test]
fn what_is_missing_is_told_only_to_who_may_list() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Enabled);
    let version = bucket.put("gone", "x").unwrap().version.unwrap();
    let marker = bucket.delete("gone").unwrap().version.unwrap();
    let other = bucket.put("other", "x").unwrap().version.unwrap();
    let all: Vec<_> = Action::ALL.iter().copied().filter(|it| *it != Action::ListBucket).collect();
    for (code, verb) in [
        ("NoSuchKey", &(|b: &Bucket| b.get("absent").map(drop)) as &dyn Fn(&Bucket) -> Result<()>),
        ("NoSuchKey", &|b| b.head("gone").map(drop)),
        ("NoSuchKey", &|b| b.attributes("absent").map(drop)),
        ("NoSuchKey", &|b| b.object_tags("absent", None).map(drop)),
        ("NoSuchKey", &|b| b.set_object_tags("absent", None, &Tags::new()).map(drop)),
        ("NoSuchKey", &|b| b.copy("absent", "c").map(drop)),
        ("NoSuchKey", &|b| b.rename("absent", "r").map(drop)),
        ("NoSuchKey", &|b| {
            let options = PutOptions::new().if_match(bucket.head("other")?.etag());
            b.put_with("absent", "x", &options).map(drop)
        }),
        ("NoSuchVersion", &|b| b.get_with("absent", &GetOptions::new().version(other)).map(drop)),
        ("NoSuchVersion", &|b| {
            let entry = DeleteEntry::new("absent")?.version(version);
            b.delete_many(&[entry])?.pop().unwrap().outcome.map(drop)
        }),
        ("MethodNotAllowed", &|b| {
            b.head_with("gone", &GetOptions::new().version(marker)).map(drop)
        }),
    ] {
        assert_eq!(verb(&bucket).unwrap_err().code(), code);
        assert_eq!(verb(&allow(&bucket, Action::ALL).0).unwrap_err().code(), code);
        assert_eq!(verb(&allow(&bucket, &all).0).unwrap_err().code(), "AccessDenied", "{code}");
    }
}

// Law-test: S3, CopyObject: tags that go along need to be read there and set here.
#[test]
fn a_copy_needs_permission_for_the_tags_that_go_along() {
    use Action as A;
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let tagged = PutOptions::new().tags([("a", "1")].try_into().unwrap());
    bucket.put_with("k", "x", &tagged).unwrap();
    let all = [A::GetObject, A::PutObject, A::GetObjectTagging, A::PutObjectTagging];
    allow(&bucket, &all).0.copy("k", "c").unwrap();
    for missing in all {
        let rest: Vec<_> = all.into_iter().filter(|it| *it != missing).collect();
        let error = allow(&bucket, &rest).0.copy("k", "c").unwrap_err();
        assert_eq!(error.code(), "AccessDenied", "without {missing}");
    }
    let untagged = CopyOptions::new().replace_tags(Tags::new());
    let (alice, _) = allow(&bucket, &[A::GetObject, A::PutObject]);
    let source = CopySource::new(&alice, "k").unwrap();
    alice.copy_with(&source, "c", &untagged).unwrap();
}

// Law-test: S3, CreateBucket: object lock needs permissions of its own.
#[test]
fn a_bucket_with_object_lock_needs_more_than_being_made() {
    use Action as A;
    let all = [A::CreateBucket, A::PutBucketObjectLockConfiguration, A::PutBucketVersioning];
    let make = |actions: &[A]| {
        let gate = Arc::new(Doorman { allowed: actions.to_vec(), ..Doorman::default() });
        let options = BucketOptions::new().object_lock(ObjectLockConfig::new());
        World::new().store.as_principal("alice", gate).create_bucket_with("test", options)
    };
    make(&all).unwrap();
    for missing in all {
        let rest: Vec<_> = all.into_iter().filter(|it| *it != missing).collect();
        assert_eq!(make(&rest).unwrap_err().code(), "AccessDenied", "without {missing}");
    }
}

/// Remembers what requests say of themselves.
#[derive(Debug, Default)]
struct Listener(Mutex<Vec<String>>);

impl Gate for Listener {
    fn decide(&self, request: &GateRequest<'_>) -> Decision {
        let facts = request.facts.iter().map(|fact| format!("{}={:?}", fact.key, fact.value));
        let tags =
            request.existing_tags.map(|tags| format!("{:?}", tags.read().unwrap().value("a")));
        let bucket = request.bucket_id.map(|id| format!("#{id}"));
        self.0.lock().unwrap().extend(facts.chain(tags).chain(bucket));
        Decision::Allow
    }
}

#[test]
fn a_gate_is_told_what_a_request_says_and_can_read_the_tags_that_are_there() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    let tagged = PutOptions::new().tags([("a", "1")].try_into().unwrap());
    bucket.put_with("k", "x", &tagged).unwrap();
    let gate = Arc::new(Listener::default());
    let alice = bucket.as_principal("alice", Arc::clone(&gate) as _);
    let id = format!("#{}", bucket.id());
    let heard = || std::mem::take(&mut *gate.0.lock().unwrap());

    alice.get("k").unwrap();
    assert_eq!(heard(), ["Some(\"1\")".to_owned(), id.clone()]);
    alice.put_with("k", "x", &PutOptions::new().if_absent()).unwrap_err();
    assert_eq!(heard(), ["s3:if-none-match=One(\"*\")".to_owned(), id.clone()]);
    alice.list_page(&ListOptions::new().prefix("a/")).unwrap();
    let expected = ["s3:prefix=One(\"a/\")", "s3:max-keys=One(\"1000\")", &id];
    assert_eq!(heard(), expected);
    let source = CopySource::new(&alice, "k").unwrap();
    alice.copy_with(&source, "c", &CopyOptions::new().replace_tags(Tags::new())).unwrap();
    assert!(heard().contains(&"s3:x-amz-copy-source=One(\"test/k\")".to_owned()));
}

#[test]
fn a_handle_of_a_principal_can_be_limited_further_and_never_less() {
    let world = World::new();
    let bucket = world.bucket("test", Versioning::Unversioned);
    bucket.put("k", "x").unwrap();
    let (reader, _) = allow(&bucket, &[Action::GetObject]);
    let (wider, _) = allow(&reader, Action::ALL);
    wider.get("k").unwrap();
    assert_eq!(wider.put("k", "y").unwrap_err().code(), "AccessDenied");
    let (none, _) = allow(&reader, &[Action::PutObject]);
    assert_eq!(none.get("k").unwrap_err().code(), "AccessDenied");
    let gate =
        |actions: &[Action]| Arc::new(Doorman { allowed: actions.to_vec(), ..Doorman::default() });
    let store = world.store.as_principal("alice", gate(&[Action::ListBucket]));
    let wider = store.as_principal("alice", gate(Action::ALL));
    wider.bucket("test").unwrap();
    assert_eq!(wider.create_bucket("new").unwrap_err().code(), "AccessDenied");
}
