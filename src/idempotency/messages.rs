//! For consumers of messages: the id is the key, and that a message was worked off is all there is to
//! keep of it.

use bytes::Bytes;

use crate::error::{Kind, StackError};

use super::{Capture, ClientKey, Disposition, Fingerprint, OnError, Prepare, Unfit, Unreadable};

/// Finds the id of a message.
///
/// Each consumer of a queue has a layer of its own name, so that two consumers of one message both run
/// it. A message that is in flight is refused, and so is not acknowledged; one that is done is answered
/// without being run.
///
/// By default a message whose consumer died is refused until its key is forgotten or purged, however often
/// it is delivered. With [`at_least_once`](super::IdempotencyConfig::at_least_once) it runs again, and
/// [`Execution::attempt`](super::Execution::attempt) says for which time.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ByMessageId<I, F = IdAlone> {
    id: I,
    fingerprint: F,
    is_required: bool,
}

impl<I> ByMessageId<I> {
    /// By a closure `Fn(&Req) -> Option<impl AsRef<[u8]>>`. A message without an id goes straight
    /// through, and so does one whose id is empty: it is what many formats read where there is none, and
    /// all such messages would be one.
    pub const fn new(id: I) -> Self {
        Self {
            id,
            fingerprint: IdAlone,
            is_required: false,
        }
    }
}

impl<I, F> ByMessageId<I, F> {
    /// Says what besides the id must be equal, by a closure `Fn(&Req) -> Fingerprint`. By default an
    /// id says it all.
    pub fn fingerprint_by<G>(self, fingerprint: G) -> ByMessageId<I, G> {
        ByMessageId {
            id: self.id,
            fingerprint,
            is_required: self.is_required,
        }
    }

    /// Refuses a message without an id, with [`Kind::KeyMissing`].
    pub fn required(mut self) -> Self {
        self.is_required = true;
        self
    }
}

/// What besides its id tells a message from others. Closures `Fn(&Req) -> Fingerprint` do.
pub trait Fingerprinting<Req>: Send + Sync + 'static {
    /// The fingerprint of this message.
    fn of(&self, message: &Req) -> Fingerprint;
}

/// Nothing does.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdAlone;

impl<Req> Fingerprinting<Req> for IdAlone {
    fn of(&self, _message: &Req) -> Fingerprint {
        Fingerprint::KEY_ALONE
    }
}

impl<F, Req> Fingerprinting<Req> for F
where
    F: Fn(&Req) -> Fingerprint + Send + Sync + 'static,
{
    fn of(&self, message: &Req) -> Fingerprint {
        self(message)
    }
}

impl<Req, I, F, N> Prepare<Req> for ByMessageId<I, F>
where
    Req: Send,
    I: Fn(&Req) -> Option<N> + Send + Sync + 'static,
    N: AsRef<[u8]>,
    F: Fingerprinting<Req>,
{
    type Inner = Req;

    fn key(&self, message: &Req) -> Result<Option<ClientKey>, Unfit> {
        match (self.id)(message) {
            Some(id) if !id.as_ref().is_empty() => Ok(Some(ClientKey::of(id.as_ref()))),
            _ if self.is_required => Err(Unfit::new(Kind::KeyMissing)),
            _ => Ok(None),
        }
    }

    fn pass(&self, message: Req) -> Req {
        message
    }

    fn fingerprint(
        &self,
        message: Req,
    ) -> impl Future<Output = Result<(Req, Fingerprint), Unfit>> + Send {
        let fingerprint = self.fingerprint.of(&message);
        std::future::ready(Ok((message, fingerprint)))
    }
}

/// Keeps that a message was worked off, and nothing of the response: a repeat gets the default of its
/// type.
///
/// An error that is no refusal gives the key back, so that the queue's next delivery runs: a consumer
/// fails to be asked again. [`on_error`](Self::on_error) changes that.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct DoneOnly<F = Defaulted> {
    response: F,
    on_error: OnError,
}

impl DoneOnly {
    /// For responses that have a default.
    pub const fn new() -> Self {
        Self {
            response: Defaulted,
            on_error: OnError::Release,
        }
    }
}

impl Default for DoneOnly {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> DoneOnly<F> {
    /// Answers repeats with what a closure `Fn() -> Res` gives.
    pub fn response<G>(self, response: G) -> DoneOnly<G> {
        DoneOnly {
            response,
            on_error: self.on_error,
        }
    }

    /// What an error means that is no refusal. Default [`OnError::Release`].
    pub const fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }
}

/// Makes the response to a repeat. Closures `Fn() -> Res` do.
pub trait Acknowledgement<Res>: Send + Sync + 'static {
    /// The response.
    fn make(&self) -> Res;
}

/// The default of the response's type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaulted;

impl<Res: Default> Acknowledgement<Res> for Defaulted {
    fn make(&self) -> Res {
        Res::default()
    }
}

impl<F, Res> Acknowledgement<Res> for F
where
    F: Fn() -> Res + Send + Sync + 'static,
{
    fn make(&self) -> Res {
        self()
    }
}

impl<Res, Err, F> Capture<Res, Err> for DoneOnly<F>
where
    Res: Send,
    Err: StackError + Send,
    F: Acknowledgement<Res>,
{
    type Outer = Res;

    fn capture(
        &self,
        result: Result<Res, Err>,
    ) -> impl Future<Output = (Result<Res, Err>, Disposition)> + Send {
        let disposition = match &result {
            Ok(_) => Disposition::Keep(Bytes::new()),
            Err(error) => Disposition::of_error(error, self.on_error),
        };
        std::future::ready((result, disposition))
    }

    fn pass(&self, response: Res) -> Res {
        response
    }

    fn replay(&self, _record: Bytes) -> Result<Res, Unreadable> {
        Ok(self.response.make())
    }
}
