use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::Certificate;
use crate::reply::{Body, HangUp};

/// The handler of a [`Server`].
pub(crate) trait Service: Send + Sync + 'static {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, HangUp>> + Send;
}

/// An HTTP/1.1 server on its own thread and runtime; dropping it closes all its connections.
pub(crate) struct Server {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on `addr`, where port 0 is a free port.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub(crate) fn start(addr: SocketAddr, certificate: Option<&Certificate>, service: Arc<impl Service>) -> Self {
        let listener = TcpListener::bind(addr).unwrap_or_else(|error| panic!("cannot listen on {addr}: {error}"));
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let addr = listener.local_addr().expect("a bound listener has an address");
        let tls = certificate.map(Certificate::acceptor);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, tls, service) => {}
                    _ = stopped => {}
                }
            });
            // Dropping the runtime drops every connection, also those that hang on purpose.
        });
        Server { addr, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already printed.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, service: Arc<impl Service>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is non-blocking");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // A response is several small writes, to which Nagle's algorithm can add 40 ms.
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        match tls.clone() {
            None => drop(tokio::spawn(connection(stream, service))),
            Some(tls) => drop(tokio::spawn(async move {
                // A client that does not trust the certificate disconnects here.
                if let Ok(stream) = tls.accept(stream).await {
                    connection(stream, service).await;
                }
            })),
        }
    }
}

async fn connection<S: Service>(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: Arc<S>) {
    let each = service_fn(move |request| Arc::clone(&service).answer(request));
    // Ends with an error if the client or the service closes the connection, which tests intend.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), each).with_upgrades().await;
}
