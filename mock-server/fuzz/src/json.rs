//! JSON bodies that are nearly what an operation wants.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use serde_json::Value;
use user_status_openapi::{Contract, Operation};

/// The parts of which the bodies of an operation are made.
pub struct Words {
    /// The names of the members.
    pub members: Vec<String>,
    /// Values that mean something.
    pub values: Vec<String>,
}

impl Words {
    /// Reads them from the contract, and adds the users and the credentials.
    pub fn of(operation: &Operation) -> Words {
        let contract = Contract::embedded();
        let (mut members, mut values) = (BTreeSet::new(), BTreeSet::new());
        for media_type in operation.request_body.iter().flat_map(|body| &body.content) {
            let schema = contract.resolve(&media_type.schema).unwrap();
            for name in schema["properties"].as_object().unwrap().keys() {
                members.insert(name.clone());
                let member = contract.resolve(&format!("{}/properties/{name}", media_type.schema)).unwrap();
                let known = ["enum", "x-known-values"].iter().filter_map(|key| member.get(key)?.as_array()).flatten();
                values.extend(known.filter_map(Value::as_str).map(str::to_owned));
            }
        }
        values.extend(crate::users().iter().map(|(_, user)| user.clone()));
        values.extend(crate::credentials().iter().map(|credential| credential.value.clone()));
        Words { members: members.into_iter().collect(), values: values.into_iter().collect() }
    }
}

/// The text of an object. Members may be there twice, and numbers of any size.
pub fn object(words: &Words, u: &mut Unstructured<'_>, depth: usize) -> Result<String> {
    let mut members = Vec::new();
    while members.len() < 8 && !u.is_empty() && u.ratio(4, 5)? {
        let name = if u.ratio(7, 8)? { u.choose(&words.members)?.as_str() } else { u.arbitrary::<&str>()? };
        members.push(format!("{}:{}", Value::from(name), value(words, u, depth)?));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn value(words: &Words, u: &mut Unstructured<'_>, depth: usize) -> Result<String> {
    const NUMBERS: [&str; 10] = [
        "0",
        "-0",
        "1.0",
        "1e3",
        "-1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "253402300800000",
        "123456789012345678901234567890",
    ];
    Ok(match u.int_in_range(0..=9)? {
        0 => "null".to_owned(),
        1 | 2 => u.arbitrary::<bool>()?.to_string(),
        3 => u.arbitrary::<i64>()?.to_string(),
        4 => (*u.choose(&NUMBERS)?).to_owned(),
        5 | 6 => Value::from(u.choose(&words.values)?.as_str()).to_string(),
        7 => {
            // Around the longest that a text may be.
            let part = u.arbitrary::<&str>()?;
            Value::from(part.repeat(u.int_in_range(0..=300)?)).to_string()
        }
        8 if depth < 4 && u.arbitrary()? => object(words, u, depth + 1)?,
        8 if depth < 4 => {
            let mut items = Vec::new();
            while items.len() < 4 && !u.is_empty() && u.arbitrary()? {
                items.push(value(words, u, depth + 1)?);
            }
            format!("[{}]", items.join(","))
        }
        _ => Value::from(u.arbitrary::<&str>()?).to_string(),
    })
}
