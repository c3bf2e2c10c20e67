//! Values of types of the user, which live as what they are.

use super::super::registry::{Maker, State as Living};
use super::super::turn::{Answer, Object, Product, Turn, unknown};
use crate::error::Failure;
use crate::wire::{Kind, Op, Reader};

/// A value of a registered type.
pub(super) struct State {
    make: Maker,
    /// What it is made of, until it is.
    args: Vec<u8>,
    /// Missing before it is made, and while a method of it runs.
    value: Option<Box<dyn Living>>,
}

impl State {
    pub(super) fn new(make: Maker, args: &[u8]) -> State {
        State { make, args: args.to_vec(), value: None }
    }
}

impl Object for State {
    fn kind(&self) -> Kind {
        Kind::Object
    }

    fn size(&self) -> usize {
        1
    }

    fn call(&mut self, op: Op, args: &mut Reader<'_>, _turn: &mut Turn<'_>) -> Result<Answer, Failure> {
        match (op, self.value.take()) {
            (Op::Reset, None) => {
                let (make, args) = (self.make, std::mem::take(&mut self.args));
                Ok(Answer::Work(Box::new(move |own| match make(own, &args) {
                    Ok(value) => Product::State(Box::new(value), Ok(Vec::new())),
                    Err(failure) => Product::Failed(failure),
                })))
            }
            (Op::Call, Some(value)) => {
                let (Ok(name), args) = (args.text(), args.rest().to_vec()) else {
                    self.value = Some(value);
                    return Err(Failure::Malformed);
                };
                Ok(Answer::Work(Box::new(move |own| {
                    let (value, reply) = value.run(&name, own, &args);
                    Product::State(Box::new(value), reply)
                })))
            }
            (op, value) => {
                self.value = value;
                Err(unknown(Kind::Object, op))
            }
        }
    }

    fn finished(&mut self, product: Product, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let Product::State(value, reply) = product else { return Err(Failure::Malformed) };
        self.value = value.downcast::<Box<dyn Living>>().ok().map(|value| *value);
        let reply = reply?;
        if !reply.is_empty() {
            turn.give(&super::super::kept::Kept::new(&reply)?);
        }
        Ok(())
    }
}
