//! Which help text fits a refusal of Entra's. The numbers choose words and nothing else (Microsoft identity platform, error
//! codes: behaviour follows `error`, as numbers may change).

use serde::Serialize;
use specta::Type;
use unlatch_auth::EntraError;

/// The help texts the window has for what Entra refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EntraHelp {
    /// Nobody has consented to what the application asks for.
    NotConsented,
    /// Only an administrator can consent.
    AdminConsentNeeded,
    /// An administrator was asked for approval and has not answered yet.
    ApprovalNeeded,
    /// The person declined the consent.
    ConsentDeclined,
    /// The tenant does not subscribe to a service the application needs.
    NotSubscribed,
    /// The application's registration lacks a permission.
    PermissionNotConfigured,
    /// The application asks for a permission that does not exist there.
    UnknownScope,
    /// The person must do something in the browser; the service does not say what.
    InteractionNeeded,
    /// Multi-factor authentication is needed.
    MfaNeeded,
    /// The person must register for multi-factor authentication first.
    MfaSetUp,
    /// The last multi-factor authentication has expired.
    MfaExpired,
    /// Another provider must do the multi-factor authentication.
    MfaElsewhere,
    /// A rule forbids registering for multi-factor authentication from here.
    MfaSetUpBlocked,
    /// Conditional Access blocks the sign-in.
    ConditionalAccess,
    /// Conditional Access blocks signing in with a code, as in many tenants.
    DeviceCodeBlocked,
    /// This computer is not compliant.
    DeviceNotCompliant,
    /// This computer is not joined to the domain.
    DeviceNotJoined,
    /// This computer did not authenticate itself.
    DeviceNotKnown,
    /// The application is not on the list of approved ones.
    AppNotApproved,
    /// A delegated administrator's sign-in counts as risky.
    DelegatedAdminRisk,
    /// Security defaults block it.
    SecurityDefaults,
    /// The registration does not allow public client flows, or has the redirect address under *Web*.
    PublicClientOff,
    /// The registration has a secret, which a desktop application must not send.
    SecretSent,
    /// The redirect address is not registered.
    RedirectWrong,
    /// The redirect address is registered under *Single-page application*.
    SpaRedirect,
    /// The application is not known in the tenant.
    UnknownClient,
    /// The application is switched off in the tenant.
    ClientDisabled,
    /// Microsoft Graph, as the application names it, is not known in the tenant: often the wrong cloud.
    ResourceMissing,
    /// There is no such tenant.
    UnknownTenant,
    /// The tenant lives in another cloud.
    OtherCloud,
    /// The account does not exist in the tenant.
    AccountElsewhere,
    /// The account is a personal one.
    PersonalAccount,
    /// The account is not assigned to the application.
    NotAssigned,
    /// The application is for one tenant and was used with another address.
    SingleTenantApp,
    /// The address of sign-in does not allow this kind of it.
    WrongAuthority,
    /// Tenant restrictions or cross-tenant access policy forbid it.
    TenantRestrictions,
    /// The kept sign-in has expired.
    SignInExpired,
    /// The kept sign-in was revoked.
    SignInRevoked,
    /// The password was changed since the sign-in.
    PasswordChanged,
    /// The kept sign-in is not accepted.
    SignInInvalid,
    /// The organisation asks for a new sign-in after a time.
    SignInFrequency,
    /// The code was used already.
    CodeUsed,
    /// The code does not belong to this sign-in.
    CodeMismatch,
    /// The browser has no sign-in.
    NoSession,
    /// No tenant is named.
    NoTenantNamed,
    /// The account, or where it signs in from, is locked.
    AccountLocked,
    /// The password has expired.
    PasswordExpired,
    /// The account is disabled.
    AccountDisabled,
    /// The user name or the password is wrong.
    WrongPassword,
    /// The application asked too often in a short time.
    TooManyTries,
    /// The service is busy or broken for the moment.
    Busy,
    /// The device code is wrong or was used.
    DeviceCodeWrong,
    /// The device code has expired.
    DeviceCodeExpired,
    /// The person declined on the other device.
    DeviceCodeDeclined,
}

/// The help text for a refusal, by its numbers, then by its words.
#[must_use]
pub fn of(error: &EntraError) -> Option<EntraHelp> {
    error.codes.iter().find_map(|code| by_number(*code)).or_else(|| by_words(error))
}

