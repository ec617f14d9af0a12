//! A file of changes is read as it was written, or the line that cannot be is named. No row is lost, merged or guessed.

use std::io::{self, Read};
use std::process::Command;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Map, Value};
use user_status::bulk::{BadRow, Format, Row, csv, ndjson};
use user_status::{Change, StatusChange};

type Rows = Vec<Result<Row, BadRow>>;

fn read(format: Format, source: impl Read) -> Rows {
    match format {
        Format::Csv => csv(source).collect(),
        Format::Ndjson => ndjson(source).collect(),
        other => panic!("no reader for {other}"),
    }
}

/// Returns what was read, as one line per row. A bad row that ends the input ends with `END`.
fn told(rows: &Rows) -> Vec<String> {
    let row = |row: &Row| {
        let mut text = format!("{}: {} {} {}", row.line, row.system, row.user, row.change);
        for (name, value) in [("reason", row.change.reason()), ("comment", row.change.comment())] {
            value.inspect(|value| text += &format!(" {name}={value:?}"));
        }
        row.key.iter().for_each(|key| text += &format!(" key={key:?}"));
        text
    };
    let bad = |bad: &BadRow| format!("{bad}{}", if bad.ends_input { " END" } else { "" });
    rows.iter().map(|read| read.as_ref().map_or_else(bad, row)).collect()
}

#[track_caller]
fn check(format: Format, source: impl AsRef<[u8]>, expected: &[&str]) {
    let source = source.as_ref();
    let rows = read(format, source);
    assert_eq!(told(&rows), expected, "{}", String::from_utf8_lossy(source).chars().take(200).collect::<String>());
    for size in [1, 2, 7] {
        assert_eq!(read(format, Chunks { source, size, interrupt: false }), rows, "in chunks of {size}");
    }
}

/// Gives a few bytes at a time, and is interrupted before each.
struct Chunks<'a> {
    source: &'a [u8],
    size: usize,
    interrupt: bool,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.size.min(buffer.len());
        self.source.read(&mut buffer[..size])
    }
}

#[test]
fn csv_is_read_in_each_form_in_which_it_is_written() {
    let check = |source: &str, expected: &[&str]| check(Format::Csv, source, expected);
    check("system,user,change\npod,42,disable\n", &["2: pod 42 disable"]);
    check("system,user,change", &[]);
    check("system,user,change\npod,42,disable", &["2: pod 42 disable"]);
    check("\u{feff}system,user,change\r\npod,42,disable\r\n", &["2: pod 42 disable"]);
    check("\u{feff}\"system\",\"user\",\"change\"\n\"pod\",\"42\",\"disable\"\n", &["2: pod 42 disable"]);
    check(" Change ,USER,\tsystem\nlock,a,akana\n", &["2: akana a lock"]);
    check("system,user,change,reason,until,comment,key\npod,42,enable,,,,\n", &["2: pod 42 enable"]);
    check("system,user,change,comment\npod,42,enable,\"\"\n", &["2: pod 42 enable"]);
    check("system,user,change,comment\npod,42,enable, as is \n", &["2: pod 42 enable comment=\" as is \""]);
    check("system,user,change,key\npod,é,enable,\"a,\"\"b\"\"\"\n", &["2: pod é enable key=\"a,\\\"b\\\"\""]);
    // The time in another zone, and the smallest writing of it.
    check(
        "system,user,change,reason,until\npod,42,suspend,x,2027-01-01T00:59:59+01:00\npod,42,suspend,,2026-12-31 23:59:59.5z\n",
        &[
            "2: pod 42 suspend until 2026-12-31T23:59:59Z reason=\"x\"",
            "3: pod 42 suspend until 2026-12-31T23:59:59.5Z",
        ],
    );
    // Each row is on the line where it begins.
    check(
        "\n\r\nsystem,user,change,comment\r\n\n \t\npod,1,enable,\"a\r\n\n\"\r\n\r\npod,2,enable,\"b\"\npod,3,enable,\n\n",
        &["6: pod 1 enable comment=\"a\\r\\n\\n\"", "10: pod 2 enable comment=\"b\"", "11: pod 3 enable"],
    );
}

