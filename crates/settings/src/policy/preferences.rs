//! Policy in the managed preferences of macOS, as a configuration profile sets them.

use objc2::runtime::AnyObject;
use objc2_core_foundation::{
    CFPreferencesAppSynchronize, CFPreferencesAppValueIsForced, CFPreferencesCopyAppValue, CFString, CFType,
};
use objc2_foundation::{NSArray, NSDictionary, NSNumber, NSString};
use toml::{Table, Value};

use crate::keys::KEYS;

/// Whose preferences they are. They are asked for by this name, as a copy of the program outside its bundle has no name of its own.
const APPLICATION: &str = "io.github.unlatch.desktop";

/// The values that a profile forces. What a person wrote with `defaults` is none. Keys that are none of ours are not seen: those
/// that a profile forces for every application stand among them.
pub(super) fn read() -> Result<Table, String> {
    let application = CFString::from_str(APPLICATION);
    // What was read before is remembered otherwise. Where this fails, that is what there is.
    let _ = CFPreferencesAppSynchronize(&application);
    let mut table = Table::new();
    for key in &KEYS {
        let name = CFString::from_str(key.name);
        if CFPreferencesAppValueIsForced(&name, &application)
            && let Some(object) = CFPreferencesCopyAppValue(&name, &application)
        {
            let object: &CFType = &object;
            let value = value(object.as_ref())
                .ok_or_else(|| format!("{} has a type that means nothing here", key.name));
            table.insert(key.name.to_owned(), value?);
        }
    }
    Ok(table)
}

/// A property list's value. Yes and no are numbers there.
fn value(object: &AnyObject) -> Option<Value> {
    if let Some(text) = object.downcast_ref::<NSString>() {
        return Some(Value::String(text.to_string()));
    }
    if let Some(number) = object.downcast_ref::<NSNumber>() {
        return Some(Value::Integer(number.longLongValue()));
    }
    if let Some(list) = object.downcast_ref::<NSArray>() {
        return list.iter().map(|item| value(&item)).collect::<Option<Vec<_>>>().map(Value::Array);
    }
    let dictionary = object.downcast_ref::<NSDictionary>()?;
    let mut table = Table::new();
    for key in dictionary.allKeys().iter() {
        let name = key.downcast_ref::<NSString>()?.to_string();
        table.insert(name, value(&*dictionary.objectForKey(&key)?)?);
    }
    Some(Value::Table(table))
}
