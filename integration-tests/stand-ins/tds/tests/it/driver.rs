// SPDX-License-Identifier: Apache-2.0
//! The driver by itself: its own greeting, and what the adapter never does.

use futures_util::TryStreamExt;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::place::{PASSWORD, Place, run};

async fn client(place: &Place) -> Client<Compat<TcpStream>> {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(place.server.port());
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::NotSupported);
    let tcp = TcpStream::connect(config.get_addr()).await.unwrap();
    Client::connect(config, tcp.compat()).await.unwrap()
}

#[tokio::test]
async fn an_attention_ends_a_long_answer_and_the_session_goes_on() {
    let place = Place::new().await;
    let mut admin = place.admin("master").await;
    run(
        &mut admin,
        "CREATE DATABASE [h]; USE [h]; CREATE TABLE t (id int, n nvarchar(2000))",
    )
    .await;
    let rows: Vec<_> = (0..1000)
        .map(|n| format!("({n}, N'{}')", "x".repeat(1500)))
        .collect();
    let insert = format!("INSERT INTO t VALUES {}", rows.join(", "));
    for _ in 0..5 {
        run(&mut admin, &insert).await;
    }
    let mut client = client(&place).await;
    client
        .simple_query("USE [h]")
        .await
        .unwrap()
        .into_results()
        .await
        .unwrap();
    for _ in 0..3 {
        let mut stream = client
            .simple_query("SELECT id, n FROM t")
            .await
            .unwrap()
            .into_row_stream();
        assert!(stream.try_next().await.unwrap().is_some());
        drop(stream);
        client.cancel_query().await.unwrap();
        let rows = client
            .query("SELECT COUNT_BIG(*) FROM t WHERE id < @P1", &[&7i32])
            .await
            .unwrap();
        let row = rows.into_row().await.unwrap().unwrap();
        assert_eq!(row.get::<i64, _>(0), Some(35));
    }
}

#[tokio::test]
async fn what_is_no_tds_ends_its_own_connection_and_no_other() {
    let place = Place::new().await;
    let mut client = client(&place).await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        &[0x12, 1, 0, 9, 0, 0, 0, 0, 0xff],
        &[0x10, 1, 0xff, 0xff, 0, 0, 0, 0],
        &[0x12, 1, 0, 0, 0, 0, 0, 0],
        &[0; 64],
    ] {
        let mut tcp = TcpStream::connect(("127.0.0.1", place.server.port()))
            .await
            .unwrap();
        tcp.write_all(garbage).await.unwrap();
        let _ = tcp.shutdown().await;
        let mut rest = Vec::new();
        let _ = tcp.read_to_end(&mut rest).await; // it ends, one way or another
        let row = client
            .simple_query("SELECT 1")
            .await
            .unwrap()
            .into_row()
            .await
            .unwrap();
        assert!(row.is_some());
    }
}

#[tokio::test]
async fn procedures_and_transactions_of_the_protocol_are_refused_and_not_guessed() {
    let place = Place::new().await;
    let mut client = client(&place).await;
    let error = client.begin_transaction().await.unwrap_err();
    assert_eq!(error.code(), Some(2812));
    let error = tiberius::Command::new("sp_who").exec(&mut client).await;
    let error = match error {
        Ok(stream) => stream.try_collect::<Vec<_>>().await.map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.code(), Some(2812));
}
