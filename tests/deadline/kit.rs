//! A message with fields, and a service that writes down what it is called with.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

use mainstay::context::{Carrier, Field};
use mainstay::deadline::{
    DeadlineClientConfig, DeadlineClientLayer, DeadlineServerConfig, DeadlineServerLayer, Format,
};
use mainstay::test_util::{Failed, Probe, Stepper, Token, Watch};
use mainstay::{Deadline, Error, Rejection, error};
use tower::{Service, ServiceBuilder, ServiceExt};

/// A message of some protocol.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    fields: Vec<(String, Vec<u8>)>,
    deadline: Option<Deadline>,
}

impl Note {
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push((name.into(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn holding(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        let text = |value| std::str::from_utf8(value).unwrap();
        let fields = self.fields.iter();
        fields
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect()
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }
}

impl Carrier for Note {
    fn get_all(&self, field: Field) -> impl Iterator<Item = &[u8]> {
        let named = move |(name, _): &&(String, Vec<u8>)| name == field.name();
        self.fields
            .iter()
            .filter(named)
            .map(|(_, value)| &value[..])
    }

    fn set(&mut self, field: Field, value: &[u8]) {
        self.remove(field);
        self.fields.push((field.name().into(), value.to_vec()));
    }

    fn remove(&mut self, field: Field) {
        self.fields.retain(|(name, _)| name != field.name());
    }

    fn attach<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.deadline = (&value as &dyn Any).downcast_ref().copied();
    }

    fn attached<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        let deadline: &dyn Any = self.deadline.as_ref()?;
        deadline.downcast_ref()
    }
}

/// What the innermost service was called with, and under which deadline.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) note: Note,
    pub(crate) current: Option<Deadline>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Book(Arc<Mutex<Vec<Seen>>>);

impl Book {
    pub(crate) fn write(&self, note: &Note) {
        let seen = Seen {
            note: note.clone(),
            current: Deadline::current(),
        };
        self.0.lock().unwrap().push(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.all().pop().expect("it was called")
    }
}

/// A probe that writes down what it is called with.
pub(crate) fn noted() -> (
    impl Service<Note, Response = Token, Error = Error<Failed>, Future: Send> + Clone + Send,
    Watch,
    Book,
) {
    let probe = Probe::<Note>::default();
    let (watch, book) = (probe.watch(), Book::default());
    let writes = book.clone();
    let service = ServiceBuilder::new()
        .map_request(move |note: Note| {
            writes.write(&note);
            note
        })
        .layer(error::layer())
        .service(probe);
    (service, watch, book)
}

pub(crate) fn server(config: DeadlineServerConfig) -> DeadlineServerLayer {
    DeadlineServerLayer::new("api", config).expect("the settings are valid")
}

pub(crate) fn client(config: DeadlineClientConfig) -> DeadlineClientLayer {
    DeadlineClientLayer::new("db", config).expect("the settings are valid")
}

pub(crate) fn millis(value: impl fmt::Display) -> Note {
    Note::default().with(Format::MILLIS.field().name(), value.to_string())
}

pub(crate) fn grpc(value: &str) -> Note {
    Note::default().with(Format::GRPC_TIMEOUT.field().name(), value)
}

/// Panics where the call would hang.
pub(crate) async fn call<S, T, E>(service: &S, note: Note) -> Result<T, E>
where
    S: Service<Note, Response = T, Error = E> + Clone,
{
    Stepper::new(service.clone().oneshot(note)).finish().await
}

#[track_caller]
pub(crate) fn refusal<T: fmt::Debug, E: fmt::Debug>(answer: Result<T, Error<E>>) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
