use std::time::Duration;

use hyper::Response;

use crate::reply::{Body, HangUp, reply};

/// The behaviour of a server for calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As the real service does.
    Proper,
    /// As the real service does, after a while.
    Slow(Duration),
    /// With an error in the form that the service gives its errors.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error's code, such as `AccessDeniedException`.
        code: &'static str,
        /// The error's text.
        message: String,
    },
    /// With status 200 and random bytes.
    Garbage,
    /// With status 200 and no body.
    Empty,
    /// With this status and an HTML page, as a proxy in front of a service responds.
    Page(u16),
    /// Never; the connection stays open.
    Hang,
    /// By closing the connection.
    Close,
    /// With status 500 this many times, then as the real service does.
    FailTimes(u32),
    /// With this status this many times, then as the real service does.
    StumbleTimes(u16, u32),
}

/// An error, which each service has in its own format.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { status, code, message: message.into() }
    }
}

/// What the server does, according to the behaviour.
pub(crate) enum Act {
    /// Respond as the real service does.
    Proceed,
    /// Respond with this error in the service's format.
    Refuse(Refusal),
    /// Send this unchanged.
    Send(Response<Body>),
}

impl Behaviour {
    /// The behaviour of this call; the rest is for the next calls.
    pub(crate) fn take_turn(&mut self) -> Behaviour {
        let turn = self.clone();
        match self {
            Behaviour::FailTimes(0 | 1) => *self = Behaviour::Proper,
            Behaviour::FailTimes(times) => *times -= 1,
            Behaviour::StumbleTimes(_, 0 | 1) => *self = Behaviour::Proper,
            Behaviour::StumbleTimes(_, times) => *times -= 1,
            _ => {}
        }
        turn
    }

    pub(crate) async fn act(self) -> Result<Act, HangUp> {
        Ok(match self {
            Behaviour::Proper | Behaviour::FailTimes(0) | Behaviour::StumbleTimes(_, 0) => Act::Proceed,
            Behaviour::Slow(delay) => {
                tokio::time::sleep(delay).await;
                Act::Proceed
            }
            Behaviour::Refuse { status, code, message } => Act::Refuse(Refusal { status, code, message }),
            Behaviour::Garbage => Act::Send(reply(200, "application/octet-stream", &b"\xff\xfe{<%garbage\0"[..])),
            Behaviour::Empty => Act::Send(reply(200, "application/octet-stream", "")),
            Behaviour::Page(status) => {
                Act::Send(reply(status, "text/html", "<html><body><h1>canary</h1></body></html>"))
            }
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Close => return Err(HangUp),
            Behaviour::FailTimes(_) => {
                Act::Refuse(Refusal::new(500, "InternalFailure", "the request has failed on purpose"))
            }
            Behaviour::StumbleTimes(status, _) => {
                Act::Refuse(Refusal::new(status, "being_updated", "the request has failed on purpose"))
            }
        })
    }
}
