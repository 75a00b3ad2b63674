use super::*;
use std::collections::BTreeSet;

/// A device with one durable file `log/a` that holds `bytes`.
fn with_file(bytes: &[u8]) -> (MemoryDevice, Arc<dyn DeviceFile>) {
    let device = MemoryDevice::new();
    let file = device.open("log/a", OpenMode::CreateNew).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    device.sync_folder("log").unwrap();
    (device, file)
}

fn names(device: &MemoryDevice, folder: &str) -> Vec<String> {
    device.list(folder).unwrap().into_iter().map(|entry| entry.name).collect()
}

/// All contents that `log/a` has after a crash, over many seeds.
fn outcomes(device: &MemoryDevice) -> BTreeSet<Vec<u8>> {
    (0..200).map(|seed| device.crash(Crash::Seeded(seed)).contents("log/a").unwrap()).collect()
}

#[test]
fn what_was_synced_survives_every_crash() {
    let (device, _file) = with_file(b"rain");
    assert_eq!(outcomes(&device), BTreeSet::from([b"rain".to_vec()]));
    assert_eq!(device.crash(Crash::LoseAll).contents("log/a").unwrap(), b"rain");
}

#[test]
fn an_unsynced_write_is_lost_kept_or_torn_by_sector() {
    let (device, file) = with_file(&[1; 2048]);
    file.write_at(&[2; 1024], 512).unwrap();
    let image = |first: u8, second: u8| {
        let mut bytes = vec![1; 2048];
        bytes[512..1024].fill(first);
        bytes[1024..1536].fill(second);
        bytes
    };
    let all = BTreeSet::from([image(1, 1), image(1, 2), image(2, 1), image(2, 2)]);
    assert_eq!(outcomes(&device), all);
    assert_eq!(device.crash(Crash::LoseAll).contents("log/a").unwrap(), image(1, 1));
    assert_eq!(device.crash(Crash::KeepAll).contents("log/a").unwrap(), image(2, 2));
}

#[test]
fn a_later_write_may_survive_an_earlier_one() {
    let (device, file) = with_file(&[0; 1024]);
    file.write_at(&[1; 512], 0).unwrap();
    file.write_at(&[2; 512], 512).unwrap();
    let mut reordered = vec![0; 1024];
    reordered[512..].fill(2);
    assert!(outcomes(&device).contains(&reordered));
}

#[test]
fn a_sector_holds_one_moment_of_the_cache() {
    let (device, file) = with_file(&[0; 512]);
    file.write_at(&[1; 100], 0).unwrap();
    file.write_at(&[2; 100], 100).unwrap();
    let moments: BTreeSet<(u8, u8)> =
        outcomes(&device).into_iter().map(|bytes| (bytes[50], bytes[150])).collect();
    assert_eq!(moments, BTreeSet::from([(0, 0), (1, 0), (1, 2)]));
}

#[test]
fn an_unsynced_growth_leaves_zeros_or_less() {
    let (device, file) = with_file(&[1; 512]);
    file.write_at(&[2; 1024], 512).unwrap();
    let lens: BTreeSet<usize> = outcomes(&device).iter().map(Vec::len).collect();
    assert_eq!(lens, BTreeSet::from([512, 1024, 1536]));
    let zeros = outcomes(&device).into_iter().any(|bytes| bytes.len() == 1536 && bytes[1400] == 0);
    assert!(zeros);
}

#[test]
fn an_unsynced_cut_is_kept_or_lost() {
    let (device, file) = with_file(&[1; 1024]);
    file.set_len(100).unwrap();
    assert_eq!(device.contents("log/a").unwrap(), [1; 100]);
    assert_eq!(outcomes(&device), BTreeSet::from([vec![1; 100], vec![1; 1024]]));
    file.set_len(200).unwrap();
    let mut grown = vec![1; 100];
    grown.resize(200, 0);
    assert_eq!(device.contents("log/a").unwrap(), grown);
}

