use std::time::Duration;

use protocol::Deadline;
use reqwest::RequestBuilder;
use settings::MetadataPresence;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Response;

/// The timeout of one response: while a machine starts, many programs send requests.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3);
/// The total timeout of a service that must exist.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(8);
/// An existing service, one hop away, accepts a connection sooner. After this time it probably does not exist.
const ONE_HOP: Duration = Duration::from_millis(20);

/// The response of a metadata service; `None` if nothing responds at its address.
///
/// If the service must exist, the request is retried for some seconds, as the clouds' own SDKs do: when a pod
/// starts, connections are refused. Otherwise it is sent once.
pub async fn metadata(request: &RequestBuilder, presence: MetadataPresence, deadline: Deadline) -> Option<Response> {
    metadata_or(request, presence, deadline, || ()).await.ok()
}

/// [`metadata`], which also starts the next source of the credential chain as soon as the service seems not to
/// exist, so that a network that drops packets costs no time.
///
/// The service's response wins: what was started is dropped when the connection is accepted, before the response,
/// so a started program is killed before it does anything. Nothing is started if the service must exist.
///
/// # Errors
/// Nothing responds; with what was started, if anything was.
pub async fn metadata_or<T>(
    request: &RequestBuilder,
    presence: MetadataPresence,
    deadline: Deadline,
    start: impl FnOnce() -> T,
) -> Result<Response, Option<T>> {
    let deadline = deadline.within(TOTAL_TIMEOUT);
    let mut start = (presence != MetadataPresence::Certain).then_some(start);
    let mut pause = Duration::from_millis(100);
    loop {
        let (Some(this), Some(address)) = (request.try_clone(), address(request)) else { return Err(None) };
        // Two timeouts: an existing service accepts at once, and may take longer to respond.
        let connecting = timeout(presence.connect_limit(), TcpStream::connect(address));
        let (connected, started) = or_start_after_one_hop(connecting, &mut start).await;
        if matches!(connected, Ok(Ok(_))) {
            drop(started);
            match Response::once(this, deadline.within(RESPONSE_TIMEOUT)).await {
                Ok(response) => return Ok(response),
                Err(error) => log::debug!("no response from the metadata service: {error:?}"),
            }
            if presence != MetadataPresence::Certain {
                return Err(None);
            }
        } else {
            log::debug!("no metadata service accepts a connection");
            if presence != MetadataPresence::Certain {
                return Err(started);
            }
        }
        if deadline.remaining() <= pause {
            return Err(None);
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Whether a metadata service accepts a connection: the first thing to know of one whose response does not arrive.
pub async fn accepts_connection(url: &str, presence: MetadataPresence) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let Some(address) = address_of(&url) else { return false };
    matches!(timeout(presence.connect_limit(), TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// The output of a future, and what was started because it took longer than one hop.
async fn or_start_after_one_hop<F: Future, T>(
    future: F,
    start: &mut Option<impl FnOnce() -> T>,
) -> (F::Output, Option<T>) {
    let mut future = std::pin::pin!(future);
    if let Ok(output) = timeout(ONE_HOP, future.as_mut()).await {
        return (output, None);
    }
    let started = start.take().map(|start| start());
    (future.await, started)
}

fn address(request: &RequestBuilder) -> Option<(String, u16)> {
    address_of(request.try_clone()?.build().ok()?.url())
}

fn address_of(url: &reqwest::Url) -> Option<(String, u16)> {
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?))
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)] // In a test a panic is the message.
mod tests {
    use std::cell::Cell;

    use pretend_cloud::Aws;
    use settings::Environment;
    use tokio::net::TcpSocket;

    use super::*;

    /// An address that drops packets: its queue of connections is full.
    async fn dropping() -> (String, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = Box::leak(Box::new(socket.listen(1).unwrap()));
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            waiting.push(stream);
        }
        (format!("http://{address}/"), waiting)
    }

    #[test]
    fn the_next_source_is_started_if_nothing_accepts_and_the_service_need_not_exist() {
        let client = crate::Client::new(&Environment::of([("", "")])).unwrap();
        let aws = Aws::start();
        let ask = async |url: &str, presence| {
            let started = Cell::new(0);
            let request = client.direct().get(url);
            let deadline = Deadline::after(Duration::from_millis(600));
            let answer = metadata_or(&request, presence, deadline, || started.set(started.get() + 1)).await;
            (answer.map(|answer| answer.status), started.get())
        };
        crate::run(async {
            let (dropping, _waiting) = dropping().await;
            for presence in [MetadataPresence::Unknown, MetadataPresence::Unlikely, MetadataPresence::Configured] {
                assert_eq!(ask(&dropping, presence).await, (Err(Some(())), 1), "{presence:?}");
                assert_eq!(ask("http://127.0.0.1:1/", presence).await, (Err(None), 0), "{presence:?}");
                assert!(ask(&aws.url(), presence).await.0.is_ok(), "{presence:?}");
            }
            assert_eq!(ask(&dropping, MetadataPresence::Certain).await, (Err(None), 0));
        })
        .unwrap();
    }
}
