//! JSON with secrets: written piece by piece and moved out when read, because a JSON document in between would leave
//! copies of them in memory.

use std::collections::BTreeMap;

use protocol::Secret;
use serde_json::Value;
use settings::Workload;

/// Writes a text as a JSON string.
pub(crate) fn quote(line: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(line, text).expect("a string always has a JSON form and a vector always has room");
}

/// Writes the service account of a request, if it has one, as a further member of its object.
pub(crate) fn write_workload(line: &mut Vec<u8>, workload: Option<&Workload>) {
    let Some(workload) = workload else { return };
    line.extend_from_slice(b",\"workload\":{\"token\":");
    quote(line, workload.token.expose());
    line.extend_from_slice(b",\"annotations\":");
    serde_json::to_writer(&mut *line, workload.annotations()).expect("texts always have a JSON form");
    line.push(b'}');
}

/// The service account of a request, if it has one. The outer `None` means a malformed one: ignoring it would use the
/// identity of the machine instead.
pub(crate) fn read_workload(request: &mut Value) -> Option<Option<Workload>> {
    if request.get("workload").is_none() {
        return Some(None);
    }
    let token = Secret::new(take_text(&mut request["workload"]["token"])?);
    let annotations: BTreeMap<String, String> =
        serde_json::from_value(request["workload"]["annotations"].take()).ok()?;
    Some(Some(Workload::new(token, annotations)))
}

/// Moves a text out of a JSON document, so that no copy stays in it.
pub(crate) fn take_text(value: &mut Value) -> Option<String> {
    match value.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}
