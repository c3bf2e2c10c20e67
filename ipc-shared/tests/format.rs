//! Holds the crate to `docs/segment-format.md`.

use ipc_shared::{Item, ShareableList, SharedMemory};

const PAGE: &str = include_str!("../../docs/segment-format.md");

fn items() -> [Item; 7] {
    [
        Item::from("howdy"),
        Item::from(b"HoWdY"),
        Item::from(-273.154),
        Item::from(100),
        Item::None,
        Item::from(true),
        Item::from(42),
    ]
}

/// The bytes of the example: lines of an offset and up to 16 bytes.
fn dump() -> Vec<u8> {
    let example = PAGE.split("### Example").nth(1).expect("the page has an example");
    let lines =
        example.split("```text").nth(1).and_then(|rest| rest.split("```").next()).expect("in a block");
    let mut bytes = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let offset: usize = words.next().and_then(|word| word.parse().ok()).expect("an offset");
        assert_eq!(offset, bytes.len(), "{line}");
        bytes.extend(words.map(|word| u8::from_str_radix(word, 16).expect("a byte")));
    }
    bytes
}

fn bytes_of(list: &ShareableList) -> Vec<u8> {
    list.memory().read_vec(0, list.memory().size()).expect("all of it")
}

#[test]
#[cfg(target_endian = "little")]
fn the_example_is_what_we_write_and_read() {
    let dump = dump();
    assert_eq!(dump.len(), 191);
    assert_eq!(bytes_of(&ShareableList::new(items()).expect("memory is left")), dump);
    let memory = SharedMemory::unnamed(dump.len()).expect("memory is left");
    memory.write(0, &dump).expect("inside");
    let list = ShareableList::from_memory(memory).expect("it is a list");
    assert_eq!(list.to_vec().expect("good"), items());
}

/// The rows of a table whose first cell is one of these, as their cells.
fn rows<'a>(heading: &str) -> Vec<Vec<&'a str>> {
    let section = PAGE.split(heading).nth(1).expect("the page has this heading");
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_fields_stand_where_the_table_says() {
    let (n, k) = (7, 56);
    let places = [0, 8, 8 * (n + 2), 8 * (n + 2) + k, 8 * (n + 2) + k + 8 * n];
    let rows = rows("## ShareableList");
    let told: Vec<(&str, &str, &str)> = rows.iter().map(|row| (row[0], row[1], row[3])).collect();
    let expected = [
        ("0", "8", "length"),
        ("8", "8 (n + 1)", "offsets"),
        ("8 (n + 2)", "k", "data"),
        ("8 (n + 2) + k", "8 n", "formats"),
        ("8 (n + 2) + k + 8 n", "n", "codes"),
    ];
    assert_eq!(told, expected);
    let bytes = bytes_of(&ShareableList::new(items()).expect("memory is left"));
    let word = |at: usize| i64::from_ne_bytes(bytes[at..at + 8].try_into().expect("a word"));
    assert_eq!(word(places[0]), n as i64);
    assert_eq!(word(places[1] + 8 * n), k as i64);
    assert_eq!(&bytes[places[2]..][..5], b"howdy");
    assert_eq!(&bytes[places[3]..][..2], b"8s");
    assert_eq!(&bytes[places[4]..], [1, 2, 0, 0, 3, 0, 0]);
    assert_eq!(bytes.len(), 8 * (n + 2) + k + 9 * n);
}

#[test]
fn the_elements_are_what_the_table_says() {
    let rows = rows("### Elements");
    assert_eq!(rows.len(), 6);
    for row in rows {
        let item = match row[0] {
            "Int" => Item::from(1),
            "Float" => Item::from(1.0),
            "Bool" => Item::from(true),
            "None" => Item::None,
            "Str" => Item::from("text"),
            "Bytes" => Item::from(b"text"),
            other => panic!("{other}"),
        };
        let list = ShareableList::new([item]).expect("memory is left");
        assert_eq!(list.format().expect("good"), row[1].trim_matches('`').replace("<m>", "8"));
        let bytes = bytes_of(&list);
        assert_eq!(bytes[bytes.len() - 1].to_string(), row[2]);
        assert_eq!(bytes.len(), 8 * 3 + 8 + 9);
    }
}

#[test]
fn the_three_forms_of_a_length() {
    let format = |value: &[u8]| {
        let list = ShareableList::new([[9_u8; 7].as_slice()]).expect("memory is left");
        list.set(0, value).expect("it fits");
        list.format().expect("good")
    };
    assert_eq!(rows("The number *m*").len(), 3);
    assert_eq!(format(b"abc"), "8s");
    assert_eq!(format(b"12345678"), "8s");
    assert_eq!(format(b"ab\0"), "3s");
    assert_eq!(format(b"1234567\0"), "08s");
}
