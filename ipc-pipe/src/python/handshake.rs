//! CPython's handshake: two questions, each with an answer and a verdict, in frames of at most 256 bytes.

use super::challenge;
use crate::auth::{Handshake, MAX_WANTED, Refusal};
use crate::key::Key;
use std::io;

const CHALLENGE: &[u8] = b"#CHALLENGE#";
const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";
const HEADER_SIZE: usize = 4;

#[derive(Debug)]
pub(crate) struct Python {
    key: Key,
    allow_md5: bool,
    asks_first: bool,
    question: Vec<u8>,
    expected: Expected,
    /// The size of the frame whose header has come.
    body: Option<usize>,
}

/// What the other side says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Answer,
    Question,
    Verdict,
}

impl Python {
    /// The side that listens, which asks first.
    pub(crate) fn listening(key: &Key, allow_md5: bool) -> io::Result<Self> {
        Python::new(key, allow_md5, true)
    }

    /// The side that connects.
    pub(crate) fn connecting(key: &Key, allow_md5: bool) -> io::Result<Self> {
        Python::new(key, allow_md5, false)
    }

    fn new(key: &Key, allow_md5: bool, asks_first: bool) -> io::Result<Self> {
        let expected = if asks_first { Expected::Answer } else { Expected::Question };
        let question = challenge::ask()?;
        Ok(Python { key: key.clone(), allow_md5, asks_first, question, expected, body: None })
    }

    /// Takes a whole frame; whether all is said.
    fn hear(&mut self, frame: &[u8], reply: &mut Vec<u8>) -> Result<bool, Refusal> {
        match self.expected {
            Expected::Answer => {
                if !challenge::is_right(&self.key, &self.question, frame, self.allow_md5) {
                    say(reply, &[FAILURE]);
                    return Err(Refusal::WrongKey);
                }
                say(reply, &[WELCOME]);
                self.expected = Expected::Question;
                Ok(!self.asks_first)
            }
            Expected::Question => {
                let question = frame.strip_prefix(CHALLENGE).ok_or(Refusal::Malformed)?;
                // Somebody who has no answer asks the same, to learn it.
                if question == self.question {
                    return Err(Refusal::WrongKey);
                }
                say(reply, &[&challenge::answer(&self.key, question, self.allow_md5)?]);
                self.expected = Expected::Verdict;
                Ok(false)
            }
            Expected::Verdict if frame == WELCOME => {
                if !self.asks_first {
                    say(reply, &[CHALLENGE, &self.question]);
                }
                self.expected = Expected::Answer;
                Ok(self.asks_first)
            }
            Expected::Verdict if frame == FAILURE => Err(Refusal::Rejected),
            Expected::Verdict => Err(Refusal::Malformed),
        }
    }
}

impl Handshake for Python {
    type Outcome = ();

    fn begin(&mut self, reply: &mut Vec<u8>) {
        if self.asks_first {
            say(reply, &[CHALLENGE, &self.question]);
        }
    }

    fn wanted(&self) -> usize {
        self.body.unwrap_or(HEADER_SIZE)
    }

    fn advance(&mut self, message: &[u8], reply: &mut Vec<u8>) -> Result<Option<()>, Refusal> {
        if self.body.take().is_some() {
            return Ok(self.hear(message, reply)?.then_some(()));
        }
        let header = message.try_into().map_err(|_| Refusal::Malformed)?;
        match u32::from_be_bytes(header) as usize {
            // Nothing that is said here is empty.
            size @ 1..=MAX_WANTED => {
                self.body = Some(size);
                Ok(None)
            }
            _ => Err(Refusal::Malformed),
        }
    }

    fn busy() -> Vec<u8> {
        // Python has no word for it.
        Vec::new()
    }
}

fn say(reply: &mut Vec<u8>, parts: &[&[u8]]) {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    reply.extend_from_slice(&(size as u32).to_be_bytes());
    for part in parts {
        reply.extend_from_slice(part);
    }
}
