//! The one error that crosses into the window.

use serde::Serialize;
use specta::Type;
use time::OffsetDateTime;
use unlatch_auth::{EntraError, VaultState};

use crate::convert;
use crate::dto::{HoldView, JournalTrouble, KeychainView};
use crate::entra_help::{self, EntraHelp};

/// What went wrong, as a code the window has words for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// What kind of failure this is. The window branches on this alone.
    pub code: ErrorCode,
    /// A technical detail for support, in English. Never a token, a code or a passcode.
    pub message: String,
    /// Graph's request id or Entra's correlation id.
    pub request_id: Option<String>,
    /// How long Graph asked to wait, if it said.
    pub hold: Option<HoldView>,
    /// Which help text fits what Entra refused, if one does.
    pub help: Option<EntraHelp>,
    /// When Entra refused, as it wrote it.
    pub at: Option<String>,
    /// What is the matter with the keychain, if that is what failed.
    pub keychain: Option<KeychainView>,
    /// What is the matter with the journal, if that is what failed and it is known.
    pub journal: Option<JournalTrouble>,
}

/// Every kind of failure the window tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// Nobody is signed in, or the sign-in has ended.
    SignedOut,
    /// The person stopped the sign-in.
    SignInCancelled,
    /// The browser did not come back in time.
    SignInTimedOut,
    /// Entra refused; `message` holds its text.
    SignInRefused,
    /// A personal Microsoft account was chosen.
    PersonalAccount,
    /// Another tenant than the configured one answered.
    WrongTenant,
    /// Entra knows no such tenant.
    UnknownTenant,
    /// Entra knows no such application in this tenant.
    UnknownClient,
    /// No browser could be opened.
    NoBrowser,
    /// The service cannot be reached.
    Offline,
    /// An intermediary answered in the service's place, such as a proxy.
    Intermediary,
    /// The service's certificate cannot be trusted.
    Tls,
    /// Graph throttles; see `hold`.
    Throttled,
    /// The account's Intune or Entra role does not allow it.
    NotAllowed,
    /// The application lacks a scope.
    MissingScope,
    /// Sending the action was not consented to yet; it is asked for with a sign-in.
    ConsentNeeded,
    /// The object is outside the scope tags of the account's Intune role.
    OutOfScopeTags,
    /// The tenant has no Intune licence that covers this.
    NoLicence,
    /// The window is locked.
    Locked,
    /// The tenant is on the list already.
    TenantKnown,
    /// The organisation does not allow it; `message` says what.
    Forbidden,
    /// No such object.
    NotFound,
    /// The service's answer could not be understood.
    BadAnswer,
    /// The service failed.
    Service,
    /// The input is empty, too long or malformed.
    InvalidInput,
    /// The keychain is locked, absent or failed.
    Keychain,
    /// The journal cannot be written or read.
    Journal,
    /// The journal lost entries, and no person has answered that yet. Nothing was sent.
    JournalWentBack,
    /// The plan is unknown, was used, or does not match the confirmation.
    PlanMismatch,
    /// A device of the plan still waits in another run.
    DeviceInRun,
    /// It cannot be done while a run is under way.
    RunUnderWay,
    /// The run goes on only as the account that confirmed it; `message` names it.
    OtherAccount,
    /// The run, or the device in it, stands otherwise than what was asked needs.
    RunMovedOn,
    /// A report cannot be written.
    Report,
    /// A newer search replaced this one.
    Superseded,
    /// The configuration cannot be used or written.
    Config,
    /// A fault of this application.
    Internal,
}

