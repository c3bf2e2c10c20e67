//! The examples of the page on the wire format are what this crate writes and reads.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;

use ipc_codec::frame::{HEADER_SIZE, Header, SPILLED};
use ipc_codec::handle::Handle;
use ipc_codec::{Limits, Message, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

const PAGE: &str = include_str!("../../docs/wire-format.md");

/// The rows of the table whose first column has this title, cell by cell.
fn table(title: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        line.trim()
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_string())
            .collect()
    };
    let rows: Vec<_> = PAGE
        .lines()
        .skip_while(|line| !line.starts_with('|') || cells(line)[0] != title)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "no table `{title}`");
    rows
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// Encodes a value, and holds it and what is decoded again to the page.
fn check_as<T: Serialize, U: Serialize + DeserializeOwned + Debug>(value: T, bytes: &[u8], n_handles: usize) {
    let limits = Limits::default();
    let message = encode(&value, &limits).unwrap();
    assert_eq!((message.bytes(), message.handles().len()), (bytes, n_handles));
    let (_, handles) = message.into_parts();
    let again: U = decode(bytes, handles, &limits).unwrap();
    assert_eq!(encode(&again, &limits).unwrap().bytes(), bytes);
}

fn check<T: Serialize + DeserializeOwned + Debug>(value: T, bytes: &[u8], n_handles: usize) {
    check_as::<T, T>(value, bytes, n_handles);
}

#[test]
fn payloads() {
    let file = || Handle::new(File::open("/dev/null").unwrap());
    let log = || encode(&("log", file()), &Limits::default()).unwrap();
    let rows = table("value");
    assert_eq!(rows.len(), 16);
    for row in rows {
        let [value, payload, n_handles] = row.as_slice() else { panic!("{row:?}") };
        println!("{value}");
        let (bytes, n) = (hex(payload), n_handles.parse().unwrap());
        match value.as_str() {
            "()" => check((), &bytes, n),
            "true" => check(true, &bytes, n),
            "200_u8" => check(200_u8, &bytes, n),
            "300_u16" => check(300_u16, &bytes, n),
            "-3_i32" => check(-3_i32, &bytes, n),
            "u64::MAX" => check(u64::MAX, &bytes, n),
            "1.5_f32" => check(1.5_f32, &bytes, n),
            "'é'" => check('é', &bytes, n),
            "\"hello\"" => check("hello".to_string(), &bytes, n),
            "Some(7_u8)" => check(Some(7_u8), &bytes, n),
            "(1_u8, \"a\", [2_u16, 300])" => check((1_u8, "a".to_string(), [2_u16, 300]), &bytes, n),
            "vec![1_u32, 128]" => check(vec![1_u32, 128], &bytes, n),
            "BTreeMap::from([('k', -1_i8)])" => check(BTreeMap::from([('k', -1_i8)]), &bytes, n),
            "Err::<u8, &str>(\"no\")" => check(Err::<u8, String>("no".into()), &bytes, n),
            "(\"log\", Handle::new(file))" => check(("log".to_string(), file()), &bytes, n),
            "(Handle::new(file), message)" => {
                check_as::<_, (Handle<File>, Message)>((file(), log()), &bytes, n);
            }
            _ => panic!("the page has an example that this test does not know: {value}"),
        }
    }
}

#[test]
fn headers() {
    let rows = table("header");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let header = match row[0].as_str() {
            "Header::new(5, 1)" => Header::new(5, 1),
            "1 MiB in shared memory, and two handles" => Header { flags: SPILLED, ..Header::new(1 << 20, 3) },
            other => panic!("the page has an example that this test does not know: {other}"),
        };
        assert_eq!(hex(&row[1]), header.to_bytes(), "{}", row[0]);
        assert_eq!(Header::parse(&hex(&row[1]), &Limits::default()), Ok(header));
    }
}

#[test]
fn fields_of_the_header() {
    let header = Header { version: 0x11, flags: 0x22, handles: 0x4433, len: 0x8877_6655_4433_2211 };
    let bytes = header.to_bytes();
    let mut end = 0;
    for row in table("offset") {
        let offset: usize = row[0].parse().unwrap();
        assert_eq!(offset, end, "{}", row[2]);
        let Ok(size) = row[1].parse::<usize>() else {
            assert_eq!((row[2].as_str(), offset), ("payload", HEADER_SIZE));
            break;
        };
        end += size;
        let expected: &[u8] = match row[2].as_str() {
            "magic" => b"mp",
            "version" => &[0x11],
            "flags" => &[0x22],
            "handles" => &[0x33, 0x44],
            "reserved" => &[0, 0],
            "length" => &[0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
            other => panic!("the page has a field that this test does not know: {other}"),
        };
        assert_eq!(&bytes[offset..end], expected, "{}", row[2]);
    }
    assert_eq!(end, HEADER_SIZE);
}

#[test]
fn defaults_of_the_limits() {
    let limits = Limits::default();
    for row in table("limit") {
        let value = match row[0].as_str() {
            "max_frame" => format!("{} MiB", limits.max_frame >> 20),
            "max_decoded" => format!("{} MiB", limits.max_decoded >> 20),
            "max_elements" => format!("{},{:03}", limits.max_elements / 1000, limits.max_elements % 1000),
            "max_depth" => limits.max_depth.to_string(),
            "max_handles" => limits.max_handles.to_string(),
            other => panic!("the page has a limit that this test does not know: {other}"),
        };
        assert_eq!(row[1], value, "{}", row[0]);
    }
}
