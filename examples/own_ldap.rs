//! A system that is not spoken to over HTTP: an LDAP directory, whose accounts are locked by the password policy of OpenLDAP.
//! It implements `AccountSystem` itself. The example starts a directory (`slapd`, which must be installed), and ends it.
//!
//! `cargo run -p user-status-examples --features ldap --example own_ldap`

use std::collections::HashSet;
use std::error::Error as StdError;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapError, LdapResult, Mod, Scope, SearchEntry, dn_escape};
use user_status::{
    AccountStatus, AccountSystem, Applied, BoxFuture, CallOptions, Capabilities, Change, Error, ErrorKind, Proof,
    Receipt, Registry, Result, Secret, StatusChange, SystemKind,
};

const DIRECTORY: SystemKind = SystemKind::custom("openldap");

/// The attribute that locks an account, and its value for "until somebody unlocks it" (draft-behera-ldap-password-policy).
const LOCKED: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str = "000001010000Z";

/// A directory. A connection is opened for each call, and an administrator signed in.
#[derive(Debug)]
struct Directory {
    url: String,
    administrator: String,
    password: Secret,
    people: String,
}

impl Directory {
    async fn connect(&self) -> Result<Ldap> {
        let (connection, mut ldap) = LdapConnAsync::new(&self.url).await.map_err(|error| not_sent(&error))?;
        ldap3::drive!(connection);
        let bound = ldap.simple_bind(&self.administrator, self.password.expose()).await;
        refused(&bound.map_err(|error| not_sent(&error))?)?;
        Ok(ldap)
    }

    /// Where the account is. The id is escaped, so that it cannot lead to another entry.
    fn entry(&self, user: &str) -> String {
        format!("uid={},{}", dn_escape(user), self.people)
    }

    async fn change(&self, user: &str, change: &StatusChange) -> Result<Receipt> {
        self.check(user, change)?;
        let values = if change.change() == Change::Lock { HashSet::from([FOR_GOOD]) } else { HashSet::new() };
        let mut ldap = self.connect().await?;
        match ldap.modify(&self.entry(user), vec![Mod::Replace(LOCKED, values)]).await {
            // A result code says whether the entry was changed: all of it, or nothing (RFC 4511, section 4.6).
            Ok(result) => refused(&result).map(|()| Receipt::new(DIRECTORY, user, change.clone(), Proof::Accepted)),
            // The request may have left.
            Err(error) => Err(Error::new(ErrorKind::OutcomeUnknown, DIRECTORY, error.to_string()).with_attempts(1)),
        }
    }

    async fn read(&self, user: &str) -> Result<AccountStatus> {
        let mut ldap = self.connect().await?;
        let found = ldap.search(&self.entry(user), Scope::Base, "(objectClass=*)", vec![LOCKED]).await;
        let lost = |error: LdapError| Error::new(ErrorKind::OutcomeUnknown, DIRECTORY, error.to_string());
        let found = found.map_err(|error| lost(error).with_applied(Applied::No))?;
        refused(&found.1)?;
        let entry = found.0.into_iter().next().map(SearchEntry::construct);
        let locked = entry.map(|entry| entry.attrs.contains_key(LOCKED));
        Ok(AccountStatus { locked, ..AccountStatus::default() })
    }
}

fn not_sent(error: &LdapError) -> Error {
    Error::new(ErrorKind::NotSent, DIRECTORY, error.to_string())
}

/// Returns what a result code says. Every code but 0 says that nothing was changed.
fn refused(result: &LdapResult) -> Result<()> {
    let kind = match result.rc {
        0 => return Ok(()),
        32 => ErrorKind::NotFound,
        49 => ErrorKind::Credentials,
        50 => ErrorKind::Forbidden,
        _ => ErrorKind::Rejected,
    };
    Err(Error::new(kind, DIRECTORY, result.to_string()).with_attempts(1))
}

