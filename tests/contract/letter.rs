//! A request that carries fields, and makes no allocation for them.

use std::any::Any;

use mainstay::Deadline;
use mainstay::context::{Carrier, Field};
use mainstay::test_util::Token;

const FIELDS: usize = 4;
const LENGTH: usize = 64;

/// A token in an envelope with a few fields, which lie in the envelope itself.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    token: Token,
    fields: [Option<(Field, Value)>; FIELDS],
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    bytes: [u8; LENGTH],
    length: usize,
}

impl Letter {
    /// Puts a token into an envelope on which this field stands.
    pub(crate) fn with(
        name: &'static str,
        value: &'static str,
    ) -> impl Fn(Token) -> Self + Clone + Send {
        let field = Field::new(name).expect("a token");
        move |token| {
            let mut letter = Self {
                token,
                fields: [None; FIELDS],
                deadline: None,
            };
            letter.set(field, value.as_bytes());
            letter
        }
    }

    /// Takes the token out again.
    pub(crate) fn open(self) -> Token {
        self.token
    }
}

impl Carrier for Letter {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let named = self.fields.iter().flatten();
        named
            .filter(move |(name, _)| *name == field)
            .map(|(_, value)| &value.bytes[..value.length])
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        self.remove(field);
        let mut bytes = [0; LENGTH];
        let (Some(place), Some(room)) = (
            self.fields.iter_mut().find(|place| place.is_none()),
            bytes.get_mut(..value.len()),
        ) else {
            return;
        };
        room.copy_from_slice(value);
        let length = value.len();
        *place = Some((field, Value { bytes, length }));
    }

    fn remove(&mut self, field: Field) {
        for place in &mut self.fields {
            if place.is_some_and(|(name, _)| name == field) {
                *place = None;
            }
        }
    }

    fn attach<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        if let Some(deadline) = (&value as &dyn Any).downcast_ref() {
            self.deadline = Some(*deadline);
        }
    }

    fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        let deadline: &dyn Any = self.deadline.as_ref()?;
        deadline.downcast_ref()
    }

    fn detach<T: Clone + Send + Sync + 'static>(&mut self) {
        if self.attached::<T>().is_some() {
            self.deadline = None;
        }
    }
}