#[test]
fn names_are_certain_only_after_their_folder_is_synced() {
    let (device, _file) = with_file(b"");
    device.open("log/b", OpenMode::CreateNew).unwrap();
    device.rename("log/a", "log/c").unwrap();
    assert_eq!(names(&device, "log"), ["b", "c"]);
    assert_eq!(names(&device.crash(Crash::LoseAll), "log"), ["a"]);
    let seen: BTreeSet<_> =
        (0..200).map(|seed| names(&device.crash(Crash::Seeded(seed)), "log")).collect();
    let all: [&[&str]; 4] = [&["a"], &["c"], &["a", "b"], &["b", "c"]];
    let all = all.map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(seen, BTreeSet::from(all));
    device.sync_folder("log").unwrap();
    assert_eq!(names(&device.crash(Crash::LoseAll), "log"), ["b", "c"]);
}

#[test]
fn a_removed_file_comes_back_when_its_removal_is_lost() {
    let (device, file) = with_file(b"rain");
    device.remove("log/a").unwrap();
    drop(file);
    assert!(names(&device, "log").is_empty());
    assert_eq!(device.crash(Crash::LoseAll).contents("log/a").unwrap(), b"rain");
    device.sync_folder("log").unwrap();
    assert!(device.world.lock().files.is_empty());
}

#[test]
fn a_removed_file_is_read_by_those_who_have_it_open() {
    let (device, file) = with_file(b"rain");
    device.remove("log/a").unwrap();
    device.sync_folder("log").unwrap();
    let mut bytes = [0; 4];
    file.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"rain");
}

#[test]
fn the_same_seed_gives_the_same_medium() {
    let (device, file) = with_file(&[0; 8192]);
    (0..16).for_each(|at| file.write_at(&[1; 512], at * 512).unwrap());
    let image = |seed| device.crash(Crash::Seeded(seed)).contents("log/a").unwrap();
    assert_eq!(image(7), image(7));
    assert!(outcomes(&device).len() > 100);
}

#[test]
fn when_the_power_is_off_nothing_goes_on() {
    let (device, file) = with_file(b"rain");
    device.power_off_at(1);
    file.write_at(b"snow", 0).unwrap();
    assert!(file.sync().is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(device.open("log/b", OpenMode::CreateNew).is_err());
    // The sync that was under way has saved nothing for certain, and the write is still in doubt.
    assert_eq!(outcomes(&device), BTreeSet::from([b"rain".to_vec(), b"snow".to_vec()]));
    let after = device.crash(Crash::KeepAll);
    after.open("log/b", OpenMode::CreateNew).unwrap();
}

#[test]
fn what_a_failed_sync_left_in_doubt_no_later_sync_saves() {
    let (device, file) = with_file(&[0; 1024]);
    file.write_at(&[1; 512], 0).unwrap();
    device.fail_nth(Call::Sync, 0, Failure::Io);
    assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(5));
    file.write_at(&[2; 512], 512).unwrap();
    file.sync().unwrap();
    let seen: BTreeSet<(u8, u8)> =
        outcomes(&device).iter().map(|bytes| (bytes[0], bytes[512])).collect();
    assert_eq!(seen, BTreeSet::from([(0, 2), (1, 2)]));
    // A new write to the sector makes the cache write it again.
    file.write_at(&[3; 1], 0).unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&device).len(), 1);
}

#[test]
fn a_call_fails_when_its_turn_comes_and_not_before() {
    let (device, file) = with_file(b"rain");
    device.fail_nth(Call::Write, 1, Failure::NoSpace);
    device.fail_at(3, Failure::Io);
    file.write_at(b"a", 0).unwrap();
    file.sync().unwrap();
    let full = file.write_at(b"b", 0).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap_err().raw_os_error(), Some(5));
    file.write_at(b"c", 0).unwrap();
    assert_eq!(device.contents("log/a").unwrap(), b"cain");
}

#[test]
fn a_full_medium_stays_full_until_it_is_mended() {
    let (device, file) = with_file(b"");
    device.fail_always(Call::Write, Failure::Short);
    assert!(file.write_at(b"rain", 0).is_err());
    assert!(file.write_at(b"rain", 4).is_err());
    assert_eq!(device.contents("log/a").unwrap(), b"ra\0\0ra");
    device.mend();
    file.write_at(b"rain", 0).unwrap();
}