/// Ends a call in time. What a change had sent by then, nobody knows.
async fn in_time<T>(options: CallOptions, call: impl Future<Output = Result<T>>) -> Result<T> {
    let longest = options.total_timeout().unwrap_or(Duration::from_secs(30));
    let late = || Error::new(ErrorKind::OutcomeUnknown, DIRECTORY, format!("no response within {longest:?}"));
    tokio::time::timeout(longest, call).await.unwrap_or_else(|_| Err(late()))
}

/// These are all that is needed: dry runs, verifying and what is refused beforehand follow from them.
impl AccountSystem for Directory {
    fn kind(&self) -> SystemKind {
        DIRECTORY
    }

    fn base_url(&self) -> &str {
        &self.url
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Lock, Change::Unlock]).with_reads(true)
    }

    fn repeatable(&self, _: &StatusChange) -> bool {
        true // the attribute is set or removed, whatever it was
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(in_time(options, self.change(user, change)))
    }

    fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        Box::pin(in_time(options, self.read(user)))
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let (url, _server) = start_slapd(folder.path()).await?;
    let directory = Directory {
        url: url.clone(),
        administrator: "cn=admin,dc=acme,dc=example".to_owned(),
        password: "admin-password".into(),
        people: "ou=people,dc=acme,dc=example".to_owned(),
    };
    let registry = Registry::default().with("directory", directory);
    for change in [StatusChange::lock(), StatusChange::unlock(), StatusChange::disable()] {
        for outcome in registry.apply_everywhere([("directory", "jane"), ("directory", "jo,hn")], &change).await {
            match outcome.result {
                Some(Ok(receipt)) => println!("{} {change}: {} ({})", outcome.user, receipt.proof, receipt.status),
                Some(Err(error)) => println!("{} {change}: {error}", outcome.user),
                None => unreachable!("the registry has a directory"),
            }
        }
        // The directory itself is the judge: can Jane sign in?
        let (connection, mut ldap) = LdapConnAsync::new(&url).await?;
        ldap3::drive!(connection);
        let result = ldap.simple_bind("uid=jane,ou=people,dc=acme,dc=example", "jane-password").await?;
        println!("jane {}", if result.rc == 0 { "can sign in" } else { "cannot sign in" });
    }
    Ok(())
}

/// A directory that ends with the example, however that ends.
struct Slapd(Child);

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts an OpenLDAP directory with a password policy and one person.
async fn start_slapd(folder: &Path) -> std::result::Result<(String, Slapd), Box<dyn StdError>> {
    const SETTINGS: &str = "
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
database mdb
suffix dc=acme,dc=example
rootdn cn=admin,dc=acme,dc=example
rootpw admin-password
directory FOLDER
overlay ppolicy
ppolicy_default cn=policy,dc=acme,dc=example
";
    const ENTRIES: &str = "
dn: dc=acme,dc=example
objectClass: domain
dc: acme

dn: ou=people,dc=acme,dc=example
objectClass: organizationalUnit
ou: people

dn: cn=policy,dc=acme,dc=example
objectClass: device
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE

dn: uid=jane,ou=people,dc=acme,dc=example
objectClass: inetOrgPerson
uid: jane
cn: Jane
sn: Doe
userPassword: jane-password
";
    let (settings, entries) = (folder.join("slapd.conf"), folder.join("entries.ldif"));
    std::fs::write(&settings, SETTINGS.replace("FOLDER", &folder.to_string_lossy()))?;
    std::fs::write(&entries, ENTRIES)?;
    let filled = Command::new("slapadd").arg("-f").arg(&settings).arg("-l").arg(&entries).status();
    let filled = filled.map_err(|error| format!("`slapadd` cannot be run; is slapd installed? {error}"))?;
    if !filled.success() {
        return Err(format!("slapadd: {filled}").into());
    }
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let url = format!("ldap://127.0.0.1:{port}");
    let server = Command::new("slapd").arg("-f").arg(&settings).args(["-h", &url, "-d", "0"]).spawn()?;
    let mut server = Slapd(server);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        if let Some(ended) = server.0.try_wait()? {
            return Err(format!("slapd: {ended}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((url, server))
}
