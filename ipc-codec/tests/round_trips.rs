//! Whatever serde can describe comes back as it was.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipc_codec::{Limits, Message, encode, encode_into};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(String, i8);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named<'a, T> {
    id: u64,
    text: Cow<'a, str>,
    inner: T,
    #[serde(skip)]
    skipped: u8,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(Box<Shape>),
    Tuple(u8, char),
    Struct { x: f32, y: Option<i128> },
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let limits = Limits::default();
    let back: T = encode(&value, &limits).unwrap().decode(&limits).unwrap();
    assert_eq!(back, value);
}

#[test]
fn integers() {
    macro_rules! check_all { ($($type:ty)*) => {$(
        for value in [<$type>::MIN, <$type>::MAX, 0, 1, 63, 64, 127, <$type>::MAX / 2, <$type>::MIN / 2] {
            check(value);
        }
    )*} }
    check_all!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
    check((true, false));
}

#[test]
fn floats_keep_their_bits() {
    let limits = Limits::default();
    for bits in [0, 1, 1 << 63, 0x7ff0_0000_0000_0000, 0x7ff8_0000_0000_0001, 0xfff4_dead_beef_0000, u64::MAX]
    {
        let back: f64 = encode(&f64::from_bits(bits), &limits).unwrap().decode(&limits).unwrap();
        assert_eq!(back.to_bits(), bits);
        let bits = (bits >> 32) as u32;
        let back: f32 = encode(&f32::from_bits(bits), &limits).unwrap().decode(&limits).unwrap();
        assert_eq!(back.to_bits(), bits);
    }
}

#[test]
fn texts() {
    for value in ['\0', 'a', '\u{7f}', '\u{80}', '\u{fff}', '\u{ffff}', char::MAX] {
        check(value);
        check(value.to_string());
    }
    check("many words ".repeat(100_000));
    check(String::new());
    check(Box::<str>::from("boxed"));
    check(PathBuf::from("/a/b"));
    check(Cow::Borrowed("cow"));
}

#[test]
fn bytes_as_a_string_and_as_a_sequence() {
    check((0..=255).collect::<Vec<u8>>());
    check(Vec::<u8>::new());
    check([1_u8; 32]);
    check(std::ffi::CString::new("c string").unwrap());
}

#[test]
fn structs_and_tuples() {
    check(());
    check(Unit);
    check(Newtype(7));
    check(Pair("text".into(), -1));
    check((1_u8, 'x', "y".to_string(), Unit, ((), (2.5_f32,))));
    check(Named { id: 9, text: "some text".into(), inner: Pair("p".into(), 3), skipped: 0 });
    check(std::marker::PhantomData::<String>);
}

#[test]
fn enums_of_every_kind() {
    check(Shape::Unit);
    check(Shape::Tuple(200, 'é'));
    check(Shape::Struct { x: -0.5, y: Some(i128::MIN) });
    check(Shape::Newtype(Box::new(Shape::Newtype(Box::new(Shape::Struct { x: 1.0, y: None })))));
    check(vec![Shape::Unit, Shape::Tuple(0, 'b'), Shape::Newtype(Box::new(Shape::Unit))]);
    check(Ok::<u8, String>(1));
    check(Err::<u8, String>("no".into()));
}

#[test]
fn options() {
    check(None::<u8>);
    check(Some(1_u8));
    check(Some(None::<u8>));
    check(Some(Some(())));
    check(vec![None, Some("x".to_string())]);
}

#[test]
fn collections() {
    check((0..5000_u64).collect::<Vec<_>>());
    check((0..5000_u64).collect::<VecDeque<_>>());
    check((0..5000_i32).map(|i| (i, i.to_string())).collect::<HashMap<_, _>>());
    check((0..5000_i32).map(|i| (i.to_string(), vec![i])).collect::<BTreeMap<_, _>>());
    check((0..500_u16).collect::<BTreeSet<_>>());
    check(vec![vec![vec![1_u8, 2], vec![]], vec![], vec![vec![3]]]);
    check(vec![(); 65_536]);
    check(HashMap::from([((), ())]));
    check(BTreeMap::from([(vec![1_u8], BTreeMap::from([('k', Shape::Unit)]))]));
}

#[test]
fn types_with_two_forms_take_the_binary_one() {
    let limits = Limits::default();
    let address: IpAddr = "127.0.0.1".parse().unwrap();
    assert_eq!(encode(&address, &limits).unwrap().bytes(), [0, 127, 0, 0, 1]);
    check(address);
    check("[::1]:80".parse::<SocketAddr>().unwrap());
    check(Duration::new(5, 999_999_999));
}

#[test]
fn text_forms_are_written_in_one_piece() {
    struct Formatted;
    impl Serialize for Formatted {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{}-{:03}", "a", 7))
        }
    }
    let limits = Limits::default();
    let text: String = encode(&Formatted, &limits).unwrap().decode(&limits).unwrap();
    assert_eq!(text, "a-007");
}

#[test]
fn empty_elements_are_free_up_to_the_limit_and_others_are_not_counted() {
    // A length may exceed the bytes that follow when the elements take none, also when they are large in
    // memory.
    #[derive(Debug, PartialEq, Serialize, Deserialize, Clone)]
    struct Skipped {
        #[serde(skip)]
        number: u64,
    }
    check(vec![Skipped { number: 0 }; 1000]);
    check((vec![Unit, Unit, Unit], 1_u8));
    check(vec![(1_u8, (), std::marker::PhantomData::<u8>); 100_000]);
}

#[test]
fn message_in_a_message_in_a_message() {
    let limits = Limits::default();
    let mut message = encode("core", &limits).unwrap();
    for level in 0..100_u32 {
        message = encode(&(level, message), &limits).unwrap();
    }
    for level in (0..100).rev() {
        let (got, inner): (u32, Message) = message.decode(&limits).unwrap();
        assert_eq!(got, level);
        message = inner;
    }
    assert_eq!(message.decode::<String>(&limits).unwrap(), "core");
}

#[test]
fn message_travels_as_one_byte_string() {
    let limits = Limits::default();
    let inner = Message::from_parts(vec![0xff; 200], Vec::new());
    let outer = encode(&inner, &limits).unwrap();
    assert_eq!(outer.bytes().len(), 2 + 200 + 1);
    assert_eq!(outer.bytes()[..2], [0xc8, 0x01]);
}

#[test]
fn encode_inside_a_serialize_implementation() {
    struct Lazy(u64);
    impl Serialize for Lazy {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let file = ipc_codec::handle::Handle::new(std::fs::File::open("/dev/null").unwrap());
            encode(&(self.0, file), &Limits::default()).unwrap().serialize(serializer)
        }
    }
    let limits = Limits::default();
    let pair: (Message, Message) = encode(&(Lazy(1), Lazy(2)), &limits).unwrap().decode(&limits).unwrap();
    for (message, number) in [(pair.0, 1), (pair.1, 2)] {
        let (got, _file): (u64, ipc_codec::handle::Handle<std::fs::File>) = message.decode(&limits).unwrap();
        assert_eq!(got, number);
    }
}

#[test]
fn encoding_where_there_is_room_allocates_nothing() {
    for numbers in [[7_u64, 300, 7], [0, 1, u64::MAX], [300; 3]] {
        let size = encode(&numbers, &Limits::default()).unwrap().bytes().len();
        let mut bytes = Vec::with_capacity(size);
        let before = (bytes.as_ptr(), bytes.capacity());
        encode_into(&numbers, &mut bytes, &mut Vec::new(), &Limits::default()).unwrap();
        assert_eq!((bytes.as_ptr(), bytes.capacity()), before);
    }
}
