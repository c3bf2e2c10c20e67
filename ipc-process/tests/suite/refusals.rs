//! What cannot be sent, received or set up is an error that says so, and leaves nothing.

use super::{assert_no_children, start};
use ipc_codec::{EncodeError, Limits};
use ipc_process::{Builder, JoinError, SpawnError, StartMethod};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serializes for the parent only: `false` is refused there.
struct RefusesToGo;

impl Serialize for RefusesToGo {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("not fit to travel"))
    }
}

impl<'de> Deserialize<'de> for RefusesToGo {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(RefusesToGo)
    }
}

/// Goes anywhere, and arrives nowhere.
struct RefusesToArrive;

impl Serialize for RefusesToArrive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(1)
    }
}

impl<'de> Deserialize<'de> for RefusesToArrive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        Err(D::Error::custom("not welcome"))
    }
}

pub(crate) fn arguments_that_do_not_encode_start_nothing(method: StartMethod) {
    let error = Builder::new().method(method).spawn(|_: RefusesToGo| (), RefusesToGo).expect_err("refused");
    let SpawnError::Encode(EncodeError::Refused { message }) = error else { panic!("{error:?}") };
    assert!(message.contains("not fit to travel"), "{message}");
    assert_no_children();
}

pub(crate) fn arguments_that_do_not_decode_are_told(method: StartMethod) {
    // Whoever waits for the child to start is told then, and whoever does not when the process is joined.
    let error = match Builder::new().method(method).spawn(|_: RefusesToArrive| (), RefusesToArrive) {
        Err(SpawnError::Arguments { reason }) => reason,
        Ok(process) => match process.join() {
            Err(JoinError::Arguments { reason }) => reason,
            other => panic!("{other:?}"),
        },
        Err(error) => panic!("{error:?}"),
    };
    assert!(error.contains("not welcome"), "{error}");
    assert_no_children();
}

pub(crate) fn results_that_do_not_encode_are_told(method: StartMethod) {
    let process = start(method, |(): ()| RefusesToGo, ());
    assert_eq!(process.wait().expect("a status").code(), Some(1));
    let Err(JoinError::Encode { reason }) = process.join() else { panic!("no error of the encoder") };
    assert!(reason.contains("not fit to travel"), "{reason}");
}

pub(crate) fn results_that_do_not_decode_are_told(method: StartMethod) {
    let process = start(method, |(): ()| RefusesToArrive, ());
    assert!(process.wait().expect("a status").success());
    let Err(JoinError::Decode(error)) = process.join() else { panic!("no error of the decoder") };
    assert!(error.to_string().contains("not welcome"), "{error}");
}

pub(crate) fn limits_hold_for_arguments_and_results(method: StartMethod) {
    let limited = || Builder::new().method(method).limits(Limits::with_max_frame(1000));
    let error = limited().spawn(|text: String| text.len(), "x".repeat(2000)).expect_err("too large");
    assert!(matches!(error, SpawnError::Encode(EncodeError::TooLarge { limit: 1000, .. })), "{error:?}");
    assert_no_children();

    let process = limited().spawn(|size: usize| "x".repeat(size), 2000).expect("a process");
    let error = process.join().expect_err("too large");
    assert!(matches!(&error, JoinError::Encode { reason } if reason.contains("limit is 1000")), "{error:?}");

    let process = limited().spawn(|text: String| text + "y", "x".repeat(900)).expect("a process");
    assert_eq!(process.join().expect("within the limits").len(), 901);

    // Above the limit by default, and so larger than what the channel itself would take with it.
    let raised = Builder::new().method(method).limits(Limits::with_max_frame(100 << 20));
    let process = raised.spawn(|size: usize| "x".repeat(size), 70 << 20).expect("a process");
    assert_eq!(process.join().expect("within the limits").len(), 70 << 20);
}

pub(crate) fn a_bad_variable_name_starts_nothing(method: StartMethod) {
    for name in ["", "A=B", "NUL\0"] {
        let result = Builder::new().method(method).env(name, "x").spawn(|(): ()| (), ());
        assert!(matches!(result, Err(SpawnError::InvalidInput { .. })), "{name:?}: {result:?}");
    }
    let result = Builder::new().method(method).env("NAME", "nul\0").spawn(|(): ()| (), ());
    assert!(matches!(result, Err(SpawnError::InvalidInput { .. })), "{result:?}");
    assert_no_children();
}

pub(crate) fn a_missing_working_directory_is_told_at_once(method: StartMethod) {
    let result = Builder::new().method(method).current_dir("/no/such/folder").spawn(|(): ()| (), ());
    let Err(SpawnError::Setup { reason }) = result else { panic!("{result:?}") };
    assert!(reason.contains("director"), "{reason}");
    assert_no_children();
}