impl CommandError {
    fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            request_id: None,
            hold: None,
            help: None,
            at: None,
            keychain: None,
            journal: None,
        }
    }

    /// What Entra refused, with what support asks for.
    fn of_entra(code: ErrorCode, message: impl ToString, entra: Option<&EntraError>) -> Self {
        Self {
            request_id: entra.and_then(|error| error.correlation_id.clone()),
            help: entra.and_then(entra_help::of),
            at: entra.and_then(|error| error.timestamp.clone()),
            ..Self::new(code, message)
        }
    }

    /// The same failure of a sign-in with a code: what Conditional Access blocks then is often that kind of sign-in.
    #[must_use]
    pub fn with_code(self) -> Self {
        let help = match self.help {
            Some(EntraHelp::ConditionalAccess) => Some(EntraHelp::DeviceCodeBlocked),
            help => help,
        };
        Self { help, ..self }
    }

    /// Sending the action was not consented to.
    #[must_use]
    pub fn consent_needed(entra: Option<&EntraError>) -> Self {
        let message = entra.map_or_else(
            || "the permission to send the action was not granted".to_owned(),
            ToString::to_string,
        );
        Self::of_entra(ErrorCode::ConsentNeeded, message, entra)
    }

    /// The window is locked.
    #[must_use]
    pub fn locked() -> Self {
        Self::new(ErrorCode::Locked, "the window is locked")
    }

    /// The tenant is on the list already.
    #[must_use]
    pub fn tenant_known() -> Self {
        Self::new(ErrorCode::TenantKnown, "the tenant and the application are on the list already")
    }

    /// The organisation does not allow it.
    #[must_use]
    pub fn forbidden(what: impl ToString) -> Self {
        Self::new(ErrorCode::Forbidden, what)
    }

    /// No browser opened.
    #[must_use]
    pub fn no_browser(why: impl ToString) -> Self {
        Self::new(ErrorCode::NoBrowser, why)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn signed_out() -> Self {
        Self::new(ErrorCode::SignedOut, "nobody is signed in")
    }

    /// A sign-in that was in force has ended.
    #[must_use]
    pub fn session_ended(why: &unlatch_auth::SignInNeeded) -> Self {
        let entra = why.error.as_ref();
        let message = entra.map_or_else(|| "the sign-in has ended".to_owned(), ToString::to_string);
        Self::of_entra(ErrorCode::SignedOut, message, entra)
    }

    /// The person stopped the sign-in.
    #[must_use]
    pub fn sign_in_cancelled() -> Self {
        Self::new(ErrorCode::SignInCancelled, "the sign-in was cancelled")
    }

    /// No tenant and application are configured.
    #[must_use]
    pub fn no_registration() -> Self {
        Self::new(ErrorCode::Config, "no tenant and application are configured")
    }

    /// A report cannot be written.
    #[must_use]
    pub fn report(reason: impl ToString) -> Self {
        Self::new(ErrorCode::Report, reason)
    }

    /// The configuration cannot be used or written.
    #[must_use]
    pub fn config(reason: impl ToString) -> Self {
        Self::new(ErrorCode::Config, reason)
    }

    /// The input is empty, too long or malformed.
    #[must_use]
    pub fn invalid_input(why: impl ToString) -> Self {
        Self::new(ErrorCode::InvalidInput, why)
    }

    /// A newer search replaced this one.
    #[must_use]
    pub fn superseded() -> Self {
        Self::new(ErrorCode::Superseded, "a newer search replaced this one")
    }

    /// The plan is unknown, was used, or does not match the confirmation.
    #[must_use]
    pub fn plan_mismatch() -> Self {
        Self::new(ErrorCode::PlanMismatch, "the confirmation does not match a plan that waits")
    }

    /// It cannot be done while a run is under way.
    #[must_use]
    pub fn run_under_way() -> Self {
        Self::new(ErrorCode::RunUnderWay, "a run is under way in this tenant")
    }

    /// A fault of this application.
    #[must_use]
    pub fn internal(error: impl ToString) -> Self {
        Self::new(ErrorCode::Internal, error)
    }
}

impl From<unlatch_graph::Error> for CommandError {
    fn from(error: unlatch_graph::Error) -> Self {
        use unlatch_graph::{ApiErrorKind as Kind, Error, Hold, TokenError};
        let code = match &error {
            Error::InvalidInput(_) => ErrorCode::InvalidInput,
            Error::Token(TokenError::SignInNeeded { .. }) => ErrorCode::SignedOut,
            Error::Token(TokenError::Unavailable(_)) | Error::Offline(_) => ErrorCode::Offline,
            Error::Intermediary { .. } => ErrorCode::Intermediary,
            Error::Tls(_) => ErrorCode::Tls,
            Error::Throttled { .. } | Error::Held(_) => ErrorCode::Throttled,
            Error::BadAnswer { .. } | Error::ForeignLink => ErrorCode::BadAnswer,
            Error::Api(api) => match api.kind {
                Kind::RoleDenied => ErrorCode::NotAllowed,
                Kind::MissingScope => ErrorCode::MissingScope,
                Kind::Unauthenticated | Kind::ClaimsChallenge => ErrorCode::SignedOut,
                Kind::OutOfScopeTags => ErrorCode::OutOfScopeTags,
                Kind::NoLicence => ErrorCode::NoLicence,
                Kind::NotFound => ErrorCode::NotFound,
                Kind::Throttled => ErrorCode::Throttled,
                Kind::RouteUnknown | Kind::BadRequest | Kind::Service | Kind::Other => ErrorCode::Service,
            },
        };
        let hold = match &error {
            Error::Throttled { retry_after, .. } => {
                retry_after.map(|left| Hold { left, told_by: unlatch_graph::Kind::Read })
            }
            Error::Held(hold) => Some(*hold),
            _ => None,
        };
        Self {
            request_id: error.request_id().map(str::to_owned),
            hold: hold.map(|hold| convert::hold(hold, OffsetDateTime::now_utc())),
            ..Self::new(code, &error)
        }
    }
}

