use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use protocol::{Failure, Secret, ServerUrl};
use serde_json::Value;
use settings::Workload;

use crate::apart::wire::quote;

/// What is asked for an image by a client that is not of Docker's family, and so can say more than the
/// name of a server.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its registry: whose stored login counts.
    pub registry: ServerUrl,
    /// The image's name in it, without a tag.
    pub repository: Option<String>,
    /// The service account of the pod that it is for.
    pub workload: Option<Workload>,
    /// Whether who asks goes on without credentials, and looks elsewhere for them: then it is no error
    /// that nobody is signed in.
    pub goes_on: bool,
}

/// What a [`Question`] is answered with.
#[derive(Clone, Debug)]
pub struct Provided {
    /// The user's name.
    pub username: String,
    /// The password or token.
    pub secret: Secret,
    /// When it ends, where that is known.
    pub expires: Option<SystemTime>,
    /// Whether it is for this image, and others of the registry may need another one.
    pub partial: bool,
}

impl Question {
    /// The image by its registry and its name; `None` if only a registry was named.
    pub(crate) fn image(&self) -> Option<ServerUrl> {
        let repository = self.repository.as_ref()?;
        ServerUrl::parse(&format!("{}/{repository}", self.registry.authority())).ok()
    }

    /// As it goes over a pipe, with the token of the service account in it.
    pub fn to_json(&self) -> Secret {
        let mut line = b"{\"registry\":".to_vec();
        quote(&mut line, self.registry.asked());
        if let Some(repository) = &self.repository {
            line.extend_from_slice(b",\"repository\":");
            quote(&mut line, repository);
        }
        line.extend_from_slice(format!(",\"goes_on\":{}", self.goes_on).as_bytes());
        write_workload(&mut line, self.workload.as_ref());
        line.push(b'}');
        Secret::new(String::from_utf8(line).expect("what is made of texts is text"))
    }

    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::explain("the question is not one of credmint's");
        let mut question: Value = serde_json::from_str(text).map_err(|_| wrong())?;
        let registry = question["registry"].as_str().and_then(|text| ServerUrl::parse(text).ok());
        Ok(Question {
            registry: registry.ok_or_else(wrong)?,
            repository: question["repository"].as_str().map(str::to_owned),
            workload: read_workload(&mut question).ok_or_else(wrong)?,
            goes_on: question["goes_on"] == true,
        })
    }
}

impl Provided {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(16 << 10);
        line.extend_from_slice(b"{\"username\":");
        quote(&mut line, &self.username);
        line.extend_from_slice(b",\"secret\":");
        quote(&mut line, self.secret.expose());
        let since = self.expires.map(|end| end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        let expires = since.map_or_else(|| "null".to_owned(), |since| since.as_secs().to_string());
        line.extend_from_slice(format!(",\"expires\":{expires},\"partial\":{}}}\n", self.partial).as_bytes());
        line
    }

    /// Reads what a helper answers.
    pub fn read(text: &str) -> Option<Self> {
        let mut answer: Value = serde_json::from_str(text).ok()?;
        Some(Provided {
            username: answer["username"].as_str()?.to_owned(),
            secret: Secret::new(taken(&mut answer["secret"])?),
            expires: match answer["expires"].as_u64() {
                Some(seconds) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
                None => None,
            },
            partial: answer["partial"].as_bool()?,
        })
    }
}

/// Piece by piece, as a document in between would leave copies of the token behind.
pub(crate) fn write_workload(line: &mut Vec<u8>, workload: Option<&Workload>) {
    let Some(workload) = workload else { return };
    line.extend_from_slice(b",\"workload\":{\"token\":");
    quote(line, workload.token.expose());
    line.extend_from_slice(b",\"annotations\":");
    serde_json::to_writer(&mut *line, workload.annotations()).expect("texts always have a JSON form");
    line.push(b'}');
}

/// The service account in a question, if there is one. `None` if it cannot be understood: without it the
/// machine would sign in, and that is somebody else.
pub(crate) fn read_workload(question: &mut Value) -> Option<Option<Workload>> {
    if question.get("workload").is_none() {
        return Some(None);
    }
    let token = Secret::new(taken(&mut question["workload"]["token"])?);
    let annotations: BTreeMap<String, String> =
        serde_json::from_value(question["workload"]["annotations"].take()).ok()?;
    Some(Some(Workload::new(token, annotations)))
}

/// A text moved out of a document, so that it leaves no copy in it.
fn taken(value: &mut Value) -> Option<String> {
    match value.take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_comes_through_whole() {
        let annotations = [("eks.amazonaws.com/role-arn".to_owned(), "arn:\"x\"".to_owned())];
        let question = Question {
            registry: ServerUrl::parse("r.example:5000").unwrap(),
            repository: Some("team/app".into()),
            workload: Some(Workload::new(Secret::new("a.b.c\"".into()), annotations.into())),
            goes_on: true,
        };
        let read = Question::read(question.to_json().expose()).unwrap();
        assert_eq!(read.image().unwrap().key(), "r.example:5000/team/app");
        let workload = read.workload.unwrap();
        assert_eq!((workload.token.expose(), workload.aws_role()), ("a.b.c\"", Some("arn:\"x\"")));
        assert!(read.goes_on);
        let plain = Question { repository: None, workload: None, goes_on: false, ..question };
        let read = Question::read(plain.to_json().expose()).unwrap();
        assert!(read.image().is_none() && read.workload.is_none() && !read.goes_on);
    }

    #[test]
    fn an_answer_comes_through_whole() {
        let expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_446_000));
        for (expires, partial) in [(expires, true), (None, false)] {
            let provided =
                Provided { username: "AWS \"é\"".into(), secret: Secret::new("a\\b\n".into()), expires, partial };
            let read = Provided::read(std::str::from_utf8(&provided.to_json()).unwrap()).unwrap();
            assert_eq!((read.username, read.secret), (provided.username, provided.secret));
            assert_eq!((read.expires, read.partial), (expires, partial));
        }
    }

    #[test]
    fn nonsense_is_refused_and_not_repeated() {
        let nobody = r#"{"registry":"r.example","workload":{"token":"canary"}}"#;
        for text in ["", "canary", "{}", "{\"registry\":\"canary canary\"}", "[\"canary\"]", nobody] {
            let failure = Question::read(text).unwrap_err().to_string();
            assert!(!failure.contains("canary"), "{failure}");
            assert!(Provided::read(text).is_none());
        }
    }
}
