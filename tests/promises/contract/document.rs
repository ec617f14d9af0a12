//! The contract is in order, what is generated from it is current, and the tool notices when either is not.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use user_status_contract::{self as tool, Finding};
use user_status_openapi::{Change, Contract, Idempotence, SchemeKind, SystemKind};

use crate::support::repository;

/// A copy of the contract and all that is generated from it, in a folder of its own.
pub(crate) struct Copy(pub(crate) PathBuf);

impl Copy {
    pub(crate) fn new(name: &str) -> Copy {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("contract-{name}"));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("openapi")).unwrap();
        fs::create_dir_all(root.join("sdk/src/generated")).unwrap();
        fs::copy(repository().join(tool::CONTRACT), root.join(tool::CONTRACT)).unwrap();
        fs::copy(repository().join(tool::CONTRACT), root.join(tool::RELEASED)).unwrap();
        fs::create_dir_all(root.join("examples")).unwrap();
        fs::create_dir_all(root.join(".ci")).unwrap();
        for file in [
            "README.md",
            tool::CLAIMS,
            "examples/every_operation.rs",
            "examples/every_operation.sh",
            "examples/every_operation_cli.sh",
            ".ci/lint-openapi",
            ".ci/schemathesis",
            ".ci/scim-testers",
            ".ci/third-party-clients",
            ".ci/validating-proxy",
        ] {
            fs::copy(repository().join(file), root.join(file)).unwrap();
        }
        tool::generate(&root).unwrap();
        Copy(root)
    }

    fn change(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.0.join(file);
        let old = fs::read_to_string(&path).unwrap();
        let new = change(old.clone());
        assert!(old != new, "the change leaves {file} as it is");
        fs::write(path, new).unwrap();
    }

    fn check(&self) -> Vec<Finding> {
        tool::check(&self.0)
    }
}

#[test]
fn the_contract_and_everything_generated_from_it_are_in_order() {
    let findings: Vec<String> = tool::check(&repository()).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}\nrun `{}`", findings.join("\n"), tool::GENERATE);
}

