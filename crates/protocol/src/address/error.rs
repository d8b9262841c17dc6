use thiserror::Error;

/// Why a text is not a registry address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("no credentials server URL")]
    Empty,
    /// Neither `http` nor `https`.
    #[error("invalid registry address: it must start with https://, http:// or the host")]
    Scheme,
    /// The host is missing.
    #[error("invalid registry address: no host")]
    NoHost,
    /// The part before an `@` is not a user name, or there are two.
    #[error("invalid registry address: remove the part up to the @, which is not a user name")]
    User,
    /// An empty label.
    #[error("invalid registry address: the host starts with a dot or has two dots in a row")]
    EmptyLabel,
    /// Longer than DNS allows.
    #[error("invalid registry address: the host is too long (63 characters between dots, 253 in total)")]
    TooLong,
    /// A space, a control character, a backslash and the like.
    #[error("invalid registry address: the host may only contain letters, digits, dots, - and _")]
    Character,
    /// Letters whose ASCII form cannot be computed here.
    #[error("invalid registry address: cannot convert the host to ASCII; write its xn-- form")]
    NotConvertible,
    /// Brackets without an IPv6 address in them, or with something other than a port after them.
    #[error("invalid registry address: write an IPv6 address in brackets, with an optional port: [::1]:5000")]
    Bracket,
    /// An IPv6 address without brackets, which is ambiguous.
    #[error("invalid registry address: write an IPv6 address in brackets: [::1]:5000")]
    NoBrackets,
    /// A port that is not a number from 1 to 65535.
    #[error("invalid registry address: the port must be a number from 1 to 65535")]
    Port,
    /// A path with a control character or one outside ASCII.
    #[error("invalid registry address: the path must be printable ASCII")]
    Path,
}
