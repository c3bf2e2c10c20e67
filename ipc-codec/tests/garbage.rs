//! Mutated frames of several shapes: whatever comes, the answer is a value or an error, within the memory
//! allowed.

mod counting;

use std::collections::{BTreeMap, HashMap, LinkedList};
use std::fmt::Debug;
use std::fs::File;

use counting::peak_of;
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, MAX_HANDLES, Message, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const ROUNDS: u32 = 40_000;
const SLACK: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(Box<Shape>),
    Tuple(u8, char, Option<String>),
    Struct { numbers: Vec<i32>, map: BTreeMap<String, f64> },
}

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    id: u64,
    name: String,
    shapes: Vec<Shape>,
    arguments: Message,
    files: Vec<Handle<File>>,
}

/// A generator of numbers that are the same in every run (xorshift64*, by Vigna).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Numbers that decoders stumble over.
    fn nasty(&mut self) -> Vec<u8> {
        let number = [0, 1, 127, 128, 65_535, 65_537, 1 << 20, 1 << 32, 1 << 60, u64::MAX][self.below(10)];
        encode(&number, &Limits::default()).unwrap().into_parts().0
    }

    fn mutate(&mut self, frame: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(frame.len() + 1).min(frame.len().saturating_sub(1));
            match self.below(6) {
                _ if frame.is_empty() => frame.push(self.next() as u8),
                0 => frame[at] ^= 1 << self.below(8),
                1 => frame[at] = self.next() as u8,
                2 => frame.truncate(at),
                3 => {
                    frame.remove(at);
                }
                4 => {
                    let number = self.nasty();
                    frame.splice(at..at + self.below(2).min(frame.len() - at), number);
                }
                _ => {
                    let end = (at + self.below(16)).min(frame.len());
                    frame.extend_from_within(at..end);
                }
            }
        }
    }
}

/// Decodes mutations of the frame of `value`, and returns how many were accepted.
fn storm<T: Serialize + DeserializeOwned + Debug>(value: &T, seed: u64) -> u32 {
    let limits = Limits { max_decoded: 64 << 10, max_elements: 500, ..Limits::default() };
    let mut random = Random(seed);
    let (sound, _) = encode(value, &limits).unwrap().into_frame(&limits).unwrap();
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let mut frame = sound.clone();
        // Half of the rounds spare the header, so that the mutation gets past it.
        if round % 2 == 0 {
            random.mutate(&mut frame);
        } else {
            let mut payload = frame.split_off(16);
            random.mutate(&mut payload);
            frame[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
            frame.extend(payload);
        }
        // As many handles as it asks for arrive, so that a mutated count gets past that check, too.
        let n_handles = u16::from_le_bytes([frame.get(4).copied().unwrap_or(0), 0]).min(MAX_HANDLES as u16);
        let handles = (0..n_handles.min(4)).map(|_| File::open("/dev/null").unwrap().into()).collect();
        let (result, peak) = peak_of(|| -> Result<(), Box<dyn std::error::Error>> {
            // The payload is copied out of the frame, which is no part of decoding.
            let message = Message::from_frame(&frame, handles, &limits)?;
            message.decode::<T>(&limits)?;
            Ok(())
        });
        assert!(peak <= limits.max_decoded + SLACK + frame.len(), "round {round}: {peak} for {frame:02x?}");
        accepted += u32::from(result.is_ok());
    }
    accepted
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
    let accepted = storm(&task, 0x1234_5678_9abc_def1);
    assert!((1..ROUNDS).contains(&accepted), "{accepted}");
}

#[test]
fn mutated_collections() {
    type Value = (HashMap<u32, Vec<u16>>, LinkedList<()>, Vec<Option<[u64; 16]>>, Vec<HashMap<(), ()>>);
    let value: Value = (
        HashMap::from([(1, vec![1, 2, 3]), (70_000, vec![])]),
        LinkedList::from([(), ()]),
        vec![None, None, Some([1; 16])],
        vec![HashMap::new(), HashMap::from([((), ())])],
    );
    let accepted = storm(&value, 0xdead_beef_0bad_f00d);
    assert!((1..ROUNDS).contains(&accepted), "{accepted}");
}

#[test]
fn mutated_texts() {
    let value: Vec<(String, char, Box<str>)> = vec![("größe".into(), 'ß', "x".into()); 4];
    let accepted = storm(&value, 0x0f0f_0f0f_1234_4321);
    assert!((1..ROUNDS).contains(&accepted), "{accepted}");
}

#[test]
fn mutated_recursion() {
    let value = (0..50).fold(Shape::Unit, |inner, _| Shape::Newtype(Box::new(inner)));
    let accepted = storm(&value, 0x5555_1111_2222_3333);
    assert!((1..ROUNDS).contains(&accepted), "{accepted}");
}

#[test]
fn mutated_numbers() {
    let value = (u128::MAX, i128::MIN, -1_i64, 300_u16, 1.5_f32, true, [Some(false), None]);
    let accepted = storm(&value, 0x7777_8888_9999_aaaa);
    assert!((1..ROUNDS).contains(&accepted), "{accepted}");
}
