//! Which keys of the user's file lose their force where policy sets others. The administrator's guide has the same table.

/// What a key of policy takes from the user's file besides the key itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    /// The key that policy sets.
    pub policy: &'static str,
    /// The user's keys that have no force then, unless policy sets them too.
    pub overrides: &'static [&'static str],
    /// The user's keys that have force then only where they agree with policy's value.
    pub checks: &'static [&'static str],
}

/// The whole table. A key that is not in it binds nothing but itself.
pub const BINDINGS: [Binding; 5] = [
    // A tenant of the same name in another cloud is another tenant.
    Binding { policy: "tenant", overrides: &["cloud", "tenants", "allowed_tenants"], checks: &[] },
    Binding { policy: "client_id", overrides: &[], checks: &["tenants"] },
    Binding { policy: "cloud", overrides: &[], checks: &["tenants"] },
    Binding {
        policy: "tenants",
        overrides: &["tenant", "client_id", "cloud", "allowed_tenants"],
        checks: &[],
    },
    // The server at addresses of the user's own says which tenant it is.
    Binding { policy: "allowed_tenants", overrides: &[], checks: &["tenant", "cloud", "tenants"] },
];

/// Returns the keys of policy that take the force from the user's `key`.
pub(crate) fn overriding(key: &str) -> impl Iterator<Item = &'static str> {
    BINDINGS.iter().filter(move |binding| binding.overrides.contains(&key)).map(|binding| binding.policy)
}

/// Returns the keys of policy that the user's `key` has to agree with.
pub(crate) fn checking(key: &str) -> impl Iterator<Item = &'static str> {
    BINDINGS.iter().filter(move |binding| binding.checks.contains(&key)).map(|binding| binding.policy)
}
