//! A guide, from the first call to a system of your own.
//!
//! # A first call
//!
//! A system is built once, from the address it has and credentials for it, and used from then on: it is cheap to clone and
//! keeps its connections.
//!
//! ```
//! use user_status::systems::{Mediconnect, mediconnect};
//! use user_status::{AccountSystem, StatusChange};
//!
//! # async fn first() -> user_status::Result<()> {
//! let mediconnect = Mediconnect::builder()
//!     .base_url("https://mediconnect.example.com")
//!     .credentials(mediconnect::Credentials::token(std::env::var("MEDICONNECT_TOKEN").unwrap_or_default()))
//!     .build()?;
//! let receipt = mediconnect.apply("42", &StatusChange::suspend("Leave of absence")).await?;
//! println!("{}: {}", receipt.proof, receipt.status);
//! # Ok(())
//! # }
//! ```
//!
//! Credentials that change, such as a session that expires, come from a [`CredentialSource`]; it is asked once for all calls
//! that wait for it, and again when a system says that they are not good.
//!
//! # Choosing what to ask of a system
//!
//! The systems differ in what they can do. [`Capabilities`] says what one can, before anything is sent, and
//! a change that it cannot express is refused with [`ErrorKind::Unsupported`], never approximated:
//!
//! ```
//! use user_status::systems::{Clearsquare, clearsquare};
//! use user_status::{AccountSystem, Applied, StatusChange};
//!
//! # async fn choose() -> user_status::Result<()> {
//! let clearsquare = Clearsquare::builder()
//!     .base_url("https://admin.example.com")
//!     .credentials(clearsquare::Credentials::token("a-token-of-an-administrator"))
//!     .build()?;
//! assert!(clearsquare.capabilities().supports(&StatusChange::toggle()));
//! let error = clearsquare.apply("634441cecbb5901d133039f8", &StatusChange::disable()).await.unwrap_err();
//! assert!(error.is_unsupported());
//! assert_eq!(error.applied(), Applied::No);
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(choose()).unwrap();
//! ```
//!
//! Systems of different kinds stand beside each other in a [`Registry`]: one change for all of them, with an outcome for each.
//! A service whose caller may go away takes them one by one, from [`Registry::outcomes`], or makes the calls in a task of
//! their own: dropping a call does not take its request back.
//!
//! # Failures, and what to do
//!
//! After a failure one thing matters first: was it applied? [`Error::applied`] is [`Applied::No`] only if it is certain.
//!
//! ```
//! use user_status::{AccountSystem, Applied, Error, StatusChange};
//!
//! async fn offboard(system: &dyn AccountSystem, user: &str) -> Result<(), Error> {
//!     match system.apply_and_verify(user, &StatusChange::disable()).await {
//!         Ok(receipt) => println!("{user}: {}", receipt.proof),
//!         // Nothing was changed: what the error says can be mended, and the call made again.
//!         Err(error) if error.applied() == Applied::No => return Err(error),
//!         // Nobody knows. The account tells, if the system lets one read it; else a person must look.
//!         Err(error) => match system.status(user).await {
//!             Ok(status) if status.enabled == Some(false) => println!("{user}: disabled after all"),
//!             Ok(status) => println!("{user}: {status}; ask again"),
//!             Err(_) => return Err(error),
//!         },
//!     }
//!     Ok(())
//! }
//! ```
//!
//! What a status code proves is in one table, [`status_rules`]: a refusal counts as one only if the system itself documents
//! it. Whatever a proxy or a gateway may have said in its place, a 503 with `Retry-After` too, leaves the outcome unknown. So
//! does what came from a cache; a read that did is an error.
//!
//! Repeating is not for the caller to think of: calls that may be repeated are, with growing pauses, within the deadline and
//! the budget of [`RetryPolicy`]; calls that may not are never. A [`Proof`] says how a success is known: the system showed the
//! account afterwards, or it only took the request.
//!
//! # What counts as a yes
//!
//! A status code of 200 and a body of a documented media type, in which every name is there once, are not enough. This is what
//! the body must say, and everything else is no proof: the outcome is then
//! [`Contradicted`](crate::ErrorKind::Contradicted) or [`UnexpectedResponse`](crate::ErrorKind::UnexpectedResponse), and unknown.
//!
//! | system | a write says yes with | a read says what the account is with |
//! |---|---|---|
//! | Userdocks | `success: true`; or, as observed, `kind` and an object `response` | `success: true` and `data.freezed` |
//! | Akana | `UserID`, `Disabled` or `Locked`, in XML in the root `User` | `Disabled` or `Locked`, in the root `User` |
//! | MediConnect | `isActive` or `isSuspended`, at the top or in `user` | the same |
//! | Symphony | `message` or `format`, and no `code` | `status` or `suspended`, and neither `code` nor `message` |
//! | ClearSquare | `status: "success"` | – |
//!
//! In all of them, at the top and in the objects `data`, `items`, `response`, `result`, `user` and `users`, a proof is taken away
//! by
//!
//! - a sign of refusal: `error`, `errors`, `faultstring`, `faultcode`, `fault`, `exception` or `code` that is not null,
//!   `success` that is not `true`, a `status` or `kind` such as `error` or `failed`, a `status` of 400 or more;
//! - another account: an `id`, `userId`, `UserID` or `uid` that is not the one asked for;
//! - two values of one fact, or one that is not of the documented type.
//!
//! A read is held to the same when it is to prove a change whose answer was lost. What it says of the account and is not
//! understood is in [`AccountStatus::unrecognized`](crate::AccountStatus::unrecognized), and is not known.
//!
//! # Testing with the mock
//!
//! Crate `user-status-mock` is these systems in one process, with faults: a response that is lost after the change, a reset,
//! a quota. `examples/test_with_the_mock.rs` is a program with its tests. In another language, or by hand, the same is a
//! program: `cargo run -p user-status-mock`.
//!
//! What a test with it can show, and a test with canned responses cannot: that the account is what your program says it is.
//!
//! Without sockets, `user_status::testing` (feature `testing`) is a system in memory that fails as it is told.
//!
//! # A system of your own
//!
//! A system over HTTP is a [`Dialect`]: what it can do, the request for a change, the request that reads an account, and what a
//! response shows. [`HttpSystem`] makes a system of it that keeps every promise of the built-in ones; they are made in the same
//! way. The module [`dialect`](crate::dialect) has an example, and `examples/own_system.rs` a whole program.
//!
//! Three of its methods decide how much a call can say. A refusal proves that nothing was changed only if
//! [`conventions`](crate::Dialect::conventions) documents its status code; until then a failed change is of unknown outcome. A
//! change is sent again only if [`repeatable`](crate::Dialect::repeatable) says that it may be. And
//! [`read_first`](crate::Dialect::read_first) is for systems whose requests name more than the change does, or that have side
//! effects.
//!
//! Where HTTP does not fit, [`AccountSystem`] is implemented itself, as `examples/own_ldap.rs` does for a directory: four methods
//! must be there, and the others are derived from them. [`Error::new`](crate::Error::new) and
//! [`Receipt::new`](crate::Receipt::new) make what it returns.
//!
//! # Adding a system to this crate
//!
//! The contract comes first, and everything else follows from it or is held to it: paths and schemas in `openapi/openapi.yaml`,
//! the name in two files, `cargo contract generate`, then one file each in `sdk/src/systems/`, `mock-server/src/systems/` and
//! `cli/src/systems/`. The README of the repository has the steps. A test fails for whatever was forgotten.
//!
//! [`AccountSystem`]: crate::AccountSystem
//! [`Applied::No`]: crate::Applied::No
//! [`Capabilities`]: crate::Capabilities
//! [`CredentialSource`]: crate::CredentialSource
//! [`Error::applied`]: crate::Error::applied
//! [`Dialect`]: crate::Dialect
//! [`ErrorKind::Unsupported`]: crate::ErrorKind::Unsupported
//! [`HttpSystem`]: crate::HttpSystem
//! [`Proof`]: crate::Proof
//! [`Registry`]: crate::Registry
//! [`Registry::outcomes`]: crate::Registry::outcomes
//! [`RetryPolicy`]: crate::RetryPolicy
//! [`status_rules`]: crate::status_rules
