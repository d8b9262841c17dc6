//! The key exchange with a service that rejects plain secrets:
//! `dh-ietf1024-sha256-aes128-cbc-pkcs7`, the only algorithm of the specification.
//! <https://specifications.freedesktop.org/secret-service-spec/latest/transfer-secrets.html>

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use crypto_bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use crypto_bigint::{Encoding, U1024};
use hmac_sha256::HKDF;
use zeroize::Zeroizing;

pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

/// <https://www.rfc-editor.org/rfc/rfc2409#section-6.2>
const PRIME: U1024 = U1024::from_be_hex(concat!(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74",
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437",
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED",
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
));
const BLOCK: usize = 16;

/// Our private key.
pub(super) struct KeyExchange(Zeroizing<U1024>);

/// The shared key.
pub(super) struct Cipher(Zeroizing<[u8; BLOCK]>);

impl KeyExchange {
    /// # Errors
    /// The kernel provides no random numbers.
    pub(super) fn new() -> std::io::Result<Self> {
        let mut random = Zeroizing::new([0; U1024::BYTES]);
        fill_randomly(&mut random[..])?;
        Ok(KeyExchange(Zeroizing::new(U1024::from_be_bytes(*random))))
    }

    /// Our public key.
    pub(super) fn public(&self) -> [u8; U1024::BYTES] {
        self.power_of(&U1024::from_u8(2)).to_be_bytes()
    }

    /// The shared key; `None` if the service's public key is malformed, or makes the shared key predictable.
    pub(super) fn agree(&self, theirs: &[u8]) -> Option<Cipher> {
        // Some services omit leading zeros.
        let start = theirs.iter().position(|&byte| byte != 0)?;
        let mut padded = [0; U1024::BYTES];
        let place = U1024::BYTES.checked_sub(theirs.len() - start)?;
        padded[place..].copy_from_slice(&theirs[start..]);
        let theirs = U1024::from_be_bytes(padded);
        if theirs <= U1024::ONE || theirs >= PRIME.wrapping_sub(&U1024::ONE) {
            return None;
        }
        let shared = Zeroizing::new(self.power_of(&theirs).to_be_bytes());
        let mut key = Zeroizing::new([0; BLOCK]);
        let seed = Zeroizing::new(HKDF::extract([0; 32], &shared[..]));
        HKDF::expand(&mut key[..], &seed[..], []);
        Some(Cipher(key))
    }

    fn power_of(&self, base: &U1024) -> U1024 {
        DynResidue::new(base, DynResidueParams::new(&PRIME)).pow(&*self.0).retrieve()
    }
}

impl Cipher {
    /// The initialization vector, and the encrypted secret.
    ///
    /// # Errors
    /// The kernel provides no random numbers.
    pub(super) fn encrypt(&self, secret: &[u8]) -> std::io::Result<([u8; BLOCK], Vec<u8>)> {
        let mut vector = [0; BLOCK];
        fill_randomly(&mut vector)?;
        let mut sealed = vec![0; (secret.len() / BLOCK + 1) * BLOCK];
        let length = cbc::Encryptor::<Aes128>::new((&*self.0).into(), (&vector).into())
            .encrypt_padded_b2b::<Pkcs7>(secret, &mut sealed)
            .expect("the buffer is large enough for the padding")
            .len();
        debug_assert_eq!(length, sealed.len());
        Ok((vector, sealed))
    }

    /// `None` if it was not encrypted with this key.
    pub(super) fn decrypt(&self, vector: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let vector: &[u8; BLOCK] = vector.try_into().ok()?;
        let mut secret = Zeroizing::new(vec![0; sealed.len()]);
        let length = cbc::Decryptor::<Aes128>::new((&*self.0).into(), vector.into())
            .decrypt_padded_b2b::<Pkcs7>(sealed, &mut secret)
            .ok()?
            .len();
        secret.truncate(length);
        Some(secret)
    }
}

fn fill_randomly(bytes: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_derive_the_same_key() {
        let (ours, theirs) = (KeyExchange::new().unwrap(), KeyExchange::new().unwrap());
        let (here, there) = (ours.agree(&theirs.public()).unwrap(), theirs.agree(&ours.public()).unwrap());
        for length in [0, 1, 15, 16, 17, 5_000] {
            let secret = vec![b's'; length];
            let (vector, sealed) = here.encrypt(&secret).unwrap();
            assert_eq!(there.decrypt(&vector, &sealed).unwrap().as_slice(), secret, "{length}");
            assert!(length < 15 || !sealed.windows(15).any(|part| secret.starts_with(part)));
        }
        let (vector, sealed) = here.encrypt(b"secret").unwrap();
        assert!(there.decrypt(&vector[1..], &sealed).is_none());
        assert!(there.decrypt(&vector, &sealed[1..]).is_none());
        assert!(there.decrypt(&vector, &[]).is_none());
    }

    /// Computed with Python's `pow`, `hmac` and `hashlib`.
    #[test]
    fn the_key_equals_that_of_another_implementation() {
        let offer = KeyExchange(Zeroizing::new(U1024::from_u64(0x0123_4567_89ab_cdef)));
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&offer.public()), PUBLIC);
        // With and without leading zeros.
        for seven in [&[7][..], &[0, 0, 7]] {
            assert_eq!(hex(&*offer.agree(seven).unwrap().0), KEY);
        }
    }

    #[test]
    fn a_public_key_that_makes_the_shared_key_predictable_is_rejected() {
        let offer = KeyExchange::new().unwrap();
        let prime = PRIME.to_be_bytes();
        let below = PRIME.wrapping_sub(&U1024::ONE).to_be_bytes();
        for half in [&[][..], &[0; 128], &[1], &prime, &below, &[0xff; 128], &[0xff; 129]] {
            assert!(offer.agree(half).is_none(), "{half:?}");
        }
    }

    const PUBLIC: &str = concat!(
        "6750f347a1c8f704b702067cc558eb6b4b82bf17af7fcb07868f802b66d10534",
        "b62f9bea7e382cc86f6150f8c1599c7d16cf54482363fe9dc6fb018648a37ed4",
        "f829104e6c54414ff52d8f0bf73d56d4f070952361b0c6d1557483ff30482207",
        "5edd301424a7ee3200cb8a13d53d013eec582fc3f5d19f12b999efe8dd82b833",
    );
    const KEY: &str = "2f09186debac935699e430fdad1879e7";
}