#[test]
fn a_header_that_is_not_right_ends_the_input_and_says_what_would_be() {
    const RULE: &str = "the first line names the columns, which are system, user, change, reason, until, comment, key";
    for (source, problem) in [
        ("", "line 1: there is no header; RULE"),
        ("\n \n", "line 1: there is no header; RULE"),
        ("system,username,change\npod,42,disable\n", "line 1, column username: is not known; RULE"),
        ("system,user,change,reasons\npod,42,suspend,x\n", "line 1, column reasons: is not known; RULE"),
        ("pod,42,disable\npod,43,disable\n", "line 1, column pod: is not known; RULE"),
        ("\nuser,change\n42,disable\n", "line 2, column system: is missing; RULE"),
        ("system,user,user ,change\npod,42,42,disable\n", "line 1, column user: stands twice"),
        ("system,,user,change\npod,,42,disable\n", "line 1: the header has no name for column 2"),
        (",,,\n , ,\n", "line 1: there is no header; RULE"),
        ("a\u{1b}[2J\u{202e},b", r"line 1, column a\u{1b}[2J\u{202e}: is not known; RULE"),
        (&format!("{},b", "é".repeat(100)), &format!("line 1, column {}…: is not known; RULE", "é".repeat(40))),
        (
            "system;user;change\npod;42;disable\n",
            "line 1: the columns are separated by semicolons, and must be separated by commas",
        ),
        (
            "\"system\";\"user\";\"change\"\n",
            "line 1: the columns are separated by semicolons, and must be separated by commas",
        ),
        ("system\tuser\tchange\n", "line 1: the columns are separated by tabs, and must be separated by commas"),
        (
            "system,user,change\rpod,42,disable\r",
            r"line 1: has a carriage return outside quotes, and is `change\rpod`; a line must end with a line feed",
        ),
    ] {
        check(Format::Csv, source, &[&format!("{} END", problem.replace("RULE", RULE))]);
    }
    let utf_16: Vec<u8> = "\u{feff}system\tuser\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(Format::Csv, utf_16, &["line 1: the file is UTF-16, and must be UTF-8 END"]);
    let latin_1 = b"system,us\xe9r,change\npod,42,disable\n";
    check(Format::Csv, latin_1, &[r"line 1: the header is not UTF-8, and has `us\xe9r`; the file must be UTF-8 END"]);
}