#[test]
fn a_second_run_changes_nothing() {
    let copy = Copy::new("twice");
    assert!(copy.check().is_empty());
    assert_eq!(tool::generate(&copy.0).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn one_changed_character_in_any_generated_file_is_noticed() {
    let copy = Copy::new("drift");
    let document = tool::read_contract(&copy.0).unwrap();
    let outputs = tool::outputs(&repository(), &document).unwrap();
    let systems = SystemKind::ALL.iter().map(|system| format!("sdk/src/generated/{system}.rs"));
    let others = ["openapi/openapi.json", "sdk/src/generated/operations.rs", tool::CLAIMS].map(str::to_owned);
    for file in systems.chain(others) {
        assert!(outputs.contains_key(&file), "{file} is generated");
    }
    // Each file at another place: its first character, its last, or one in between.
    for (nth, (file, text)) in outputs.into_iter().enumerate() {
        let at = [0, text.len() / 2, text.len() - 1][nth % 3];
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        fs::write(copy.0.join(&file), bytes).unwrap();
        let findings = copy.check();
        assert_eq!(findings.len(), 1, "{file} at {at}: {findings:?}");
        assert_eq!(findings[0].file, file);
        assert!(findings[0].problem.ends_with("run `cargo contract generate`"), "{}", findings[0]);
        fs::write(copy.0.join(&file), text).unwrap();
    }
    let stray = copy.0.join("sdk/src/generated/okta.rs");
    fs::write(&stray, "").unwrap();
    let findings = copy.check();
    assert!(findings.len() == 1 && findings[0].problem.contains("is not generated"), "{findings:?}");
    fs::remove_file(stray).unwrap();
    fs::remove_file(copy.0.join("sdk/src/generated/akana.rs")).unwrap();
    let findings = copy.check();
    assert!(findings.len() == 1 && findings[0].problem.contains("cannot be read"), "{findings:?}");
    tool::generate(&copy.0).unwrap();
    assert!(copy.check().is_empty());
}

/// Mistakes in the document, each with the pointer and a part of the text of what is found.
#[test]
fn mistakes_in_the_document_are_named_with_their_place() {
    let copy = Copy::new("mistakes");
    let akana = "/paths/~1api~1users~1{UserID}~1status/put";
    let mediconnect = "/paths/~1api~1admin~1users~1{id}~1status/patch";
    let cases: &[(&str, &str, String, &str)] = &[
        // Examples against their schemas.
        (
            "                    isActive: false\n                    isSuspended: true\n",
            "                    isActive: no longer\n                    isSuspended: true\n",
            format!("{mediconnect}/responses/200/content/application~1json/examples/suspended/value/isActive"),
            "must be boolean, is string",
        ),
        ("        Locked: true\n", "        Locked: 'true'\n", format!("{akana}/responses/200/content/application~1json/examples/locked/value/Locked"), "must be boolean"),
        ("          example: 7215545078541\n", "          example: 0\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/parameters/0/example".into(), "must be at least 1"),
        ("                    code: 401\n", "                    code: 99999999999\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/responses/401/content/application~1json/examples/invalidSession/value/code".into(), "format int32"),
        // Structure.
        ("      operationId: changeUserStatus\n", "      operationID: changeUserStatus\n", format!("{akana}/operationID"), "is not a member that OpenAPI 3.0 has here"),
        ("openapi: 3.0.3\n", "openapi: 3.1.0\n", "/openapi".into(), "3.0.x only"),
        ("$ref: '#/components/schemas/SymphonyUserStatus'", "$ref: '#/components/schemas/SymphonyStatus'", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/requestBody/content/application~1json/schema/$ref".into(), "does not exist"),
        ("      operationId: changeUserStatus\n", "      operationId: setAccessStatus\n", format!("{akana}/operationId"), "names another operation already"),
        // One error schema per operation.
        (
            "        '404':\n          description: No such user. Nothing was changed.\n          content:\n            application/json:\n              schema:\n                $ref: '#/components/schemas/MediconnectError'",
            "        '404':\n          description: No such user. Nothing was changed.\n          content:\n            application/json:\n              schema:\n                $ref: '#/components/schemas/SymphonyError'",
            format!("{mediconnect}/responses"),
            "one error schema",
        ),
        // Extensions.
        ("      x-idempotent: false\n", "      x-idempotent: maybe\n", "/paths/~1api~1users~1manage-status/post/x-idempotent".into(), "must be"),
        ("      x-idempotent: false\n", "", "/paths/~1api~1users~1manage-status/post/x-idempotent".into(), "missing"),
        ("      x-changes: [toggle]\n", "      x-changes: [flip]\n", "/paths/~1api~1users~1manage-status/post/x-changes/0".into(), "unknown change `flip`"),
        ("      x-changes: [toggle]\n", "      x-changes: []\n", "/paths/~1api~1users~1manage-status/post/x-changes".into(), ""),
        ("        title: Update User Status\n", "        titel: Update User Status\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/x-source".into(), "`title`"),
        ("          chosen: PUT\n", "", "/paths/~1api~1v1~1users~1{userId}~1access-status~1{accessStatus}/put/x-contradictions/0".into(), "`chosen`"),
        ("      x-name-template: AtmoAuthToken_{tenant}\n", "      x-name-template: AtmoToken_{tenant}\n", "/components/securitySchemes/akanaSession/x-name-template".into(), "does not give the name"),
        ("          x-credential: true\n", "", "/components/schemas/ClearsquareManageStatusRequest/properties/token".into(), "x-credential"),
        ("      x-known-values: [PATIENT, ADMIN]\n", "      x-know-values: [PATIENT, ADMIN]\n", "/components/schemas/MediconnectRole/x-know-values".into(), "is no extension of this contract"),
        (
            "        when-body-has: [isActive]\n",
            "        when-body-has: [isActiv]\n",
            format!("{mediconnect}/x-idempotent/when-body-has/0"),
            "has no `isActiv`",
        ),
        (
            "      x-idempotent: false\n",
            "      x-idempotent: true\n",
            "/paths/~1api~1users~1manage-status/post/x-idempotent".into(),
            "a second toggle undoes the first",
        ),
        (
            "      x-name-template: X-Csrf-Token_{tenant}\n",
            "",
            "/components/securitySchemes/akanaCsrf/x-name-template".into(),
            "ends in the sample tenant",
        ),
        (
            "        title: Update User Status\n",
            "        title: ' '\n",
            "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/x-source/title".into(),
            "must match",
        ),
        ("  system:\n    $ref:", "  vendr:\n    $ref:", "/x-vocabulary".into(), "must be"),
        (
            "          description: The id.\n        freezed:\n",
            "          description: The id.\n          example: 7\n        freezed:\n",
            "/components/schemas/UserdocksUser/properties/id/example".into(),
            "examples stand under",
        ),
        (
            "            application/json:\n              schema:\n                $ref: '#/components/schemas/SymphonyUserStatus'\n",
            "            application/json:\n              example: 42\n              schema:\n                $ref: '#/components/schemas/SymphonyUserStatus'\n",
            "/paths/~1pod~1v1~1admin~1user~1{uid}~1status/get/responses/200/content/application~1json/example".into(),
            "examples stand under",
        ),
        (
            "      enum: ['0', '1']\n",
            "      enum: ['0', '..']\n",
            "/components/schemas/UserdocksAccessStatus/enum".into(),
            "must be letters, digits",
        ),
        (
            "      x-enum-varnames: [Freezed, Unfreezed]\n",
            "      x-enum-varnames: [Freezed, Freezed]\n",
            "/components/schemas/UserdocksAccessStatus".into(),
            "no name of its own",
        ),
        (
            "      enum: [TEXT, XML]\n",
            "      enum: [TEXT, XML, 7]\n",
            "/components/schemas/SymphonyMessageFormat/enum".into(),
            "must be a string",
        ),
        (
            "        - symphonySession: []\n",
            "        - symphonySession: []\n        - {}\n",
            "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/security".into(),
            "every alternative",
        ),
        (
            "      summary: Enable, disable or lock an account\n",
            "      sumary: null\n      summary: Enable, disable or lock an account\n",
            format!("{akana}/sumary"),
            "is not a member that OpenAPI 3.0 has here",
        ),
        (
            "      operationId: changeUserStatus\n",
            "      operationId: changeUSERStatus\n",
            format!("{akana}/operationId"),
            "must be of the form",
        ),
        (
            "            application/vnd.soa.v81+xml: *akanaServerError\n",
            "            application/vnd.soa.v81+xmll: *akanaServerError\n",
            format!("{akana}/responses/500/content"),
            "must have the media types that 200 has",
        ),
        // What keeps ids safe.
        ("      pattern: &safeId '^(?:", "      pattern: &safeId '^(?:/|", "/components/schemas/UserdocksUserId".into(), "an id must have"),
        ("      format: int64\n      minimum: 1\n      description: The id of a Symphony user.\n", "      format: int64\n      description: The id of a Symphony user.\n", "/components/schemas/SymphonyUserId".into(), "minimum: 1"),
        // What must be there.
        (
            "        description: The user, and the token of the caller once more.\n        required: true\n",
            "        description: The user, and the token of the caller once more.\n        required: false\n",
            "/paths/~1api~1users~1manage-status/post/requestBody/required".into(),
            "must be true",
        ),
        (
            "        - name: uid\n          in: path\n          required: true\n",
            "        - name: uid\n          in: path\n          required: false\n",
            "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/parameters/0/required".into(),
            "must be true",
        ),
        // Security, servers, vocabulary, leftovers.
        ("        - symphonySession: []\n", "        - symphonySesion: []\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/security/0/symphonySesion".into(), "securitySchemes"),
        ("      - url: https://{hostname}\n", "      - url: https://{host}\n", "/paths/~1api~1users~1{UserID}~1status/servers/0".into(), "both in the url and a variable"),
        ("      - url: https://{pod}.symphony.com\n", "      - url: http://{pod}.symphony.com\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/servers/0/url".into(), "https://"),
        // The base path of a system is in its paths, and what its tag says.
        ("      - url: https://{pod}.symphony.com\n", "      - url: https://{pod}.symphony.com/pod\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/servers/0/url".into(), "must have no path: put `/pod` before each path"),
        ("  - url: http://127.0.0.1:4010\n", "  - url: http://127.0.0.1:4010/mock\n", "/servers/0/url".into(), "must have no path: put `/mock` before each path"),
        ("    post:\n      operationId: updateUserStatus\n", "    post:\n      servers:\n        - url: https://symphony.com/pod\n      operationId: updateUserStatus\n", "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post/servers".into(), "beside the operation"),
        ("  /pod/v1/admin/user/{uid}/status:\n", "  /pods/v1/admin/user/{uid}/status:\n", "/paths/~1pods~1v1~1admin~1user~1{uid}~1status".into(), "must begin with `/pod/`"),
        ("    x-base-path: /pod\n", "    x-base-path: /pod/\n", "/tags/3/x-base-path".into(), "must be a path such as /pod"),
        ("    x-base-path: /pod\n", "    x-base-path: [pod]\n", "/tags/3/x-base-path".into(), "must be a string"),
        ("      x-known-values: [userdocks, akana, mediconnect, symphony, clearsquare, scim]\n", "      x-known-values: [userdocks, akana, mediconnect, symphony, clearsquare]\n", "/components/schemas/SystemKind/x-known-values".into(), "must be userdocks, akana"),
        ("    AkanaServerFault:\n", "    AkanaForgottenFault:\n      summary: Nobody uses this\n      value: {}\n    AkanaServerFault:\n", "/components/examples/AkanaForgottenFault".into(), "is never used"),
    ];
    let good = fs::read_to_string(copy.0.join(tool::CONTRACT)).unwrap();
    for (from, to, pointer, text) in cases {
        assert!(good.contains(from), "`{from}` is in the contract");
        copy.change(tool::CONTRACT, |yaml| yaml.replacen(from, to, 1));
        let findings = copy.check();
        let hit =
            findings.iter().any(|f| f.file == tool::CONTRACT && f.pointer == *pointer && f.problem.contains(text));
        assert!(hit, "after `{to}` nothing is found at {pointer} with `{text}`, but {findings:#?}");
        assert!(tool::generate(&copy.0).is_err(), "nothing is generated from a contract that is wrong");
        fs::write(copy.0.join(tool::CONTRACT), &good).unwrap();
    }

    copy.change(tool::CONTRACT, |yaml| yaml.replacen("info:\n", "info:\n  title: twice\n", 1));
    let findings = copy.check();
    assert_eq!(findings.len(), 1);
    assert!(findings[0].problem.contains("is not YAML"), "{}", findings[0]);
}

#[test]
fn the_contract_says_what_the_documents_say() {
    what_the_documents_say(Contract::embedded()).unwrap();
}

/// Returns whether a contract has the operations of the documents.
pub(crate) fn what_the_documents_say(contract: &Contract) -> Result<(), String> {
    let seen: Vec<(&str, &str, String, Vec<u16>)> = contract
        .operations()
        .iter()
        .map(|o| {
            let path = format!("{}{}", contract.base_path(o.system), o.path);
            (o.id.as_str(), o.method.as_str(), path, o.responses.keys().copied().collect())
        })
        .collect();
    // Codes beyond those of the documents are decisions, and listed with their reason in `x-decisions`.
    let expected = [
        (
            "setAccessStatus",
            "PUT",
            "/api/v1/users/{userId}/access-status/{accessStatus}",
            vec![200, 400, 401, 403, 500],
        ),
        (
            "setAppAccessStatus",
            "PUT",
            "/v1/apps/{appId}/users/{userId}/access-status/{accessStatus}",
            vec![200, 400, 401, 403, 500],
        ),
        ("getUser", "GET", "/v1/users/{userId}", vec![200, 400, 401, 403, 500]),
        ("changeUserStatus", "PUT", "/api/users/{UserID}/status", vec![200, 400, 401, 404, 500]),
        ("getPlatformUser", "GET", "/api/users/{UserID}", vec![200, 400, 401, 404, 500]),
        ("toggleUserStatus", "PATCH", "/api/admin/users/{id}/status", vec![200, 400, 401, 403, 404]),
        ("getAdminUser", "GET", "/api/admin/users/{id}", vec![200, 400, 401, 403, 404]),
        ("updateUserStatus", "POST", "/pod/v1/admin/user/{uid}/status/update", vec![200, 400, 401, 403, 500]),
        ("getUserStatus", "GET", "/pod/v1/admin/user/{uid}/status", vec![200, 400, 401, 403, 500]),
        ("manageUserStatus", "POST", "/api/users/manage-status", vec![200, 400, 401]),
        ("getScimUser", "GET", "/scim/v2/Users/{id}", vec![200, 400, 401, 403, 404, 429, 500]),
        ("replaceScimUser", "PUT", "/scim/v2/Users/{id}", vec![200, 400, 401, 403, 404, 409, 412, 413, 429, 500, 501]),
        (
            "patchScimUser",
            "PATCH",
            "/scim/v2/Users/{id}",
            vec![200, 204, 400, 401, 403, 404, 409, 412, 413, 429, 500, 501],
        ),
        ("findScimUsers", "GET", "/scim/v2/Users", vec![200, 400, 401, 403, 429, 500]),
        ("getScimConfig", "GET", "/scim/v2/ServiceProviderConfig", vec![200, 400, 401, 403, 404, 429, 500]),
    ]
    .map(|(id, method, path, codes)| (id, method, path.to_owned(), codes));
    same(&seen, &expected.to_vec())?;
    // In what the base URLs end that the documents have.
    let bases: Vec<(SystemKind, &str)> =
        SystemKind::ALL.iter().map(|system| (*system, contract.base_path(*system))).collect();
    let expected = |system: SystemKind| match system {
        SystemKind::Symphony => "/pod",
        SystemKind::Scim => "/scim/v2",
        _ => "",
    };
    same(&bases, &SystemKind::ALL.iter().map(|system| (*system, expected(*system))).collect())?;

    let akana = contract.operation("changeUserStatus").ok_or("no changeUserStatus")?;
    let mut media_types = vec!["application/json".to_owned(), "application/xml".to_owned()];
    for version in [71, 72, 80, 81] {
        media_types.push(format!("application/vnd.soa.v{version}+json"));
        media_types.push(format!("application/vnd.soa.v{version}+xml"));
    }
    let names = |content: &[user_status_openapi::MediaType]| content.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    same(&names(&akana.request_body.as_ref().ok_or("no body")?.content), &media_types)?;
    for response in akana.responses.values() {
        same(&names(&response.content), &media_types)?;
    }
    for operation in contract.operations().iter().filter(|operation| operation.system != SystemKind::Akana) {
        let json = if operation.system == SystemKind::Scim { "application/scim+json" } else { "application/json" };
        // A 204 has no content (RFC 9110, section 15.3.5).
        for (code, response) in &operation.responses {
            same(&names(&response.content), &if *code == 204 { Vec::new() } else { vec![json.to_owned()] })?;
        }
        if let Some(body) = &operation.request_body {
            same(&names(&body.content), &vec![json.to_owned()])?;
        }
    }
    // Section 3.14: where a user is shown or was changed, its version is in `ETag`.
    for id in ["getScimUser", "patchScimUser", "replaceScimUser"] {
        let operation = contract.operation(id).ok_or_else(|| format!("no {id}"))?;
        for (_, response) in operation.responses.iter().filter(|(code, _)| **code < 300) {
            let schema = contract.resolve(&format!("{}/headers/ETag/schema", response.pointer));
            same(&schema, &Some(&serde_json::json!({ "type": "string" })))?;
        }
    }
    // RFC 7644, section 3.12: the status code once more, as a string.
    for operation in contract.operations().iter().filter(|operation| operation.system == SystemKind::Scim) {
        for (code, response) in operation.responses.iter().filter(|(code, _)| **code >= 400) {
            let examples = contract.resolve(&format!("{}/examples", response.content[0].pointer));
            for (_, example) in examples.and_then(Value::as_object).into_iter().flatten() {
                same(&example["value"]["status"].as_str(), &Some(&*code.to_string()))?;
                // Table 9.
                let known: &[&str] = match code {
                    400 => &["invalidFilter", "tooMany", "invalidSyntax", "invalidPath", "noTarget", "invalidValue"],
                    409 => &["uniqueness"],
                    _ => &[],
                };
                if let Some(scim_type) = example["value"]["scimType"].as_str() {
                    same(&(code, known.contains(&scim_type)), &(code, true))?;
                }
            }
        }
    }
    let toggle = contract.operation("manageUserStatus").ok_or("no manageUserStatus")?;
    same(&toggle.idempotence, &Idempotence::Never)?;
    same(&toggle.changes, &vec![Change::Toggle])?;

    // The credentials, as they travel: what is needed together, and what may stand instead of it.
    let key = ["header X-API-KEY", "header X-API-KEY-TYPE", "header X-CLIENT-ID"];
    let akana = ["cookie AtmoAuthToken_acmepaymentscorp", "header X-Csrf-Token_acmepaymentscorp"];
    let credentials: [(&str, &[&[&str]]); 15] = [
        ("setAccessStatus", &[&key, &["bearer"]]),
        ("setAppAccessStatus", &[&key]),
        ("getUser", &[&key, &["bearer"]]),
        ("changeUserStatus", &[&akana]),
        ("getPlatformUser", &[&akana[..1]]),
        ("toggleUserStatus", &[&["bearer"]]),
        ("getAdminUser", &[&["bearer"]]),
        ("updateUserStatus", &[&["header sessionToken"]]),
        ("getUserStatus", &[&["header sessionToken"]]),
        ("manageUserStatus", &[&["bearer"]]),
        ("getScimUser", &[&["bearer"]]),
        ("replaceScimUser", &[&["bearer"]]),
        ("patchScimUser", &[&["bearer"]]),
        ("findScimUsers", &[&["bearer"]]),
        ("getScimConfig", &[&["bearer"]]),
    ];
    for (id, expected) in credentials {
        let operation = contract.operation(id).ok_or_else(|| format!("no {id}"))?;
        let travels = |name: &String| match contract.scheme(name).map(|scheme| &scheme.kind) {
            Some(SchemeKind::Header(name)) => format!("header {name}"),
            Some(SchemeKind::Cookie(name)) => format!("cookie {name}"),
            Some(SchemeKind::Bearer) => "bearer".to_owned(),
            None => format!("unknown {name}"),
        };
        let alternatives = operation.security.iter().map(|names| names.iter().map(travels).collect::<Vec<_>>());
        same(
            &alternatives.collect::<Vec<_>>(),
            &expected.iter().map(|names| names.iter().map(ToString::to_string).collect()).collect(),
        )?;
        // The one sample that has another method than its title.
        same(&operation.sample_method.as_deref(), &(id == "setAccessStatus").then_some("POST"))?;
    }
    Ok(())
}

/// An error that shows both, if they differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("is {seen:?}, must be {expected:?}")) }
}

/// The table in the SDK and the contract name the same operations.
#[test]
fn the_table_of_the_sdk_is_that_of_the_contract() {
    what_the_sdk_says(Contract::embedded()).unwrap();
}

/// Returns whether a contract has the operations that the SDK was generated from.
pub(crate) fn what_the_sdk_says(contract: &Contract) -> Result<(), String> {
    same(&user_status::operations().len(), &contract.operations().len())?;
    for (ours, theirs) in user_status::operations().iter().zip(contract.operations()) {
        same(&(ours.id, ours.method, ours.path), &(theirs.id.as_str(), theirs.method.as_str(), theirs.path.as_str()))?;
        same(&ours.system.as_str(), &theirs.system.as_str())?;
        let idempotent = match (&ours.idempotence, &theirs.idempotence) {
            (user_status::Idempotence::Always, Idempotence::Always) => true,
            (user_status::Idempotence::Never, Idempotence::Never) => true,
            (user_status::Idempotence::WhenBodyHas(ours), Idempotence::WhenBodyHas(theirs)) => ours == theirs,
            _ => false,
        };
        same(&(ours.id, idempotent), &(ours.id, true))?;
        same(&ours.statuses.to_vec(), &theirs.responses.keys().copied().collect())?;
        let bodyless = theirs.responses.iter().filter(|(_, response)| response.content.is_empty());
        same(&ours.bodyless.to_vec(), &bodyless.map(|(code, _)| *code).collect())?;
        let words = |changes: &[Change]| changes.iter().map(|change| change.as_str()).collect::<Vec<_>>();
        same(&ours.changes.iter().map(|change| change.as_str()).collect(), &words(&theirs.changes))?;
    }
    Ok(())
}