impl From<unlatch_auth::SignInError> for CommandError {
    fn from(error: unlatch_auth::SignInError) -> Self {
        use unlatch_auth::SignInError as Refusal;
        let code = match &error {
            Refusal::Cancelled => ErrorCode::SignInCancelled,
            Refusal::TimedOut => ErrorCode::SignInTimedOut,
            Refusal::NoBrowser(_) => ErrorCode::NoBrowser,
            Refusal::Listener(_) => ErrorCode::Internal,
            Refusal::Refused(_) => ErrorCode::SignInRefused,
            Refusal::PersonalAccount => ErrorCode::PersonalAccount,
            Refusal::WrongTenant { .. } => ErrorCode::WrongTenant,
            Refusal::UnknownTenant(_) | Refusal::WrongCloud { .. } => ErrorCode::UnknownTenant,
            Refusal::UnknownClient(_) => ErrorCode::UnknownClient,
            Refusal::Offline(_) => ErrorCode::Offline,
            Refusal::Tls(_) => ErrorCode::Tls,
            Refusal::BadAnswer(_) => ErrorCode::BadAnswer,
        };
        let entra = match &error {
            Refusal::Refused(entra) | Refusal::UnknownTenant(entra) | Refusal::UnknownClient(entra) => {
                Some(entra.as_ref())
            }
            _ => None,
        };
        Self::of_entra(code, &error, entra)
    }
}

impl From<unlatch_recovery::JournalError> for CommandError {
    fn from(error: unlatch_recovery::JournalError) -> Self {
        Self { journal: convert::journal_trouble(&error), ..Self::new(ErrorCode::Journal, error) }
    }
}

impl From<unlatch_recovery::StartError> for CommandError {
    fn from(error: unlatch_recovery::StartError) -> Self {
        match error {
            unlatch_recovery::StartError::Journal(error) => error.into(),
            unlatch_recovery::StartError::InAnotherRun(_) => Self::new(ErrorCode::DeviceInRun, error),
        }
    }
}

impl From<unlatch_recovery::ActError> for CommandError {
    fn from(error: unlatch_recovery::ActError) -> Self {
        use unlatch_recovery::ActError;
        match error {
            ActError::Journal(error) => error.into(),
            ActError::Graph(error) => error.into(),
            ActError::MovedOn => Self::new(ErrorCode::RunMovedOn, error),
            ActError::OtherAccount { account } => Self::new(ErrorCode::OtherAccount, account),
            ActError::InAnotherRun(_) => Self::new(ErrorCode::DeviceInRun, error),
            ActError::JournalWentBack(_) => Self::new(ErrorCode::JournalWentBack, error),
        }
    }
}

impl From<unlatch_recovery::CheckError> for CommandError {
    fn from(error: unlatch_recovery::CheckError) -> Self {
        match error {
            unlatch_recovery::CheckError::Journal(error) => error.into(),
            unlatch_recovery::CheckError::Graph(error) => error.into(),
        }
    }
}

impl From<unlatch_auth::VaultError> for CommandError {
    fn from(error: unlatch_auth::VaultError) -> Self {
        Self {
            keychain: Some(convert::keychain(&VaultState::from(&error))),
            ..Self::new(ErrorCode::Keychain, error)
        }
    }
}

impl From<unlatch_auth::StillLocked> for CommandError {
    fn from(error: unlatch_auth::StillLocked) -> Self {
        match error {
            unlatch_auth::StillLocked::NotKept => Self::new(ErrorCode::SignedOut, error),
            unlatch_auth::StillLocked::Vault(error) => error.into(),
        }
    }
}

impl From<unlatch_auth::RestoreError> for CommandError {
    fn from(error: unlatch_auth::RestoreError) -> Self {
        match error {
            unlatch_auth::RestoreError::Vault(error) => error.into(),
        }
    }
}

impl From<unlatch_recovery::PlanError> for CommandError {
    fn from(error: unlatch_recovery::PlanError) -> Self {
        Self::invalid_input(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use unlatch_graph::{Error, Hold, Kind};

    use super::*;

    #[test]
    fn a_wait_is_told_with_its_end_and_only_what_a_read_was_told_can_be_tried_before() {
        let left = Duration::from_millis(600_500);
        let throttled = Error::Throttled { retry_after: Some(left), request_id: Some("r".to_owned()) };
        let read = Error::Held(Hold { left, told_by: Kind::Read });
        let write = Error::Held(Hold { left, told_by: Kind::Write });
        for (error, may_probe) in [(throttled, true), (read, true), (write, false)] {
            let error = CommandError::from(error);
            let hold = error.hold.unwrap();
            assert_eq!((error.code, hold.seconds, hold.may_probe), (ErrorCode::Throttled, 601, may_probe));
        }
        let error = CommandError::from(Error::Throttled { retry_after: None, request_id: None });
        assert_eq!((error.code, error.hold), (ErrorCode::Throttled, None));
        let now = time::macros::datetime!(2026-11-30 10:00 UTC);
        let hold = convert::hold(Hold { left: Duration::from_secs(86_400), told_by: Kind::Read }, now);
        assert_eq!(hold.until, "2026-12-01T10:00:00Z");
        let hold = convert::hold(Hold { left: Duration::MAX, told_by: Kind::Read }, now);
        assert_eq!((hold.seconds, hold.until.as_str()), (u32::MAX, "2026-11-30T10:00:00Z"));
    }
}
