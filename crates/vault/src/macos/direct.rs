use core_foundation::data::CFData;
use security_framework::base::Error;
use security_framework::item::{
    ItemAddOptions, ItemAddValue, ItemClass, ItemSearchOptions, Limit, Location, SearchResult,
};
use security_framework::passwords::{delete_generic_password, get_generic_password};
use zeroize::Zeroizing;

use super::signature::is_locked;
use super::status::Status;
use super::{Item, Items, Named};

/// The keychain of signed programs: all of ours are signed by one identity, and so share their items.
pub(crate) struct Direct;

impl Direct {
    fn named(service: &str, account: Option<&str>) -> Result<Vec<Named>, Status> {
        let mut search = ItemSearchOptions::new();
        search.class(ItemClass::generic_password()).service(service).load_attributes(true).limit(Limit::All);
        if let Some(account) = account {
            search.account(account);
        }
        let found = search.search().map_err(status)?;
        let named = |result: &SearchResult| {
            let mut attributes = result.simplify_dict()?;
            let account = attributes.remove("acct")?;
            Some(Named { account, comment: attributes.remove("icmt").unwrap_or_default() })
        };
        Ok(found.iter().filter_map(named).collect())
    }
}

impl Items for Direct {
    fn is_locked(&self) -> bool {
        is_locked()
    }

    fn read(&self, service: &str, account: &str) -> Result<(String, Zeroizing<String>), Status> {
        let named = Self::named(service, Some(account))?.pop().ok_or(Status::NOT_FOUND)?;
        let value = Zeroizing::new(get_generic_password(service, account).map_err(status)?);
        let value = std::str::from_utf8(&value).map_err(|_| Status::NO_ANSWER)?;
        Ok((named.comment, Zeroizing::new(value.to_owned())))
    }

    fn write(&self, items: &[Item<'_>]) -> Result<(), Status> {
        for Item { service, account, comment, value } in items {
            match self.delete(service, account) {
                Ok(()) | Err(Status::NOT_FOUND) => {}
                Err(status) => return Err(status),
            }
            let data = CFData::from_buffer(value.as_bytes());
            let mut add = ItemAddOptions::new(ItemAddValue::Data { class: ItemClass::generic_password(), data });
            add.set_service(service).set_account_name(account).set_label(service).set_comment(comment);
            add.set_location(Location::DefaultFileKeychain);
            add.add().map_err(status)?;
        }
        Ok(())
    }

    fn delete(&self, service: &str, account: &str) -> Result<(), Status> {
        delete_generic_password(service, account).map_err(status)
    }

    fn list(&self, service: &str) -> Result<Vec<Named>, Status> {
        Self::named(service, None)
    }
}

fn status(error: Error) -> Status {
    Status(error.code())
}
