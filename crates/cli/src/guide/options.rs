use clap::Args;

use super::topic::{Ci, System, Topic};

/// Print ready-to-paste commands for working with an image
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint guide ghcr.io/owner/app:1.2.3
  credmint guide --topic create,clean-up 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app
  credmint guide --topic mirror --to registry.example/mirror/alpine alpine:3.20
  credmint guide --topic ci --ci gitlab europe-docker.pkg.dev/project/repository/app
  credmint guide --topic troubleshooting          a topic without an image; omit --topic to list them")]
pub(crate) struct Guide {
    /// The image; omit it for topics that are not about one
    pub(crate) image: Option<String>,
    /// The repository to copy the image to
    #[arg(long, value_name = "REGISTRY/REPO", requires = "image")]
    pub(crate) to: Option<String>,
    /// The CI system to print a pipeline for
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    pub(crate) ci: Ci,
    /// The GitHub host that runs the workflows [default: the image's GitHub, else github.com]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(crate) github: Option<String>,
    /// The operating system to print commands for [default: this one]
    #[arg(long, value_enum)]
    pub(crate) system: Option<System>,
    /// Print only these topics
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) topic: Vec<Topic>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn host(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if text.contains('.') && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected a host name, such as octocorp.ghe.com".to_owned())
    }
}
