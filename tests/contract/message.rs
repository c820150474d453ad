//! A request with fields, in which nothing allocates.

use std::any::Any;

use mainstay::context::{Carrier, Field};
use mainstay::test_util::Token;
use mainstay::trace::TraceContext;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

/// A token, called in a trace.
#[derive(Clone)]
pub(crate) struct Message {
    token: Token,
    fields: [Option<Value>; 2],
    context: Option<TraceContext>,
}

#[derive(Clone)]
struct Value {
    name: &'static str,
    bytes: [u8; 64],
    length: usize,
}

impl Message {
    pub(crate) fn new(token: Token) -> Self {
        let mut message = Self {
            token,
            fields: [const { None }; 2],
            context: None,
        };
        let parent = Field::new("traceparent").expect("it is a token");
        message.set(parent, PARENT.as_bytes());
        message
    }

    /// What the layer under test was to have seen and written: the same trace.
    pub(crate) fn token(self, is_child: bool) -> Token {
        let context = TraceContext::extract(&self).expect("one valid parent");
        let sent: TraceContext = PARENT.parse().expect("it is valid");
        assert_eq!(context.trace_id(), sent.trace_id());
        assert_eq!(context.span_id() != sent.span_id(), is_child);
        self.token
    }

    fn slot(&mut self, field: Field) -> Option<&mut Option<Value>> {
        self.remove(field);
        self.fields.iter_mut().find(|slot| slot.is_none())
    }
}

impl Carrier for Message {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let fields = self.fields.iter().flatten();
        let named = fields.filter(move |value| value.name == field.name());
        named.map(|value| &value.bytes[..value.length])
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        let mut bytes = [0; 64];
        bytes[..value.len()].copy_from_slice(value);
        if let Some(slot) = self.slot(field) {
            *slot = Some(Value {
                name: field.name(),
                bytes,
                length: value.len(),
            });
        }
    }

    fn remove(&mut self, field: Field) {
        for slot in &mut self.fields {
            if slot
                .as_ref()
                .is_some_and(|value| value.name == field.name())
            {
                *slot = None;
            }
        }
    }

    fn attach<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        if let Some(context) = (&value as &dyn Any).downcast_ref::<TraceContext>() {
            self.context = Some(context.clone());
        }
    }

    fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        (self.context.as_ref()? as &dyn Any).downcast_ref()
    }
}
