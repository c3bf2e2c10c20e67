//! Mutated frames of several shapes: whatever comes, the answer is a value or an error, within the memory
//! allowed.

use std::collections::{BTreeMap, HashMap, LinkedList};
use std::fmt::Debug;
use std::fs::File;

use ipc_codec::frame::HEADER_SIZE;
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, Message, encode};
use ipc_testkit::{Counting, Rng, fuzz, peak_of};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[global_allocator]
static COUNTING: Counting = Counting;

const ROUNDS: u64 = 40_000;
const SLACK: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(Box<Shape>),
    Tuple(u8, char, Option<String>),
    Struct { numbers: Vec<i32>, map: BTreeMap<String, f64> },
}

/// What takes a byte if there is none of it.
type Kilobyte = [[u64; 16]; 8];

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    id: u64,
    name: String,
    shapes: Vec<Shape>,
    arguments: Message,
    files: Vec<Handle<File>>,
}

/// A mutation of a sound frame. Every other one spares the header, so that the mutation gets past it.
fn mutated(rng: &mut Rng, sound: &[u8]) -> Vec<u8> {
    let mut frame = sound.to_vec();
    if rng.one_in(2) {
        fuzz::mutate(rng, &mut frame);
    } else {
        let mut payload = frame.split_off(HEADER_SIZE);
        fuzz::mutate(rng, &mut payload);
        frame[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        frame.extend(payload);
    }
    frame
}

fn storm<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    storm_of(value, |_| ());
}

/// Decodes mutations of the frame of `value`, of which some are accepted and some are not; `check` looks at the accepted ones.
fn storm_of<T: Serialize + DeserializeOwned + Debug>(value: &T, check: impl Fn(&T)) {
    let limits = Limits { max_decoded: 64 << 10, max_elements: 500, ..Limits::default() };
    let (sound, _) = encode(value, &limits).unwrap().into_frame(&limits).unwrap();
    let mut n_accepted = 0;
    let n_rounds = fuzz::rounds(ROUNDS, |rng| {
        let frame = mutated(rng, &sound);
        // As many handles as it asks for arrive, so that a mutated count gets past that check, too.
        let n_handles = frame.get(4).copied().unwrap_or(0).min(4);
        let handles = (0..n_handles).map(|_| File::open("/dev/null").unwrap().into()).collect();
        let (result, peak) = peak_of(|| -> Result<(), Box<dyn std::error::Error>> {
            // The payload is copied out of the frame, which is no part of decoding.
            let message = Message::from_frame(&frame, handles, &limits)?;
            check(&message.decode::<T>(&limits)?);
            Ok(())
        });
        assert!(peak <= limits.max_decoded + SLACK + frame.len(), "{peak} for {frame:02x?}");
        n_accepted += u64::from(result.is_ok());
    });
    // A run of a moment may see one kind only.
    assert!(n_rounds < ROUNDS || (1..n_rounds).contains(&n_accepted), "{n_accepted} of {n_rounds}");
}

#[test]
fn mutated_task() {
    let shapes = || {
        vec![
            Shape::Unit,
            Shape::Newtype(Box::new(Shape::Newtype(Box::new(Shape::Unit)))),
            Shape::Tuple(7, 'é', Some("text".into())),
            Shape::Struct { numbers: vec![1, -1, 300], map: BTreeMap::from([("x".into(), 0.25)]) },
        ]
    };
    let files = || vec![Handle::new(File::open("/dev/null").unwrap())];
    let arguments = encode(&(shapes(), files()), &Limits::default()).unwrap();
    let task = Task { id: 1 << 40, name: "task".into(), shapes: shapes(), arguments, files: files() };
    storm(&task);
}

#[test]
fn mutated_collections() {
    type Value = (HashMap<u32, Vec<u16>>, LinkedList<()>, Vec<Option<Kilobyte>>, Vec<HashMap<(), ()>>);
    let value: Value = (
        HashMap::from([(1, vec![1, 2, 3]), (70_000, vec![])]),
        LinkedList::from([(), ()]),
        vec![None, None, Some([[1; 16]; 8])],
        vec![HashMap::new(), HashMap::from([((), ())])],
    );
    storm(&value);
}

#[test]
fn mutated_texts() {
    let value: Vec<(String, char, Box<str>)> = vec![("größe".into(), 'ß', "x".into()); 4];
    storm(&value);
}

#[test]
fn mutated_recursion() {
    let value = (0..50).fold(Shape::Unit, |inner, _| Shape::Newtype(Box::new(inner)));
    storm_of(&value, |value| {
        let (mut at, mut levels) = (value, 1);
        while let Shape::Newtype(next) = at {
            (at, levels) = (next, levels + 1);
        }
        assert!(levels <= Limits::default().max_depth, "{levels} levels");
    });
}

#[test]
fn mutated_numbers() {
    let value = (u128::MAX, i128::MIN, -1_i64, 300_u16, 1.5_f32, true, [Some(false), None]);
    storm(&value);
}
