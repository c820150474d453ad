//! A message, and what is read from it.

use mainstay::context::{Carrier, Field};
use mainstay::trace::TraceContext;

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const SPAN: &str = "b7ad6b7169203331";
pub(crate) const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Fields as any protocol may have them, which HTTP's values may not: all bytes are possible.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<(&'static str, Vec<u8>)>);

impl Message {
    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.0.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn parent(value: impl AsRef<[u8]>) -> Self {
        Self::default().with("traceparent", value)
    }

    pub(crate) fn state(value: impl AsRef<[u8]>) -> Self {
        Self::parent(PARENT).with("tracestate", value)
    }

    pub(crate) fn context(&self) -> Option<TraceContext> {
        TraceContext::extract(self)
    }

    /// The state of the context, which must be there.
    pub(crate) fn list(&self) -> String {
        let context = self.context().expect("the parent is valid");
        context.state().as_str().to_owned()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(other, _)| *other == name);
        named
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect()
    }
}

impl Carrier for Message {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let named = self.0.iter().filter(move |(name, _)| *name == field.name());
        named.map(|(_, value)| value.as_slice())
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        self.remove(field);
        self.0.push((field.name(), value.to_vec()));
    }

    fn remove(&mut self, field: Field) {
        self.0.retain(|(name, _)| *name != field.name());
    }
}
