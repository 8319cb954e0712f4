// SPDX-License-Identifier: Apache-2.0
//! The HTTP listener over real sockets: HTTPS, both versions of HTTP, and an end that waits.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use silsila_config::TlsFiles;
use silsila_gateway::listener::Listener;
use silsila_gateway::tls;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

const LONG: Duration = Duration::from_secs(60);

/// A listener that serves, until `stop` is sent to or dropped.
struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<bool>,
}

async fn serve(router: Router, files: Option<&TlsFiles>, drain: Duration) -> Served {
    tls::install_provider();
    let acceptor = files
        .map(tls::acceptor)
        .transpose()
        .expect("the files are sound");
    let listener = Listener::bind("127.0.0.1:0".parse().expect("an address"), acceptor)
        .await
        .expect("bound");
    let address = listener.address();
    let (stop, stopped) = oneshot::channel();
    let stopped = async move {
        let _ = stopped.await;
    };
    let done = tokio::spawn(listener.serve(router, stopped, drain));
    Served {
        address,
        stop,
        done,
    }
}

/// The peer's address as the handler sees it.
fn echo() -> Router {
    Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }),
    )
}

fn certificate(folder: &Path) -> (TlsFiles, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["gateway.example".to_owned()])
        .expect("a certificate");
    let files = TlsFiles {
        certificate: folder.join("chain.pem"),
        key: folder.join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).expect("written");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    (files, roots)
}

async fn connect(
    address: SocketAddr,
    roots: &RootCertStore,
    alpn: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = ServerName::try_from("gateway.example").expect("a name");
    let stream = TcpStream::connect(address).await.expect("it listens");
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("a handshake")
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: gateway.example\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8(answer).expect("UTF-8")
}

#[tokio::test]
async fn https_offers_http_2_and_http_1_and_tells_handlers_who_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, roots) = certificate(folder.path());
    let served = serve(echo(), Some(&files), LONG).await;
    let answer = ask(connect(served.address, &roots, "http/1.1").await).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"),
        "{answer}"
    );

    let stream = connect(served.address, &roots, "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let request = axum::http::Request::get("https://gateway.example/")
        .body(axum::body::Body::empty())
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn who_speaks_no_tls_is_turned_away_and_others_are_served_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, roots) = certificate(folder.path());
    let served = serve(echo(), Some(&files), LONG).await;
    let mut plain = TcpStream::connect(served.address)
        .await
        .expect("it listens");
    plain
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(
        ask(connect(served.address, &roots, "http/1.1").await)
            .await
            .starts_with("HTTP/1.1 200")
    );
}

/// A router whose one handler says that it was entered and waits to be let go.
fn slow() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (inside, outside) = (entered.clone(), leave.clone());
    let handler = move || async move {
        inside.notify_one();
        outside.notified().await;
        "finished"
    };
    (Router::new().route("/", get(handler)), entered, leave)
}

#[tokio::test]
async fn a_request_under_way_is_finished_after_the_order_to_stop() {
    let (router, entered, leave) = slow();
    let served = serve(router, None, LONG).await;
    let asked = tokio::spawn(async move {
        ask(TcpStream::connect(served.address)
            .await
            .expect("it listens"))
        .await
    });
    entered.notified().await;
    served.stop.send(()).expect("it still serves");
    // The listener is gone at once, while the request is still under way.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.notify_one();
    assert!(asked.await.expect("asked").ends_with("finished"));
    assert!(
        served.done.await.expect("served"),
        "every request ended by itself"
    );
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let (router, entered, _leave) = slow();
    let served = serve(router, None, Duration::from_millis(50)).await;
    let asked = tokio::spawn(async move {
        ask(TcpStream::connect(served.address)
            .await
            .expect("it listens"))
        .await
    });
    entered.notified().await;
    served.stop.send(()).expect("it still serves");
    assert!(
        !served.done.await.expect("served"),
        "a request was still under way"
    );
    asked.abort();
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut files, _) = certificate(folder.path());
    let other = tempfile::tempdir().expect("a folder");
    files.key = certificate(other.path()).0.key;
    tls::install_provider();
    let refused = tls::acceptor(&files).err().expect("refused").to_string();
    assert!(
        refused.starts_with("CLI0006") && refused.contains("key.pem"),
        "{refused}"
    );
}