#[test]
fn a_bad_row_of_csv_is_named_and_reading_goes_on() {
    const CHANGES: &str = "enable, disable, suspend, unsuspend, lock, unlock, toggle";
    const TIME: &str = "must be a time such as 2026-12-31T23:59:59Z, and is";
    for (row, problem) in [
        ("pod,42", ": has 2 fields, and the header names 7 columns"),
        ("pod", ": has 1 field, and the header names 7 columns"),
        (
            "pod,42,lock,,,Smith, John,",
            ": has 8 fields, and the header names 7 columns; a field with a comma must be in quotes",
        ),
        (",42,lock,,,,", ", column system: must not be empty"),
        ("pod,\"\",lock,,,,", ", column user: must not be empty"),
        ("pod, 42,lock,,,,", ", column user: must not begin or end with white space, and is ` 42`"),
        ("pod,42\u{a0},lock,,,,", r", column user: must not begin or end with white space, and is `42\u{a0}`"),
        ("pod,42,lock ,,,,", ", column change: must not begin or end with white space, and is `lock `"),
        ("pod,42,lock,,,,\"T-1\n\"", r", column key: must not begin or end with white space, and is `T-1\n`"),
        ("pod,42,freeze,,,,", ", column change: must be one of CHANGES, and is `freeze`"),
        ("pod,42,DISABLE,,,,", ", column change: must be in lower case, `disable`, and is `DISABLE`"),
        ("pod,42,suspend,,tomorrow,,", ", column until: TIME `tomorrow`"),
        ("pod,42,suspend,,2026-12-31,,", ", column until: TIME `2026-12-31`"),
        ("pod,42,suspend,,2026-12-31T23:59:59,,", ", column until: TIME `2026-12-31T23:59:59`"),
        ("pod,42,suspend,,2026-02-30T23:59:59Z,,", ", column until: TIME `2026-02-30T23:59:59Z`"),
        ("pod,42,suspend,,1798761599000,,", ", column until: TIME `1798761599000`"),
        // Which of the two would count?
        (
            "pod,42,suspend,,2026-12-31T23:59:59Z[Asia/Tokyo],,",
            ", column until: TIME `2026-12-31T23:59:59Z[Asia/Tokyo]`",
        ),
        ("pod,42,lock,left,,,", ", column reason: belongs to suspend, and not to lock; it is `left`"),
        ("pod,42,lock,\u{200b},,,", r", column reason: belongs to suspend, and not to lock; it is `\u{200b}`"),
        ("pod,4\u{ad}2,lock\u{2060},,,,", r", column change: must be one of CHANGES, and is `lock\u{2060}`"),
        (
            "pod,42,unsuspend,,2026-12-31T23:59:59Z,,",
            ", column until: belongs to suspend, and not to unsuspend; it is `2026-12-31T23:59:59Z`",
        ),
        (
            &format!("pod,42,suspend,{},,,", "é".repeat(501)),
            &format!(", column reason: must have 1 to 500 characters, and has 501; it is `{}…`", "é".repeat(40)),
        ),
        (
            &format!("pod,42,lock,,,{},", "é".repeat(2001)),
            &format!(", column comment: must have 1 to 2000 characters, and has 2001; it is `{}…`", "é".repeat(40)),
        ),
        (
            "pod,42,lock,,,,a\rpod,43,lock,,,,b",
            r", column key: has a carriage return outside quotes, and is `a\rpod`; a line must end with a line feed",
        ),
    ] {
        let source = format!("system,user,change,reason,until,comment,key\n{row}\npod,1,enable,,,,\n");
        let next = format!("{}: pod 1 enable", source.lines().count());
        let problem = problem.replace("CHANGES", CHANGES).replace("TIME", TIME);
        check(Format::Csv, source, &[&format!("line 2{problem}"), &next]);
    }
    check(
        Format::Csv,
        b"system,user,change\npod,M\xfcller,lock\npod,1,enable\n",
        &[r"line 2, column user: is not UTF-8, and is `M\xfcller`; the file must be UTF-8", "3: pod 1 enable"],
    );
}

/// What spreadsheets leave behind: columns that once had something in them, and rows.
#[test]
fn what_a_spreadsheet_leaves_behind_is_passed_over_if_nothing_is_in_it() {
    let check = |source: &str, expected: &[&str]| check(Format::Csv, source, expected);
    check(
        ",,,,\r\nsystem,user,change,,\r\npod,42,disable,,\r\n,,,,\r\n\"\",\"\",,,\r\npod,43,disable,\r\npod,44,disable\r\n , ,\r\n",
        &["3: pod 42 disable", "6: pod 43 disable", "7: pod 44 disable"],
    );
    check(
        "system,user,change, ,\npod,42,disable,,x\npod,43,disable,\u{200b},\npod,44,disable,,,\npod,45,disable,,\n",
        &[
            "line 2, column 5: has no name in the header, and is `x`; name it, or leave it empty",
            r"line 3, column 4: has no name in the header, and is `\u{200b}`; name it, or leave it empty",
            "line 4: has 6 fields, and the header names 3 columns; a field with a comma must be in quotes",
            "5: pod 45 disable",
        ],
    );
    let mut rows = csv("system,user,change\n,,\npod,42,disable\n,,\n".as_bytes());
    assert_eq!((rows.by_ref().count(), rows.blank_rows()), (1, 2));
}