fn by_number(code: u32) -> Option<EntraHelp> {
    use EntraHelp as Help;
    Some(match code {
        65001 => Help::NotConsented,
        90094 => Help::AdminConsentNeeded,
        90095 => Help::ApprovalNeeded,
        65004 => Help::ConsentDeclined,
        650_052 => Help::NotSubscribed,
        650_056 | 650_057 | 65005 => Help::PermissionNotConfigured,
        70011 | 650_053 | 70022 | 700_022 => Help::UnknownScope,
        50076 | 50074 => Help::MfaNeeded,
        50079 | 50072 => Help::MfaSetUp,
        50078 => Help::MfaExpired,
        50158 => Help::MfaElsewhere,
        53004 => Help::MfaSetUpBlocked,
        53003 | 530_032 | 50131 => Help::ConditionalAccess,
        53000 => Help::DeviceNotCompliant,
        53001 => Help::DeviceNotJoined,
        50097 => Help::DeviceNotKnown,
        53002 => Help::AppNotApproved,
        530_034 => Help::DelegatedAdminRisk,
        530_035 => Help::SecurityDefaults,
        7_000_218 => Help::PublicClientOff,
        700_025 => Help::SecretSent,
        50011 | 900_971 | 70004 => Help::RedirectWrong,
        700_084 => Help::SpaRedirect,
        700_016 | 70001 => Help::UnknownClient,
        7_000_112 => Help::ClientDisabled,
        700_011 | 500_011 => Help::ResourceMissing,
        90002 => Help::UnknownTenant,
        90038 | 90051 => Help::OtherCloud,
        50020 | 50034 | 51004 | 16000 | 90072 => Help::AccountElsewhere,
        500_200 => Help::PersonalAccount,
        50105 => Help::NotAssigned,
        50194 => Help::SingleTenantApp,
        9_001_023 | 9_002_332 => Help::WrongAuthority,
        500_021 | 500_212 | 500_213 => Help::TenantRestrictions,
        70008 | 700_082 | 50089 => Help::SignInExpired,
        50173 => Help::SignInRevoked,
        50132 | 50133 => Help::PasswordChanged,
        70000 => Help::SignInInvalid,
        70043 => Help::SignInFrequency,
        54005 => Help::CodeUsed,
        50147 | 501_481 => Help::CodeMismatch,
        50058 => Help::NoSession,
        50059 => Help::NoTenantNamed,
        50053 => Help::AccountLocked,
        50055 => Help::PasswordExpired,
        50057 => Help::AccountDisabled,
        50126 => Help::WrongPassword,
        50196 => Help::TooManyTries,
        90033 | 90055 | 50033 => Help::Busy,
        70018 | 90120 | 50134 => Help::DeviceCodeWrong,
        70019 => Help::DeviceCodeExpired,
        70020 => Help::DeviceCodeDeclined,
        _ => return None,
    })
}

/// The service may leave its numbers out, or bring new ones.
fn by_words(error: &EntraError) -> Option<EntraHelp> {
    use EntraHelp as Help;
    match error.suberror.as_deref() {
        Some("consent_required") => return Some(Help::NotConsented),
        Some("basic_action" | "additional_action") => return Some(Help::InteractionNeeded),
        Some("message_only" | "protection_policy_required") => return Some(Help::ConditionalAccess),
        Some("bad_token" | "token_expired") => return Some(Help::SignInExpired),
        _ => {}
    }
    Some(match error.error.as_str() {
        "consent_required" => Help::NotConsented,
        "access_denied" => Help::ConsentDeclined,
        "interaction_required" => Help::InteractionNeeded,
        "login_required" => Help::NoSession,
        "invalid_scope" => Help::UnknownScope,
        "invalid_resource" => Help::ResourceMissing,
        "unauthorized_client" => Help::UnknownClient,
        "invalid_client" => Help::PublicClientOff,
        "invalid_tenant" => Help::UnknownTenant,
        "temporarily_unavailable" | "server_error" => Help::Busy,
        "authorization_declined" => Help::DeviceCodeDeclined,
        "bad_verification_code" => Help::DeviceCodeWrong,
        "expired_token" => Help::DeviceCodeExpired,
        "invalid_grant" => Help::SignInInvalid,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(error: &str, suberror: Option<&str>, codes: &[u32]) -> EntraError {
        EntraError {
            error: error.to_owned(),
            suberror: suberror.map(str::to_owned),
            description: String::new(),
            codes: codes.to_vec(),
            correlation_id: None,
            timestamp: None,
            claims: None,
        }
    }

    /// The numbers worth an explanation (Microsoft identity platform, error codes).
    const DOCUMENTED: [u32; 75] = [
        65001, 90094, 90095, 65004, 650_052, 650_056, 650_057, 65005, 50076, 50079, 50072, 50074, 50078,
        50158, 53003, 530_032, 53000, 53001, 53002, 50131, 50097, 53004, 530_034, 530_035, 7_000_218,
        700_025, 50011, 900_971, 70004, 700_016, 7_000_112, 70001, 700_011, 500_011, 90002, 90038, 90051,
        50020, 50034, 51004, 16000, 90072, 50105, 50194, 9_001_023, 9_002_332, 500_021, 500_212, 500_213,
        70008, 700_082, 70000, 50173, 70043, 50089, 50132, 50133, 700_084, 54005, 50147, 501_481, 50058,
        50059, 50053, 50055, 50057, 50126, 50196, 90033, 90055, 50033, 70018, 70019, 90120, 50134,
    ];

    #[test]
    fn every_documented_number_has_its_help_whatever_the_words() {
        for code in DOCUMENTED {
            let help = of(&refusal("a_new_word", None, &[code]));
            assert!(help.is_some(), "{code}");
            assert_eq!(
                of(&refusal("a_new_word", None, &[1, code])),
                help,
                "the first number that is known counts"
            );
        }
    }

    #[test]
    fn without_a_known_number_the_words_choose_the_help_and_new_ones_get_none() {
        for (error, suberror, help) in [
            ("invalid_grant", Some("consent_required"), Some(EntraHelp::NotConsented)),
            ("interaction_required", Some("basic_action"), Some(EntraHelp::InteractionNeeded)),
            ("invalid_grant", Some("message_only"), Some(EntraHelp::ConditionalAccess)),
            ("invalid_grant", Some("token_expired"), Some(EntraHelp::SignInExpired)),
            ("invalid_grant", Some("a_new_word"), Some(EntraHelp::SignInInvalid)),
            ("temporarily_unavailable", None, Some(EntraHelp::Busy)),
            ("expired_token", None, Some(EntraHelp::DeviceCodeExpired)),
            ("authorization_declined", None, Some(EntraHelp::DeviceCodeDeclined)),
            ("a_new_word", None, None),
        ] {
            assert_eq!(of(&refusal(error, suberror, &[999_999])), help, "{error} {suberror:?}");
        }
    }
}
