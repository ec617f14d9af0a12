//! Every representation of Akana, through the same typed client.

use serde_json::json;
use user_status::systems::akana;
use user_status::{AccountSystem, Applied, ErrorKind, Proof, StatusChange};
use user_status_mock::{SystemKind, world};
use user_status_tests::Recorder;

use crate::support::systems::*;

/// Every representation of Akana, through the same typed client, both ways.
#[tokio::test]
async fn akana_speaks_every_representation() {
    let server = standalone_server().await;
    for media_type in akana::MediaType::ALL {
        let akana = akana_builder(&server.uri(SystemKind::Akana)).media_type(*media_type).build().unwrap();
        let comment = "a < b & \"c\" – ü";
        let receipt = akana.apply(world::AKANA_USER, &StatusChange::lock().with_comment(comment)).await.unwrap();
        assert_eq!((receipt.proof, receipt.status.locked), (Proof::Confirmed, Some(true)), "{media_type:?}");
        let receipt = akana.apply(world::AKANA_USER, &StatusChange::enable()).await.unwrap();
        assert_eq!(receipt.status.locked, Some(false), "{media_type:?}");
        let error = akana.apply("nobody.acmepaymentscorp", &StatusChange::lock()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::NotFound, Applied::No), "{media_type:?}: {error}");
        assert!(error.to_string().contains("The user does not exist"), "{media_type:?}: {error}");
        let fault: akana::types::AkanaFault = error.error_body().unwrap();
        assert_eq!(fault.faultcode.as_deref(), Some("Client.NotFound"), "{media_type:?}");
    }
    assert_eq!(akana::MediaType::ALL.len(), 10);

    // What travels is XML.
    let body = "<User><Locked>1</Locked><Disabled>false</Disabled><New><a>x<b/></a></New></User>";
    let length = body.len();
    let recorder = Recorder::start(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
    akana.apply("u", &StatusChange::lock().with_comment("a < b")).await.unwrap();
    let request = recorder.only_request();
    assert_eq!(request.header("content-type"), ["application/xml"]);
    assert_eq!(
        request.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeUserStatusRequest><UserStatus>com.soa.user.status.locked\
         </UserStatus><Comments>a &lt; b</Comments></ChangeUserStatusRequest>"
    );
    for body in [
        "<User>",
        "<User><Locked>true</Locked><Locked>true</Locked></User>",
        "text",
        "<!DOCTYPE x><User/>",
        "<User>&x;</User>",
        "<User/><User/>",
    ] {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/xml";
        let recorder = Recorder::start(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
        let error = akana.apply("u", &StatusChange::lock()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.applied()),
            (ErrorKind::UnexpectedResponse, Applied::Unknown),
            "{body}: {error}"
        );
    }
}

/// The SDK's list of booleans in the XML is that of the contract.
#[tokio::test]
async fn booleans_in_xml_are_those_of_the_contract() {
    let schema = user_status_openapi::Contract::embedded().resolve("/components/schemas/AkanaUser").unwrap();
    let members = schema["properties"].as_object().unwrap();
    let text: String = members.keys().map(|name| format!("<{name}>true</{name}>")).collect();
    let body = format!("<User>{text}</User>");
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/xml";
    let recorder = Recorder::start(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")).await;
    let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
    let user = akana.client().get_platform_user().user_id("u").send().await.unwrap().into_inner();
    let read = serde_json::to_value(user).unwrap();
    assert_eq!(read.as_object().unwrap().len(), members.len());
    for (name, schema) in members {
        let wanted = if schema["type"] == "boolean" { json!(true) } else { json!("true") };
        assert_eq!(read[name], wanted, "{name}");
    }
}