#[test]
fn a_flipped_bit_is_at_rest() {
    let (device, file) = with_file(b"rain");
    file.write_at(b"R", 0).unwrap();
    device.flip_bits("log/a", 3, 1).unwrap();
    assert_eq!(device.contents("log/a").unwrap(), b"Raio");
    assert_eq!(outcomes(&device), BTreeSet::from([b"Raio".to_vec(), b"raio".to_vec()]));
    let past_end = device.flip_bits("log/a", 4, 1).unwrap_err();
    assert_eq!(past_end.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn calls_are_counted_by_kind() {
    let (device, file) = with_file(b"rain");
    file.read_at(&mut [0], 0).unwrap();
    let counts = device.counts();
    let seen = (counts.calls, counts.changes, counts.reads, counts.writes, counts.syncs);
    assert_eq!(seen, (5, 4, 1, 1, 1));
    assert_eq!(counts.folder_syncs, 1);
}

#[test]
fn a_second_opener_is_told_who_has_the_store() {
    let device = MemoryDevice::new();
    let lock = device.lock("the first").unwrap();
    let refused = device.clone().lock("the second").unwrap_err();
    assert_eq!(refused.to_string(), "held by the first");
    // Power loss frees the store.
    device.crash(Crash::LoseAll).lock("the second").unwrap();
    drop(lock);
    device.lock("the second").unwrap();
}

#[test]
fn opening_says_what_is_there_and_what_is_not() {
    let device = MemoryDevice::new();
    let kind = |mode| device.open("a", mode).unwrap_err().kind();
    assert_eq!(kind(OpenMode::Read), io::ErrorKind::NotFound);
    assert_eq!(kind(OpenMode::Write), io::ErrorKind::NotFound);
    device.open("a", OpenMode::CreateNew).unwrap();
    assert_eq!(kind(OpenMode::CreateNew), io::ErrorKind::AlreadyExists);
    assert!(device.open("a", OpenMode::Read).unwrap().write_at(b"x", 0).is_err());
    let error = device.open("a", OpenMode::Read).unwrap().read_at(&mut [0], 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

mod model {
    //! Without faults the device holds the bytes that a plain vector would.

    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write { offset: u64, len: usize, byte: u8 },
        SetLen(u64),
        Sync,
        Crash(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u64..9000, 0_usize..9000, any::<u8>())
                .prop_map(|(offset, len, byte)| Step::Write { offset, len, byte }),
            1 => (0_u64..18000).prop_map(Step::SetLen),
            1 => Just(Step::Sync),
            1 => any::<u64>().prop_map(Step::Crash),
        ]
    }

    proptest! {
        #[test]
        fn a_file_holds_what_was_written(steps in prop::collection::vec(any_step(), 1..30)) {
            let (mut device, mut file) = with_file(b"");
            let (mut model, mut synced): (Vec<u8>, Option<Vec<u8>>) = (Vec::new(), Some(Vec::new()));
            for step in steps {
                match step {
                    Step::Write { offset, len, byte } => {
                        file.write_at(&vec![byte; len], offset).unwrap();
                        let start = usize::try_from(offset).unwrap();
                        if len > 0 {
                            model.resize(model.len().max(start + len), 0);
                            model[start..start + len].fill(byte);
                            synced = None;
                        }
                    }
                    Step::SetLen(len) => {
                        file.set_len(len).unwrap();
                        model.resize(usize::try_from(len).unwrap(), 0);
                        synced = None;
                    }
                    Step::Sync => {
                        file.sync().unwrap();
                        synced = Some(model.clone());
                    }
                    Step::Crash(seed) => {
                        let kept = device.crash(Crash::KeepAll).contents("log/a").unwrap();
                        prop_assert_eq!(&kept, &model);
                        device = device.crash(Crash::Seeded(seed));
                        file = device.open("log/a", OpenMode::Write).unwrap();
                        let found = device.contents("log/a").unwrap();
                        if let Some(synced) = &synced {
                            prop_assert_eq!(&found, synced);
                        }
                        model = found;
                        synced = Some(model.clone());
                    }
                }
                prop_assert_eq!(&device.contents("log/a").unwrap(), &model);
            }
        }
    }
}