/// What others read in one way or another, and what would take the rest of a large file for one field.
#[test]
fn a_quote_out_of_place_ends_the_input() {
    let long = "x".repeat(70_000);
    let lines = "pod,42,disable,x\n".repeat(70_000 / 17);
    let within = "2, column user: has a quote in it; the field must be in quotes, and the quote doubled; it begins with `BEGUN`, and nothing after it can be read";
    let after = "2, column comment: goes on after its closing quote; a quote in a field must be doubled; it begins with `BEGUN`, and nothing after it can be read";
    for (rows, problem) in [
        ("pod,4\"2,lock,\n", &*within.replace("BEGUN", "4")),
        ("pod, \"42\",lock,\n", &*within.replace("BEGUN", " ")),
        ("pod,42,lock,\"a\" b\n", &*after.replace("BEGUN", "a")),
        ("pod,42,lock,\"a\n\"b\n", &*after.replace("BEGUN", r"a\n")),
        (
            "\npod,42,\"lock,\npod,1,enable,\n",
            "3, column change: a quoted field that begins on line 3 is not closed before the end of the file",
        ),
        (
            "pod,\"\n\",lock,\"",
            "2, column comment: a quoted field that begins on line 3 is not closed before the end of the file",
        ),
        (
            &format!("pod,42,lock,\"\n{lines}"),
            "2, column comment: a quoted field that begins on line 2 is not closed within 64 KiB",
        ),
        (
            &format!("pod,42,lock,\"{long}\"\n"),
            "2, column comment: a quoted field that begins on line 2 is not closed within 64 KiB",
        ),
        (
            &format!("pod,42,lock,\"{}", "\n".repeat(70_000)),
            "2, column comment: a quoted field that begins on line 2 is not closed within 64 KiB",
        ),
        (&format!("pod,42,lock,{long}\n"), "2: is longer than 64 KiB"),
    ] {
        // What comes after is either within the field, or nobody can say.
        let after_it = if problem.ends_with("end of the file") { "" } else { "pod,1,enable,\n" };
        check(Format::Csv, format!("system,user,change,comment\n{rows}{after_it}"), &[&format!("line {problem} END")]);
    }
}

