use registry::Cloud;

use crate::helpers::name_of;

/// What a `credmint` is built from.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The package's version; if clouds are missing, with the others: `0.1.0+ecr`.
    pub version: &'static str,
    /// The hash of the commit, if known.
    pub commit: Option<&'static str>,
    /// The target triple.
    pub target: &'static str,
    /// The clouds whose registries it has tokens for.
    pub providers: &'static [Cloud],
}

impl Build {
    /// Whether this cloud's tokens can be had.
    pub(crate) fn has(&self, cloud: Cloud) -> bool {
        self.providers.contains(&cloud)
    }

    /// The clouds that are built in, by their short names.
    pub(crate) fn provider_names(&self) -> Vec<&'static str> {
        self.providers.iter().copied().map(name_of).collect()
    }

    /// The error of a cloud that is not built in.
    pub(crate) fn does_not_support(&self, cloud: Cloud) -> String {
        format!("this build of credmint ({}) does not support {cloud}", self.version)
    }
}

/// How to install a cloud that was left out.
pub(crate) fn install_with(cloud: Cloud) -> String {
    format!("install credmint with all clouds, or build it with --features {}", name_of(cloud))
}
