//! One question and its answer: what is signed, and how.
//!
//! A question is `{sha256}` and 40 random bytes; its answer `{sha256}` and the HMAC of all of that, name included, so that nobody
//! can change the name on the way. Up to Python 3.11 a question is 20 random bytes without a name, and an answer is an
//! HMAC-MD5, also where the question has a name.

use crate::auth::Refusal;
use crate::key::Key;
use hmac_sha256::HMAC;
use std::hint::black_box;
use std::io;

const SHA256: &[u8] = b"{sha256}";
const MD5: &[u8] = b"{md5}";
const NONCE_SIZE: usize = 40;
const OLD_NONCE_SIZE: usize = 20;
const MD5_SIZE: usize = 16;

/// A question that nobody was asked before.
pub(super) fn ask() -> io::Result<Vec<u8>> {
    let mut nonce = [0; NONCE_SIZE];
    ipc_sys::random::fill(&mut nonce)?;
    Ok([SHA256, nonce.as_slice()].concat())
}

/// The answer of who has the key.
pub(super) fn answer(key: &Key, question: &[u8], allow_md5: bool) -> Result<Vec<u8>, Refusal> {
    if question.len() < OLD_NONCE_SIZE {
        return Err(Refusal::Malformed);
    }
    if question.starts_with(SHA256) {
        return Ok([SHA256, HMAC::mac(question, key.bytes()).as_slice()].concat());
    }
    if !allow_md5 {
        return Err(Refusal::Malformed);
    }
    match question {
        _ if question.len() == OLD_NONCE_SIZE => Ok(hmac_md5(key.bytes(), question).to_vec()),
        _ if question.starts_with(MD5) => Ok([MD5, hmac_md5(key.bytes(), question).as_slice()].concat()),
        _ => Err(Refusal::Malformed),
    }
}

/// Whether this is the answer of somebody who has the key.
pub(super) fn is_right(key: &Key, question: &[u8], answer: &[u8], allow_md5: bool) -> bool {
    if let Some(mac) = answer.strip_prefix(SHA256) {
        return mac.try_into().is_ok_and(|mac| HMAC::verify(question, key.bytes(), mac));
    }
    let mac = answer.strip_prefix(MD5).unwrap_or(answer);
    allow_md5 && mac.try_into().is_ok_and(|mac| are_equal(&hmac_md5(key.bytes(), question), mac))
}

/// HMAC of RFC 2104, with MD5, which is 64 bytes wide.
fn hmac_md5(key: &[u8], message: &[u8]) -> [u8; MD5_SIZE] {
    let mut block = [0; 64];
    if key.len() > block.len() {
        block[..MD5_SIZE].copy_from_slice(&md5::compute(key).0);
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let (inner, outer) = (block.map(|byte| byte ^ 0x36), block.map(|byte| byte ^ 0x5c));
    let inner = md5::compute([inner.as_slice(), message].concat());
    md5::compute([outer.as_slice(), &inner.0].concat()).0
}

/// In a time that does not tell where they differ.
fn are_equal(one: &[u8; MD5_SIZE], other: &[u8; MD5_SIZE]) -> bool {
    one.iter().zip(other).fold(0, |bits, (a, b)| black_box(bits | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(b"abc").expect("bytes")
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Made by CPython 3.11 and 3.13.
    #[test]
    fn vectors() {
        let old: Vec<u8> = (0..20).collect();
        let by_md5 = answer(&key(), &old, true).expect("an old question");
        assert_eq!(hex(&by_md5), "1b373176a84c1b044d9ba09795b53791");
        let question: Vec<u8> = SHA256.iter().copied().chain(0..40).collect();
        let by_sha256 = answer(&key(), &question, false).expect("a question");
        let expected = "7b7368613235367dee2b4cd766c1e0f5eb564525d250361f729d00e3948c83c5651d1cefdb97de31";
        assert_eq!(hex(&by_sha256), expected);
        // What an old peer makes of a question with a name.
        assert_eq!(hex(&hmac_md5(b"abc", &question)), "3e4faf2fc53f133cd76571e5d3fb9fd5");
    }

    #[test]
    fn a_long_key_is_hashed_first() {
        // RFC 2202, test case 6.
        let mac = hmac_md5(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&mac), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    }

    #[test]
    fn md5_is_for_those_who_allow_it() {
        let question = ask().expect("random bytes");
        let bare = hmac_md5(b"abc", &question).to_vec();
        let named = [MD5, bare.as_slice()].concat();
        for old in [bare, named] {
            assert!(is_right(&key(), &question, &old, true));
            assert!(!is_right(&key(), &question, &old, false));
            assert!(!is_right(&key(), &question, &old[..old.len() - 1], true));
        }
        assert!(answer(&key(), &[7; 20], false).is_err());
        assert!(answer(&key(), b"{md5}0123456789012345678901234567890123456789", false).is_err());
    }

    #[test]
    fn every_bit_of_an_answer_counts() {
        let question = ask().expect("random bytes");
        let right = answer(&key(), &question, false).expect("a question");
        let by_md5 = hmac_md5(b"abc", &question).to_vec();
        for right in [right, [MD5, by_md5.as_slice()].concat(), by_md5] {
            assert!(is_right(&key(), &question, &right, true));
            for bit in 0..8 * right.len() {
                let mut wrong = right.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert!(!is_right(&key(), &question, &wrong, true), "bit {bit}");
            }
            for size in 0..right.len() {
                assert!(!is_right(&key(), &question, &right[..size], true), "{size} bytes");
            }
            assert!(!is_right(&key(), &question, &[right.as_slice(), &[0]].concat(), true));
        }
    }
}