#[test]
fn ndjson_is_read_in_each_form_in_which_it_is_written() {
    let check = |source: &str, expected: &[&str]| check(Format::Ndjson, source, expected);
    check("", &[]);
    check(r#"{"system":"pod","user":"42","change":"disable"}"#, &["1: pod 42 disable"]);
    check("\u{feff}{\"change\":\"lock\",\"user\":\"a\",\"system\":\"akana\"}\r\n", &["1: akana a lock"]);
    check(
        "\n\r\n { \"system\" : \"pod\" , \"user\" : 42 , \"change\" : \"enable\" , \"key\" : null } \n \t\n{\"system\":\"pod\",\"user\":18446744073709551615,\"change\":\"enable\"}\n",
        &["3: pod 42 enable", "5: pod 18446744073709551615 enable"],
    );
    check(
        r#"{"system":"pod","user":"\u00e9","change":"suspend","reason":" a\n\"b\" ","until":"2026-12-31T23:59:59Z","comment":"c","key":"d"}"#,
        &[r#"1: pod é suspend until 2026-12-31T23:59:59Z reason=" a\n\"b\" " comment="c" key="d""#],
    );
}

#[test]
fn a_bad_row_of_ndjson_is_named_and_reading_goes_on() {
    const MEMBERS: &str = "the members are system, user, change, reason, until, comment, key";
    const OBJECT: &str = r#"must be an object such as {"system":"pod","user":"42","change":"disable"}"#;
    for (line, problem) in [
        (r#"{"system":"pod","user":"42"}"#, ", column change: is missing"),
        (r#"{"system":null,"user":"42","change":"lock"}"#, ", column system: must be a string, and is null"),
        (
            r#"{"system":"pod","user":null,"change":"lock"}"#,
            ", column user: must be a string or a whole number, and is null",
        ),
        (r#"{"system":"pod","user":"","change":"lock"}"#, ", column user: must not be empty"),
        (r#"{"system":"pod","user":"42","change":"lock","key":""}"#, ", column key: must not be empty"),
        (r#"{"system":7,"user":"42","change":"lock"}"#, ", column system: must be a string, and is a number, `7`"),
        (
            r#"{"system":"pod","user":42.0,"change":"lock"}"#,
            ", column user: must be a string or a whole number below 2^64, and is 42.0",
        ),
        (
            r#"{"system":"pod","user":1e3,"change":"lock"}"#,
            ", column user: must be a string or a whole number below 2^64, and is 1000.0",
        ),
        (
            r#"{"system":"pod","user":true,"change":"lock"}"#,
            ", column user: must be a string or a whole number, and is true",
        ),
        (
            r#"{"system":"pod","user":"42","change":["lock"]}"#,
            r#", column change: must be a string, and is an array, `["lock"]`"#,
        ),
        (
            r#"{"system":"pod","user":"42","change":"lock","key":{}}"#,
            ", column key: must be a string, and is an object, `{}`",
        ),
        (
            r#"{"system":"pod","user":"42 ","change":"lock"}"#,
            ", column user: must not begin or end with white space, and is `42 `",
        ),
        (
            r#"{"system":"pod","user":"42","change":"Lock"}"#,
            ", column change: must be in lower case, `lock`, and is `Lock`",
        ),
        (
            r#"{"system":"pod","user":"42","change":"lock","until":"2026-12-31T23:59:59Z"}"#,
            ", column until: belongs to suspend, and not to lock; it is `2026-12-31T23:59:59Z`",
        ),
        (
            r#"{"system":"pod","user":"42","change":"suspend","until":"2026-12-31"}"#,
            ", column until: must be a time such as 2026-12-31T23:59:59Z, and is `2026-12-31`",
        ),
        (r#"{"system":"pod","user":"42","change":"lock","reasons":"x"}"#, ", column reasons: is not known; MEMBERS"),
        (r#"{"system":"pod","user":"42","change":"lock","User":"x"}"#, ", column User: is not known; MEMBERS"),
        (r#"{"system":"pod","user":"42","user":"43","change":"lock"}"#, ", column user: stands twice"),
        (r#"{"system":"pod","user":"42","change":"lock","key":null,"key":"x"}"#, ", column key: stands twice"),
        (r#"{"system":"é","user":42,}"#, ": is not JSON at character 25: trailing comma"),
        (
            r#"{"system":"pod","user":"42","change":"lock""#,
            ": is not JSON at character 43: EOF while parsing an object",
        ),
        (r#"{"system":"pod","user":"42","change":"lock"}{}"#, ": is not JSON at character 45: trailing characters"),
        (
            "{\"system\":\"pod\",\"user\":\"42\",\"change\":\"lock\"}\r{}",
            ": is not JSON at character 46: trailing characters",
        ),
        ("pod,42,disable", ": is not JSON at character 1: expected value"),
        ("[", ": OBJECT"),
        ("42", ": OBJECT"),
        (&"[".repeat(60_000), ": OBJECT"),
        (&format!(r#"{{"system":{}"#, "[".repeat(60_000)), ": is not JSON at character 137: recursion limit exceeded"),
        (&"x".repeat(65_537), ": is longer than 64 KiB"),
        (&"{}".repeat(100_000), ": is longer than 64 KiB"),
    ] {
        let good = r#"{"system":"pod","user":1,"change":"enable"}"#;
        let problem = problem.replace("MEMBERS", MEMBERS).replace("OBJECT", OBJECT);
        let bad = format!("line 2{problem}");
        for end in ["\n", "\r\n"] {
            let source = [good, line, good].join(end);
            check(Format::Ndjson, source, &["1: pod 1 enable", &bad, "3: pod 1 enable"]);
        }
    }
    check(
        Format::Ndjson,
        b"{\"system\":\"M\xfcller\"}\n",
        &["line 1: is not UTF-8 from byte 13 on; the file must be UTF-8"],
    );
}

#[test]
fn a_record_may_have_64_kib_and_no_byte_more() {
    for (size, fits) in [(65_536, true), (65_537, false)] {
        for (before, end) in [("", ""), ("", "\n"), ("", "\r\n"), ("\u{feff}", "\r\n")] {
            let line = format!(r#"{{"system":"pod","user":"{}","change":"lock"}}"#, "x".repeat(size - 42));
            assert_eq!(line.len(), size);
            let rows = read(Format::Ndjson, format!("{before}{line}{end}").as_bytes());
            assert_eq!((rows.len(), rows[0].is_ok()), (1, fits), "{size} {end:?}");

            let line = format!("pod,\"{}\",lock", "x".repeat(size - 11));
            assert_eq!(line.len(), size);
            let rows = read(Format::Csv, format!("{before}system,user,change\n{line}{end}").as_bytes());
            assert_eq!((rows.len(), rows[0].is_ok()), (1, fits), "{size} {end:?}");
        }
    }
}

/// Gives what it has, and then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            size => Ok(size),
        }
    }
}

#[test]
fn a_source_that_fails_ends_the_input_and_half_a_row_is_none() {
    let gone = |line: u64| format!("line {line}: cannot be read: the disk is gone END");
    let told = |format, source: &str| told(&read(format, Failing(source.as_bytes())));
    assert_eq!(told(Format::Csv, ""), [gone(1)]);
    assert_eq!(told(Format::Csv, "system;user"), [gone(1)]);
    // With the rest of the line, it is perhaps user 421.
    assert_eq!(told(Format::Csv, "change,system,user\nlock,pod,1\nlock,pod,42"), ["2: pod 1 lock".to_owned(), gone(3)]);
    assert_eq!(told(Format::Csv, "system,user,change\npod,\"42\n"), [gone(3)]);
    let row = r#"{"system":"pod","user":1,"change":"lock"}"#;
    assert_eq!(told(Format::Ndjson, &format!("{row}\n{row}")), ["1: pod 1 lock".to_owned(), gone(2)]);
    let long = format!("{}\n{row}", "x".repeat(100_000));
    assert_eq!(told(Format::Ndjson, &long), ["line 1: is longer than 64 KiB".to_owned(), gone(2)]);
    assert_eq!(told(Format::Ndjson, &long[..90_000]), ["line 1: is longer than 64 KiB".to_owned(), gone(1)]);
}

/// The columns of a row as a program would write them; what is not there is `None`.
type Written = Vec<(&'static str, Option<String>)>;

prop_compose! {
    /// A row that can be carried out, and how it is written.
    fn rows()(
        system in "[a-z\",\u{e9}-]{1,8}",
        user in "[0-9A-Za-z\",;@\u{1F600}](.{0,20}[^\\s])?",
        change in proptest::sample::select(&Change::ALL[..]),
        reason in of("(?s).{1,40}"),
        until in of(-60_000_000_000i64..200_000_000_000),
        comment in of("[ \r\n\",x\u{feff}]{1,9}"),
        key in of("[^\\s]{1,9}"),
    ) -> (Row, Written) {
        let until = until.map(|seconds| jiff::Timestamp::from_second(seconds).unwrap());
        let suspends = change == Change::Suspend;
        let (reason, until) = (reason.filter(|_| suspends), until.filter(|_| suspends));
        let written: Written = vec![
            ("system", Some(system.clone())),
            ("user", Some(user.clone())),
            ("change", Some(change.to_string())),
            ("reason", reason),
            ("until", until.map(|until| until.to_string())),
            ("comment", comment),
            ("key", key.clone()),
        ];
        // Its own reading of a change is another than that of the readers.
        let members = written.iter().filter(|(name, _)| !["system", "user", "key"].contains(name));
        let members: Map<String, Value> =
            members.filter_map(|(name, value)| Some(((*name).to_owned(), Value::from(value.clone()?)))).collect();
        let change: StatusChange = serde_json::from_value(members.into()).unwrap();
        let mut row = Row::new(system, user, change);
        row.key = key;
        (row, written)
    }
}

/// Writes a record as the `csv` crate does.
fn record<'a>(fields: impl Iterator<Item = &'a str>, ends: csv::Terminator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(ends).from_writer(Vec::new());
    writer.write_record(fields).unwrap();
    writer.into_inner().unwrap()
}

/// The file, and on which line each row begins.
fn file(format: Format, rows: &[(Row, Written)], order: &[usize], crlf: bool, blank: bool) -> (Vec<u8>, Vec<u64>) {
    let ends = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut file = Vec::new();
    if format == Format::Csv {
        file = record(order.iter().map(|at| rows[0].1[*at].0), ends);
    }
    let mut lines = Vec::new();
    for (_, written) in rows {
        if blank {
            file.extend_from_slice(if crlf { b" \r\n" } else { b"\n" });
        }
        lines.push(1 + file.iter().filter(|byte| **byte == b'\n').count() as u64);
        let columns = order.iter().map(|at| &written[*at]);
        if format == Format::Csv {
            file.extend(record(columns.map(|(_, value)| value.as_deref().unwrap_or_default()), ends));
        } else {
            let members: Map<String, Value> =
                columns.map(|(name, value)| ((*name).to_owned(), Value::from(value.clone()))).collect();
            file.extend(serde_json::to_vec(&members).unwrap());
            file.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
        }
    }
    (file, lines)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_others_write_is_read_back_equal(
        rows in vec(rows(), 1..6), order in Just(vec![0, 1, 2, 3, 4, 5, 6]).prop_shuffle(),
        crlf in any::<bool>(), blank in any::<bool>(), size in 1usize..40
    ) {
        for format in [Format::Csv, Format::Ndjson] {
            let (file, lines) = file(format, &rows, &order, crlf, blank);
            let expected = rows.iter().zip(lines).map(|((row, _), line)| {
                let mut row = row.clone();
                row.line = line;
                Ok(row)
            });
            let read = read(format, Chunks { source: &file, size, interrupt: false });
            prop_assert_eq!(read, expected.collect::<Rows>(), "{}", String::from_utf8_lossy(&file));
        }
    }

    /// Whatever the bytes are: nothing panics, no line is lost, and it does not matter how they arrive.
    #[test]
    fn any_bytes_are_rows_or_named(
        bytes in prop_oneof![vec(any::<u8>(), 0..300), soup().prop_map(String::into_bytes)], size in 1usize..40
    ) {
        let with_header = [b"system,user,change\n", bytes.as_slice()].concat();
        for (format, source) in [(Format::Ndjson, &bytes), (Format::Csv, &bytes), (Format::Csv, &with_header)] {
            let rows = read(format, source.as_slice());
            prop_assert_eq!(&rows, &read(format, Chunks { source, size, interrupt: false }));
            let line = |read: &Result<Row, BadRow>| read.as_ref().map_or_else(|bad| bad.line, |row| row.line);
            let lines: Vec<u64> = rows.iter().map(line).collect();
            let ends = rows.iter().position(|read| read.as_ref().is_err_and(|bad| bad.ends_input));
            prop_assert!(ends.is_none_or(|at| at + 1 == rows.len()), "nothing comes after the end");
            for bad in rows.iter().filter_map(|read| read.as_ref().err()) {
                let text = bad.to_string();
                prop_assert!(text.len() < 500 && !text.contains(char::is_control), "{}", text);
            }
            // Where no quotes are, a line is a record.
            if format == Format::Csv && (source.contains(&b'"') || source != &with_header) || ends.is_some() {
                continue;
            }
            let header = u64::from(format == Format::Csv);
            let text = source.strip_prefix("\u{feff}".as_bytes()).unwrap_or(source);
            let filled = text.split_inclusive(|byte| *byte == b'\n').zip(1..).filter(|(line, number)| {
                let line = line.strip_suffix(b"\n").map_or(*line, |line| line.strip_suffix(b"\r").unwrap_or(line));
                let nothing: &[u8] = if format == Format::Csv { b" \t," } else { b" \t" };
                *number > header && !line.iter().all(|byte| nothing.contains(byte))
            });
            prop_assert_eq!(lines, filled.map(|(_, number)| number).collect::<Vec<u64>>());
        }
    }

    /// The reader of the `csv` crate takes anything for a row. What is a row here is the same row there.
    #[test]
    fn a_file_without_bad_rows_has_no_other_reading(soup in soup()) {
        let source = format!("system,user,change\npod,1,lock\n{soup}");
        let rows = read(Format::Csv, source.as_bytes());
        if let Ok(rows) = rows.into_iter().collect::<Result<Vec<Row>, BadRow>>() {
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source.as_bytes());
            let others: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            // What has nothing in any field is no row here.
            let others: Vec<_> = others.into_iter().filter(|other| other.iter().any(|field| !field.is_empty())).collect();
            prop_assert_eq!(rows.len(), others.len());
            for (row, other) in rows.iter().zip(&others) {
                let change = row.change.change().as_str();
                prop_assert_eq!(vec![&*row.system, &*row.user, change], other.iter().collect::<Vec<_>>());
            }
        }
    }
}

/// Pieces of rows, as a broken program would join them.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "pod,42,lock\n",
        "pod,43,lock\r\n",
        "pod,\"4\n4\",lock\n",
        "\"pod\",\"4\"\"5\",lock",
        "\n",
        "\r\n",
        "\r",
        "\"",
        ",",
        "x",
        r#"{"system":"pod","user":1,"change":"lock"}"#,
        "{",
        "}",
        "null",
        ":",
        "\u{feff}",
        "é",
        "[",
        "\\",
    ];
    let likely = prop_oneof![4 => 0usize..6, 1 => 0..pieces.len()];
    vec(likely, 0..12).prop_map(move |picked| picked.into_iter().map(|at| pieces[at]).collect())
}

/// The most memory that this process ever had, in KiB, where the system tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

#[test]
fn memory_does_not_grow_with_the_input() {
    const NAME: &str = "bulk::input::memory_does_not_grow_with_the_input";
    const ALONE: &str = "USER_STATUS_TEST_ALONE";
    const MIB: u64 = 1024 * 1024;
    if std::env::var_os(ALONE).is_none() {
        // Once more in a process of its own, where no other test needs memory.
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", NAME]).env(ALONE, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let Some(before) = peak() else { return };
    let comment = "c".repeat(2000);
    for (format, header, row) in [
        (Format::Csv, "system,user,change,comment\n", format!("pod,42,lock,\"{comment}\"\n")),
        (
            Format::Ndjson,
            "",
            format!("{{\"system\":\"pod\",\"user\":42,\"change\":\"lock\",\"comment\":\"{comment}\"}}\n"),
        ),
    ] {
        let rows = 32 * MIB / row.len() as u64;
        let source = header.as_bytes().chain(Repeated { text: row.as_bytes(), at: 0 }.take(rows * row.len() as u64));
        let read: u64 = match format {
            Format::Csv => csv(source).map(|row| u64::from(row.is_ok())).sum(),
            _ => ndjson(source).map(|row| u64::from(row.is_ok())).sum(),
        };
        assert_eq!(read, rows);
    }
    // A line of 256 MiB, and a quote that is never closed: its source has no end.
    let line = io::repeat(b'x').take(256 * MIB).chain(b"\n{".as_slice());
    let expected = ["line 1: is longer than 64 KiB", "line 2: is not JSON at character 1: EOF while parsing an object"];
    assert_eq!(told(&read(Format::Ndjson, line)), expected);
    let rows = read(Format::Csv, b"system,user,change\npod,\"".chain(io::repeat(b'\n')));
    let expected = "line 2, column user: a quoted field that begins on line 2 is not closed within 64 KiB END";
    assert_eq!(told(&rows), [expected]);
    let grown = peak().unwrap().saturating_sub(before) / 1024;
    assert!(grown < 16, "{grown} MiB more");
}

/// A text again and again.
struct Repeated<'a> {
    text: &'a [u8],
    at: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = (&self.text[self.at..]).read(buffer)?;
        self.at = (self.at + size) % self.text.len();
        Ok(size)
    }
}

#[test]
fn a_format_has_its_words_and_extensions() {
    for (name, format) in [
        ("csv", Some(Format::Csv)),
        ("ndjson", Some(Format::Ndjson)),
        ("jsonl", Some(Format::Ndjson)),
        ("json", None),
        ("", None),
    ] {
        assert_eq!(name.parse().ok(), format, "{name}");
        for path in [format!("a.b/leavers.{name}"), format!("x.csv.{}", name.to_uppercase())] {
            assert_eq!(Format::of_path(path.as_ref()), format, "{path}");
        }
    }
    for (path, what) in [("csv", "no extension"), (".csv", "a hidden file"), ("a.csv/b", "an extension of a folder")] {
        assert_eq!(Format::of_path(path.as_ref()), None, "{what}");
    }
    for format in [Format::Csv, Format::Ndjson] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "x\n".repeat(100).parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, format!("unknown format `{}…`; known are csv, ndjson, jsonl", r"x\n".repeat(20)));
}
